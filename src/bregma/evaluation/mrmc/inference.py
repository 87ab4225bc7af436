"""From mean squares to tests and intervals: random or fixed readers and cases (Hillis 2007 and 2014).

What is random is what the conclusion shall reach beyond: random readers speak of readers like these, fixed ones of
these very people. With random readers the test is an F test whose denominator has Hillis' degrees of freedom; with
fixed readers and random cases it is a chi-squared test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from bregma.evaluation.intervals import CONFIDENCE, Interval
from bregma.evaluation.mrmc.components import Components
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class Factors:
    """What the conclusion shall hold for.

    Attributes:
        random_readers: readers like these, not these alone.
        random_cases: cases like these, not these alone.
    """

    random_readers: bool = True
    random_cases: bool = True

    def __post_init__(self) -> None:
        if not (self.random_readers or self.random_cases):
            raise RequestError("readers and cases are both fixed: then nothing is left to chance, and nothing to test")

    @property
    def words(self) -> str:
        """Such as "random readers and fixed cases"."""
        kinds = ["random" if random else "fixed" for random in (self.random_readers, self.random_cases)]
        return f"{kinds[0]} readers and {kinds[1]} cases"


@dataclass(frozen=True, slots=True)
class TreatmentTest:
    """Whether all treatments are alike.

    Attributes:
        statistic: "F" or "chi-squared".
        value: of the statistic.
        denominator: what MS(T) is held against.
        df1: T - 1.
        df2: of the denominator; infinite for chi-squared.
        p: chance of a value as large if treatments are alike.
    """

    statistic: str
    value: float
    denominator: float
    df1: int
    df2: float
    p: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or a difference with its interval.

    Attributes:
        value: the figure.
        standard_error: of it.
        df: of Student's t; infinite for the normal distribution.
        interval: cut off where the figure cannot go; None without spread, as for a reader who is always right.
        p: two-sided, against 0; None for a mean.
    """

    value: float
    standard_error: float
    df: float
    interval: Interval | None
    p: float | None = None


METHOD = "Obuchowski-Rockette"


def denominator(components: Components, factors: Factors) -> tuple[float, float]:
    """What MS(T) is held against, and its degrees of freedom.

    Raises:
        RequestError: random readers, but too few of them.
    """
    if not factors.random_readers:
        spread = components.error - components.cov1 + (components.readers - 1) * components.between_readers
        return spread, math.inf
    if components.interaction is None:
        raise RequestError("one reader cannot stand for readers in general; take readers as fixed, or add readers")
    square = components.interaction
    if not factors.random_cases:
        return square, float(components.degrees)
    total = square + components.readers * components.between_readers
    return total, hillis_degrees(total, square, components.degrees)


def hillis_degrees(total: float, square: float, degrees: float) -> float:
    """Degrees of freedom of a mean square plus covariances that count as known (Hillis 2007, eq. 6).

    Args:
        total: the denominator.
        square: the mean square in it.
        degrees: of that mean square.
    """
    return degrees * (total / square) ** 2 if square > 0 else math.inf


def treatment_test(components: Components, factors: Factors) -> TreatmentTest | None:
    """Whether all treatments are alike; None for one treatment.

    Raises:
        RequestError: too few readers, or no spread at all.
    """
    if components.treatment is None:
        return None
    below, df2 = denominator(components, factors)
    if below <= 0:
        raise RequestError("all readers and cases give the same difference: without spread there is nothing to test")
    df1, ratio = components.treatments - 1, components.treatment / below
    if math.isinf(df2):
        return TreatmentTest("chi-squared", df1 * ratio, below, df1, df2, float(stats.chi2.sf(df1 * ratio, df1)))
    return TreatmentTest("F", ratio, below, df1, df2, float(stats.f.sf(ratio, df1, df2)))


def difference(value: float, components: Components, factors: Factors) -> Estimate:
    """A difference of two treatment means: standard error sqrt(2 / r x denominator).

    Args:
        value: one mean less the other.
        components: of the whole study.
        factors: what the conclusion shall hold for.
    """
    below, df = denominator(components, factors)
    error = math.sqrt(2 * below / components.readers)
    return _estimate(value, error, df, (-1.0, 1.0), p=2 * _upper_tail(abs(value) / error, df))


def mean(values: Sequence[float], error: float, cov2: float, factors: Factors) -> Estimate | None:
    """A treatment's mean over its readers, from their figures alone (Hillis 2007, section 5.3).

    Args:
        values: figures of the readers.
        error: variance of a figure over cases, under this treatment.
        cov2: covariance of two readers, under this treatment.
        factors: what the conclusion shall hold for.

    Returns:
        None for random readers when there is only one.
    """
    readers, between = len(values), max(cov2, 0.0)
    middle = sum(values) / readers
    if not factors.random_readers:
        return _estimate(middle, math.sqrt((error + (readers - 1) * between) / readers), math.inf, (0.0, 1.0))
    if readers < 2:
        return None
    square = sum((value - middle) ** 2 for value in values) / (readers - 1)
    total = square + readers * between * factors.random_cases
    df = hillis_degrees(total, square, readers - 1)
    return _estimate(middle, math.sqrt(total / readers), df, (0.0, 1.0))


def of_one_reader(value: float, variance: float, *, difference: bool = False) -> Estimate:
    """One reader's figure, or his difference of two treatments: over cases alone, by the normal distribution.

    Args:
        value: the figure or the difference.
        variance: of it, over cases.
        difference: whether it is one, which gets a p.
    """
    error = math.sqrt(max(variance, 0.0))
    if not difference:
        return _estimate(value, error, math.inf, (0.0, 1.0))
    p = 2 * _upper_tail(abs(value) / error, math.inf) if error > 0 else float(value == 0)
    return _estimate(value, error, math.inf, (-1.0, 1.0), p=p)


def _estimate(value: float, error: float, df: float, ends: tuple[float, float], *, p: float | None = None) -> Estimate:
    if error == 0:
        return Estimate(value, error, df, None, p)
    half = _quantile((1 + CONFIDENCE) / 2, df) * error
    low, high = (min(max(end, ends[0]), ends[1]) for end in (value - half, value + half))
    return Estimate(value, error, df, Interval(low, high, METHOD), p)


def _quantile(share: float, df: float) -> float:
    return float(stats.norm.ppf(share) if math.isinf(df) else stats.t.ppf(share, df))


def _upper_tail(ratio: float, df: float) -> float:
    return float(stats.norm.sf(ratio) if math.isinf(df) else stats.t.sf(ratio, df))
