"""The interval for a ratio of two proportions of independent cases, by turning the score test round (Koopman 1984)."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt

from scipy import optimize

from bregma.evaluation.intervals import CONFIDENCE, Interval, z_value

METHOD = "koopman"
_FURTHEST = 1e15
"""A ratio above this, or below its inverse, is looked for no further."""


def koopman(
    first: float, of_first: float, second: float, of_second: float, *, confidence: float = CONFIDENCE
) -> Interval:
    """First proportion over second: every ratio that the score test does not reject.

    Args:
        first: cases that count among `of_first`.
        of_first: cases of the upper proportion, more than 0.
        second: cases that count among `of_second`; with 0 of them the interval has no upper end (infinity).
        of_second: cases of the lower proportion, more than 0.
        confidence: share of such intervals that hold the true ratio.

    Raises:
        ValueError: counts are no proportions, or both are 0, which says nothing of their ratio.
    """
    if not (0 <= first <= of_first and 0 <= second <= of_second and of_first > 0 and of_second > 0 and first + second):
        raise ValueError(f"{first} of {of_first} over {second} of {of_second} is no ratio of proportions")
    limit = z_value(confidence) ** 2

    def beyond(ratio: float) -> float:
        return _chi_squared(ratio, first, of_first, second, of_second) - limit

    middle = first / of_first / (second / of_second) if second else inf
    low = 0.0 if not first else _end(beyond, middle if second else _FURTHEST, 0.5)
    high = inf if not second else _end(beyond, middle if first else 1 / _FURTHEST, 2.0)
    return Interval(low, high, METHOD)


def _chi_squared(ratio: float, first: float, of_first: float, second: float, of_second: float) -> float:
    """Koopman's statistic for a stated ratio, the proportions being the likeliest that have it."""
    cases, linear = of_first + of_second, ratio * (of_first + second) + first + of_second
    square = linear**2 - 4 * ratio * cases * (first + second)
    # the smaller root, written so that nothing is lost where it is near 0, and no share above 1 by its last digit
    root = 2 * ratio * (first + second) / (linear + sqrt(max(0.0, square)))
    upper = min(root, 1.0, ratio)
    return _term(first, of_first, upper) + _term(second, of_second, upper / ratio)


def _term(counted: float, cases: float, share: float) -> float:
    gap, spread = counted - cases * share, cases * share * (1 - share)
    if spread > 0:
        return gap**2 / spread
    return 0.0 if gap == 0.0 else inf


def _end(beyond: Callable[[float], float], start: float, step: float) -> float:
    """The ratio at which the test begins to reject, going from `start` by factors of `step`."""
    near, far = start, start * step
    while beyond(far) < 0:
        near, far = far, far * step
    return float(optimize.brentq(beyond, near, far, rtol=1e-10))
