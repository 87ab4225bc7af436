"""The shares of a confusion table with the interval that fits independent cases."""

from __future__ import annotations

from collections.abc import Callable

from bregma.evaluation.f1_interval import f1_interval
from bregma.evaluation.intervals import Interval, wilson
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import F1, PROPORTIONS, Counts, Proportion, why_undefined


def shares_of(counts: Counts) -> list[Measure]:
    """Accuracy, recall, specificity and precision with Wilson's interval, and F1 with the one carried over from it."""
    return [share_of(figure, counts, wilson) for figure in PROPORTIONS]


def share_of(figure: Proportion, counts: Counts, interval: Callable[[float, float], Interval]) -> Measure:
    """One figure.

    Args:
        figure: which.
        counts: of independent cases.
        interval: of so many of so many; not asked for F1, which has one of its own.
    """
    value = figure.of(counts)
    if value is None:
        return Measure(figure.name, None, reason=why_undefined(figure, counts))
    ends = f1_interval(counts) if figure is F1 else interval(figure.part(counts), figure.whole(counts))
    return Measure(figure.name, value, ends)
