"""The interval of F1 from counts alone. F1 is no share of cases, but it rises with one: TP of (TP + FP + FN)."""

from __future__ import annotations

from bregma.evaluation.intervals import CONFIDENCE, Interval, wilson
from bregma.evaluation.metrics import Counts

METHOD = "wilson of the Jaccard index"


def f1_interval(counts: Counts, *, confidence: float = CONFIDENCE) -> Interval | None:
    """Wilson's interval of the Jaccard index J, carried over by F1 = 2 J / (1 + J), which keeps its confidence.

    Args:
        counts: of independent cases.
        confidence: share of such intervals that hold the true F1.

    Returns:
        None where the counts do not define F1.
    """
    whole = counts.tp + counts.fp + counts.fn
    if whole == 0:
        return None
    jaccard = wilson(counts.tp, whole, confidence=confidence)
    return Interval(2 * jaccard.low / (1 + jaccard.low), 2 * jaccard.high / (1 + jaccard.high), METHOD)
