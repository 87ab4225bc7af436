"""Simulated reader studies whose truth is known (Roe and Metz 1997), to prove error rates and power.

    rating = truth x mean + reader + case + reader x case + treatment x reader + treatment x case + rest,

all normal and drawn anew for positives and negatives; the four variances with a case sum to 1.
Letters: T = 2 treatments, R readers, K cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.reader_study import ReaderStudy

TREATMENTS = 2


@dataclass(frozen=True, slots=True)
class Variances:
    """Where ratings differ.

    Attributes:
        reader: readers, over both treatments.
        treatment_reader: readers, treatment by treatment.
        case: cases, over all reads.
        treatment_case: cases, treatment by treatment.
        reader_case: cases, reader by reader.
        rest: what is left.
    """

    reader: float
    treatment_reader: float
    case: float
    treatment_case: float
    reader_case: float
    rest: float

    def __post_init__(self) -> None:
        of_cases = self.case + self.treatment_case + self.reader_case + self.rest
        if abs(of_cases - 1) > 1e-9:
            raise ValueError(f"variances with a case sum to {of_cases}; expected 1")

    @property
    def total(self) -> float:
        """Of one rating."""
        return 1 + self.reader + self.treatment_reader


HIGH, LOW = Variances(0.0055, 0.0055, 0.3, 0.3, 0.2, 0.2), Variances(0.0055, 0.0055, 0.1, 0.1, 0.2, 0.6)
"""Reads of one case alike, or not alike (Roe and Metz 1997, table 1: HL and LL)."""


def mean_of_auc(auc: float, variances: Variances) -> float:
    """How far positives lie above negatives for an AUC, averaged over readers."""
    return float(stats.norm.ppf(auc)) * sqrt(2 * variances.total)


def simulate(
    rng: np.random.Generator,
    variances: Variances,
    *,
    readers: int,
    negatives: int,
    positives: int,
    aucs: tuple[float, float],
) -> ReaderStudy:
    """One fully crossed study of two treatments.

    Args:
        rng: where ratings come from.
        variances: where they differ.
        readers: R.
        negatives: cases without the finding.
        positives: cases with it.
        aucs: true AUC of each treatment, the same for a null.
    """
    blocks = [_block(rng, variances, readers, count) for count in (negatives, positives)]
    for treatment, auc in enumerate(aucs):
        blocks[1][treatment] += mean_of_auc(auc, variances)
    cases = negatives + positives
    return ReaderStudy(
        treatments=("first", "second"),
        readers=tuple(f"reader {number}" for number in range(1, readers + 1)),
        cases=tuple(str(number) for number in range(1, cases + 1)),
        truth=np.arange(cases) >= negatives,
        ratings=np.concatenate(blocks, axis=2),
    )


def _block(rng: np.random.Generator, variances: Variances, readers: int, cases: int) -> Floats:
    """(T, R, cases) ratings of one kind of case, without their mean."""
    t, r, k = TREATMENTS, readers, cases
    shapes = (
        ((1, r, 1), variances.reader),
        ((t, r, 1), variances.treatment_reader),
        ((1, 1, k), variances.case),
        ((t, 1, k), variances.treatment_case),
        ((1, r, k), variances.reader_case),
        ((t, r, k), variances.rest),
    )
    total = np.zeros((t, r, k))
    for shape, variance in shapes:
        total += rng.normal(0.0, sqrt(variance), shape)
    return total
