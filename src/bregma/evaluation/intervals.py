"""What an interval is, and the one for a proportion of independent cases."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
"""Every interval that Bregma prints, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range in which a figure lies with a stated confidence.

    Attributes:
        low: its lower end.
        high: its upper end.
        method: how it was found: "wilson", "wilson over patients" or "patient bootstrap".
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
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no proportion; expected 0 <= successes <= trials and trials > 0")
    z2 = z_value(confidence) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return Interval(low, high, method)


def z_value(confidence: float) -> float:
    """How many standard errors to each side a confidence asks for: 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1 + confidence) / 2)
