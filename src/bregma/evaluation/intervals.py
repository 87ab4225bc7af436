"""What an interval is, and those for a proportion of independent cases."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from statistics import NormalDist

from scipy import stats

CONFIDENCE = 0.95
"""Every interval that Bregma prints, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range in which a figure lies with a stated confidence.

    Attributes:
        low: its lower end.
        high: its upper end.
        method: how it was found: "wilson", "clopper-pearson", "wilson over patients", "delong", ...
    """

    low: float
    high: float
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval from {self.low} to {self.high} is upside down; give the lower end first")


def wilson(successes: float, trials: float, *, confidence: float = CONFIDENCE, method: str = "wilson") -> Interval:
    """The score interval of a proportion (Wilson 1927); sound near 0 and 1 and never outside [0, 1].

    Args:
        successes: cases that count, 0 to `trials`; need not be whole.
        trials: independent cases, more than 0.
        confidence: share of such intervals that hold the true proportion.
        method: the name that the interval carries.

    Raises:
        ValueError: when there are no trials, or more successes than trials.
    """
    _check(successes, trials)
    z2 = z_value(confidence) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return Interval(low, high, method)


def clopper_pearson(successes: float, trials: float, *, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a proportion (Clopper and Pearson 1934): holds at least as often as it says, so it is wide.

    Args:
        successes: cases that count, 0 to `trials`.
        trials: independent cases, more than 0.
        confidence: least share of such intervals that hold the true proportion.

    Raises:
        ValueError: when there are no trials, or more successes than trials.
    """
    _check(successes, trials)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(stats.beta.ppf(1 - tail, successes + 1, trials - successes))
    return Interval(low, high, "clopper-pearson")


def z_value(confidence: float) -> float:
    """How many standard errors to each side a confidence asks for: 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def expit(x: float) -> float:
    """The share whose logit is x; 0 or 1 where that is too far out to tell."""
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def two_sided_p(z: float) -> float:
    """How often a standard normal number is at least as far from 0, on either side."""
    return 2 * NormalDist().cdf(-abs(z))


def _check(successes: float, trials: float) -> None:
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no proportion; expected 0 <= successes <= trials and trials > 0")
