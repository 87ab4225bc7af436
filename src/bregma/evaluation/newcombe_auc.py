"""The interval of a ROC area that holds with few cases of a kind, and at exactly 0 or 1 (Newcombe 2006, method 5)."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from scipy import optimize

from bregma.evaluation.intervals import CONFIDENCE, Interval, z_value

METHOD = "newcombe, method 5"
_NEAR = 1e-9


def newcombe_auc(
    area: float, positives: float, negatives: float, *, confidence: float = CONFIDENCE, method: str = METHOD
) -> Interval:
    """Every area from which the one seen is not too far, measured by the spread that Hanley and McNeil give it there.

    The spread takes both kinds for equally many, (positives + negatives) / 2 - 1 in place of each, as Newcombe does. At
    an area of one half it is that of the Mann-Whitney test.

    Args:
        area: the one seen, in [0, 1].
        positives: independent cases with the finding, at least one; need not be whole.
        negatives: independent cases without it, at least one.
        confidence: share of such intervals that hold the true area.
        method: the name that the interval carries.

    Raises:
        ValueError: the area is outside [0, 1], or a kind of case is missing.
    """
    if not 0.0 <= area <= 1.0 or min(positives, negatives) < 1:
        raise ValueError(f"area {area} of {positives} positives and {negatives} negatives; expected 0 to 1 and both")
    z = z_value(confidence)

    def too_far(true: float) -> float:
        return (true - area) ** 2 - z**2 * _variance(true, positives, negatives)

    low = 0.0 if area == 0.0 else _between(too_far, 0.0, area)
    high = 1.0 if area == 1.0 else _between(too_far, 1.0, area)
    return Interval(low, high, method)


def _between(too_far: Callable[[float], float], edge: float, area: float) -> float:
    """Where the distance is just right; at an area of 0 or 1 there is no spread, so the search stops short of it."""
    inside = min(max(area, _NEAR), 1.0 - _NEAR)
    return float(optimize.brentq(too_far, edge, inside, xtol=1e-12))


def worth(area: float, positives: float, negatives: float, variance: float) -> float:
    """How many independent cases each of these is worth, when the area varies so much: the share k of which it would.

    Args:
        area: the one seen, between 0 and 1.
        positives: cases with the finding, whoever's they are.
        negatives: cases without it.
        variance: of the area, more than 0.
    """
    shared = _shared(area)
    # variance (k P) (k N) = area (1 - area) (1 - shared + shared k (P + N) / 2): one positive root in k
    a = variance * positives * negatives / (area * (1 - area))
    b, c = shared * (positives + negatives) / 2, 1 - shared
    return (b + sqrt(b**2 + 4 * a * c)) / (2 * a)


def _variance(area: float, positives: float, negatives: float) -> float:
    others = (positives + negatives) / 2 - 1
    return area * (1 - area) * (1 + others * _shared(area)) / (positives * negatives)


def _shared(area: float) -> float:
    return (1 - area) / (2 - area) + area / (1 + area)
