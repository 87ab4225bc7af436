"""The interval of one ROC area, and of the difference of two, that fits the cases."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.delong import NO_SPREAD, AreaDifference, Areas, areas
from bregma.evaluation.intervals import Interval
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.newcombe import added_in_squares
from bregma.evaluation.newcombe_auc import METHOD, newcombe_auc, worth
from bregma.evaluation.ranking import rank

ENOUGH = 30
"""With fewer patients of a kind DeLong's intervals are too narrow (docs/decisions/0010-intervals.md)."""

CLUSTERED = f"{METHOD}, over patients"
DIFFERENCE = "newcombe, square and add"


def auc_interval(scores: Floats, truth: Bools, codes: NDArray[np.intp]) -> Interval | None:
    """DeLong's interval; Newcombe's where patients of a kind are few, or an area of 0 or 1 has no spread.

    Where patients have several cases, DeLong's is that over patients (Obuchowski 1997), and Newcombe's is that of as
    many independent cases as would vary so much, never fewer than patients nor more than cases.

    Args:
        scores: (N,) any finite numbers, higher for more suspicious.
        truth: (N,) whether the finding is there.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`.

    Returns:
        None where a kind of case is missing.
    """
    fewest = min(_patients(truth, codes))
    if fewest == 0:
        return None
    found = areas(scores[None], truth, codes) if fewest > 1 else None
    interval = found.interval() if found is not None and fewest >= ENOUGH else None
    if interval is not None:
        return interval
    variance = 0.0 if found is None else float(found.covariance[0, 0])
    return _of_few(float(rank(scores, truth).auc()[0]), variance, truth, codes)


def auc_difference(scores: Floats, truth: Bools, codes: NDArray[np.intp]) -> tuple[AreaDifference, Areas]:
    """Second area minus first on the same cases, with DeLong's p.

    The interval is DeLong's; where patients of a kind are few, it is put together from Newcombe's of both, and how far
    they go together (Zou 2007), as Newcombe does for shares.

    Args:
        scores: (2, N).
        truth: (N,); two patients of each kind at least.
        codes: (N,) patient of each case.
    """
    found = areas(scores, truth, codes)
    difference = found.difference(0, 1)
    alike = difference.interval is None and difference.value == 0.0
    if alike or min(_patients(truth, codes)) >= ENOUGH:
        return difference, found
    first, second = (float(area) for area in found.values)
    spread = np.diag(found.covariance)
    one, other = (_of_few(area, float(v), truth, codes) for area, v in zip((first, second), spread, strict=True))
    together = float(found.covariance[0, 1]) / sqrt(spread[0] * spread[1]) if min(spread) > NO_SPREAD else 0.0
    low, high = added_in_squares((first, one), (second, other), together)
    return replace(difference, interval=Interval(low, high, DIFFERENCE)), found


def _patients(truth: Bools, codes: NDArray[np.intp]) -> tuple[int, int]:
    """With a positive case, and with a negative one."""
    return len(np.unique(codes[truth])), len(np.unique(codes[~truth]))


def _of_few(area: float, variance: float, truth: Bools, codes: NDArray[np.intp]) -> Interval:
    patients = _patients(truth, codes)
    if len(np.unique(codes)) == len(codes):
        return newcombe_auc(area, *patients)
    cases = (float(truth.sum()), float((~truth).sum()))
    share = min(1.0, worth(area, *cases, variance)) if variance > NO_SPREAD else 0.0
    sizes = [max(share * of_kind, of_patients) for of_kind, of_patients in zip(cases, patients, strict=True)]
    return newcombe_auc(area, *sizes, method=CLUSTERED)
