"""What a call means where so many have the finding: predictive values at a stated prevalence.

The share of positive cases in a study is its makers' choice; precision holds for that share only. Here recall and
specificity are carried to another one.
"""

from __future__ import annotations

from math import log, sqrt

from bregma.evaluation.intervals import CONFIDENCE, Interval, expit, wilson, z_value
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import Counts
from bregma.scan.errors import RequestError

LOGIT = "logit, mercaldo"
AT_EDGE = "wilson of recall and specificity"
PPV, NPV = "positive_predictive_value", "negative_predictive_value"


def predictive_values(counts: Counts, prevalence: float, *, confidence: float = CONFIDENCE) -> tuple[Measure, Measure]:
    """Positive and negative predictive value, with intervals on the logit scale (Mercaldo, Lau and Zhou 2007).

    Where recall or specificity is exactly 0 or 1 the logit has no interval; there the ends follow from Wilson's
    intervals of both at half the error each, which together hold at least as often as they say.

    Args:
        counts: of independent cases.
        prevalence: share of cases with the finding, more than 0 and less than 1.
        confidence: share of such intervals that hold the true value.

    Raises:
        RequestError: prevalence is no such share.
    """
    if not 0.0 < prevalence < 1.0:
        raise RequestError(f"prevalence is {prevalence:g}; expected a share between 0 and 1, such as 0.1")
    hits, rejections = (counts.tp, counts.positives), (counts.tn, counts.negatives)
    return (
        _value(PPV, hits, rejections, prevalence, confidence),
        _value(NPV, rejections, hits, 1.0 - prevalence, confidence),
    )


def _value(name: str, own: tuple[float, float], other: tuple[float, float], share: float, confidence: float) -> Measure:
    """The right ones among calls of one kind: `own` are right calls of cases of that kind, `other` of the rest."""
    if not own[1] or not other[1]:
        return Measure(name, None, reason=f"{name} is undefined: it needs a positive and a negative case")
    right, spared = own[0] / own[1], other[0] / other[1]
    value = _carried(right, spared, share)
    if value is None:
        return Measure(name, None, reason=f"{name} is undefined: no case was called so")
    if right in (0.0, 1.0) or spared in (0.0, 1.0):
        return Measure(name, value, _from_ends(own, other, share, confidence))
    spread = (1 - right) / (right * own[1]) + spared / ((1 - spared) * other[1])
    half, middle = z_value(confidence) * sqrt(spread), log(value / (1 - value))
    return Measure(name, value, Interval(expit(middle - half), expit(middle + half), LOGIT))


def _carried(right: float, spared: float, share: float) -> float | None:
    """Bayes' rule; None when nobody would be called so."""
    called = right * share + (1 - spared) * (1 - share)
    return right * share / called if called > 0 else None


def _from_ends(own: tuple[float, float], other: tuple[float, float], share: float, confidence: float) -> Interval:
    half = (1 + confidence) / 2
    one, rest = wilson(*own, confidence=half), wilson(*other, confidence=half)
    low, high = _carried(one.low, rest.low, share), _carried(one.high, rest.high, share)
    return Interval(low or 0.0, 1.0 if high is None else high, AT_EDGE)
