"""The interval for the difference of two proportions of the same independent cases (Newcombe 1998, method 10)."""

from __future__ import annotations

from math import sqrt

from bregma.evaluation.intervals import CONFIDENCE, Interval, wilson

METHOD = "newcombe, paired"


def newcombe_paired(
    both: int, only_first: int, only_second: int, neither: int, *, confidence: float = CONFIDENCE
) -> Interval:
    """Second minus first, from Wilson's intervals of both and their correlation; never outside [-1, 1].

    Args:
        both: cases that count for both.
        only_first: for the first alone.
        only_second: for the second alone.
        neither: for none of the two.
        confidence: share of such intervals that hold the true difference.

    Raises:
        ValueError: there is no case, or a count is below 0.
    """
    cells = (both, only_first, only_second, neither)
    cases = sum(cells)
    if min(cells) < 0 or cases == 0:
        raise ValueError(f"counts {cells} are no paired table; expected counts from 0 on and at least one case")
    first, second = (both + only_first) / cases, (both + only_second) / cases
    one = wilson(both + only_first, cases, confidence=confidence)
    other = wilson(both + only_second, cases, confidence=confidence)
    phi = _phi(both, only_first, only_second, neither)
    return Interval(*added_in_squares((first, one), (second, other), phi), METHOD)


def added_in_squares(
    first: tuple[float, Interval], second: tuple[float, Interval], together: float
) -> tuple[float, float]:
    """Ends for the difference of two figures in [0, 1], from their own intervals.

    Args:
        first: the figure and its interval.
        second: the other, from which the first is taken away.
        together: correlation of the two.
    """
    (value, one), (other_value, other) = first, second
    difference = other_value - value
    down = _length(other_value - other.low, one.high - value, together)
    up = _length(other.high - other_value, value - one.low, together)
    return max(-1.0, difference - down), min(1.0, difference + up)


def _length(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of the two, corrected for continuity where it is positive, as Newcombe does."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    cases = both + only_first + only_second + neither
    product = float(both * neither - only_first * only_second)
    return (max(product - cases / 2, 0.0) if product > 0 else product) / sqrt(margins)
