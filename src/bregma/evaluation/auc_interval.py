"""The interval of one ROC area that fits its cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.delong import areas
from bregma.evaluation.intervals import Interval
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.newcombe_auc import newcombe_auc
from bregma.evaluation.ranking import rank

ENOUGH = 20
"""With fewer independent cases of a kind DeLong's intervals are too narrow (docs/decisions/0010-intervals.md)."""


def auc_interval(scores: Floats, truth: Bools, codes: NDArray[np.intp]) -> Interval | None:
    """DeLong's interval; Newcombe's where independent cases of a kind are few, or an area of 0 or 1 has no spread.

    Args:
        scores: (N,) any finite numbers, higher for more suspicious.
        truth: (N,) whether the finding is there.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`.

    Returns:
        None where a kind of case is missing; and where patients have several cases, when fewer than two patients have one
        of a kind, or the area has no spread.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if min(positives, negatives) == 0:
        return None
    if len(np.unique(codes)) < len(codes):
        patients = min(len(np.unique(codes[kind])) for kind in (truth, ~truth))
        return areas(scores[None], truth, codes).interval() if patients > 1 else None
    found = areas(scores[None], truth).interval() if min(positives, negatives) >= ENOUGH else None
    return found or newcombe_auc(float(rank(scores, truth).auc()[0]), positives, negatives)
