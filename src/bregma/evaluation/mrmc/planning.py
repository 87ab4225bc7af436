"""How many readers and cases a study needs (Hillis, Obuchowski and Berbaum 2011; Obuchowski and Rockette 1995).

A pilot's variances are carried over: those of cases shrink with their number, those of readers do not. Two treatments,
readers crossed with treatments, every case read in every cell, the same share of positives as in the pilot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from bregma.evaluation.mrmc.cells import Design
from bregma.evaluation.mrmc.components import Components
from bregma.evaluation.mrmc.inference import Factors, hillis_degrees
from bregma.scan.errors import RequestError

ALPHA = 0.05
MOST_CASES = 20_000
READERS = (3, 4, 5, 6, 8, 10, 12, 15, 20)


@dataclass(frozen=True, slots=True)
class Power:
    """What a planned study can find.

    Attributes:
        readers: R.
        cases: K.
        noncentrality: of the test statistic.
        df2: of its denominator; infinite for chi-squared.
        power: chance of p < 0.05 when the difference is there.
    """

    readers: int
    cases: int
    noncentrality: float
    df2: float
    power: float


def power(pilot: Components, effect: float, readers: int, cases: int, factors: Factors | None = None) -> Power:
    """Chance to find a difference between two treatments.

    Args:
        pilot: variances of a study alike.
        effect: the difference that is there.
        readers: R of the planned study.
        cases: K of the planned study.
        factors: random readers and cases unless said otherwise.

    Raises:
        RequestError: the pilot cannot tell the variances, or there are too few readers.
    """
    factors = factors or Factors()
    square, between, error = _expected(pilot, pilot.cases / cases, factors)
    if not factors.random_readers:
        below, df2 = error + readers * between, math.inf
    elif readers < 2:
        raise RequestError(f"{readers} reader cannot stand for readers in general; plan two at least")
    else:
        below = square + readers * between * factors.random_cases
        df2 = hillis_degrees(below, square, readers - 1)
    if below <= 0:
        raise RequestError("the pilot shows no spread over readers and cases; there is nothing to plan with")
    noncentrality = readers * effect**2 / (2 * below)
    return Power(readers, cases, noncentrality, df2, _power(noncentrality, df2))


def cases_needed(
    pilot: Components, effect: float, readers: int, *, target: float = 0.8, factors: Factors | None = None
) -> Power | None:
    """The smallest number of cases with which so many readers reach a power.

    Args:
        pilot: variances of a study alike.
        effect: the difference that shall be found.
        readers: R.
        target: the power to reach.
        factors: random readers and cases unless said otherwise.

    Returns:
        None when even 20,000 cases are too few: readers differ too much, more of them are needed.
    """
    if not 0 < target < 1 or effect == 0:
        raise RequestError(
            f"power {target} for a difference of {effect}; expected a power in (0, 1), a difference not 0"
        )
    low, high = 1, MOST_CASES
    if power(pilot, effect, readers, high, factors).power < target:
        return None
    while low < high:
        middle = (low + high) // 2
        if power(pilot, effect, readers, middle, factors).power < target:
            low = middle + 1
        else:
            high = middle
    return power(pilot, effect, readers, low, factors)


def plan(
    pilot: Components,
    effect: float,
    *,
    target: float = 0.8,
    factors: Factors | None = None,
    readers: Sequence[int] = READERS,
) -> tuple[tuple[int, Power | None], ...]:
    """Cases needed for several numbers of readers; arguments as for `cases_needed`."""
    return tuple((count, cases_needed(pilot, effect, count, target=target, factors=factors)) for count in readers)


def _expected(pilot: Components, ratio: float, factors: Factors) -> tuple[float, float, float]:
    """Expected MS(T:R), Cov2 - Cov3 and error - Cov1 - (Cov2 - Cov3) at pilot cases / planned cases = ratio."""
    if pilot.design is not Design.CROSSED or pilot.treatments < 2:
        raise RequestError("readers of the pilot worked under one treatment only; plan with a pilot of crossed readers")
    between = pilot.between_readers * ratio
    error = (pilot.error - pilot.cov1 - pilot.between_readers) * ratio
    if not factors.random_readers:
        return error, between, error
    if pilot.interaction is None:
        raise RequestError("a pilot of one reader does not tell how readers differ; plan with fixed readers")
    interaction = pilot.interaction - pilot.error + pilot.cov1 + pilot.between_readers
    return max(interaction, 0.0) + error, between, error


def _power(noncentrality: float, df2: float) -> float:
    if noncentrality == 0:
        return ALPHA
    if math.isinf(df2):
        return float(stats.ncx2.sf(stats.chi2.isf(ALPHA, 1), 1, noncentrality))
    return float(stats.ncf.sf(stats.f.isf(ALPHA, 1, df2), 1, df2, noncentrality))
