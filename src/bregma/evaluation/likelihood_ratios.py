"""How much a call changes the odds: likelihood ratios of a positive and of a negative call."""

from __future__ import annotations

from bregma.evaluation.intervals import CONFIDENCE
from bregma.evaluation.koopman import koopman
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import Counts

POSITIVE, NEGATIVE = "positive_likelihood_ratio", "negative_likelihood_ratio"


def likelihood_ratios(counts: Counts, *, confidence: float = CONFIDENCE) -> tuple[Measure, Measure]:
    """Recall / (1 - specificity) and (1 - recall) / specificity, with Koopman's score intervals.

    Args:
        counts: of independent cases.
        confidence: share of such intervals that hold the true ratio.
    """
    return (
        _ratio(POSITIVE, (counts.tp, counts.positives), (counts.fp, counts.negatives), confidence),
        _ratio(NEGATIVE, (counts.fn, counts.positives), (counts.tn, counts.negatives), confidence),
    )


def _ratio(name: str, upper: tuple[float, float], lower: tuple[float, float], confidence: float) -> Measure:
    if not upper[1] or not lower[1]:
        return Measure(name, None, reason=f"{name} is undefined: it needs a positive and a negative case")
    if not lower[0]:
        what = "no negative case was called positive" if name == POSITIVE else "every negative case was called positive"
        least = f"; its interval begins at {koopman(*upper, *lower, confidence=confidence).low:.2g}" if upper[0] else ""
        return Measure(name, None, reason=f"{name} is infinite: {what}{least}")
    return Measure(name, upper[0] / upper[1] / (lower[0] / lower[1]), koopman(*upper, *lower, confidence=confidence))
