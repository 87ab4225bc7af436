"""Localisation ROC: one mark per scan; a positive scan counts when its mark lies on a lesion (Starr et al. 1975)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes, per_patient
from bregma.evaluation.localisation.marks import WITHIN_MM, MarkedScan, match
from bregma.evaluation.measure import Measure, ratio, resampled, resampled_share
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.ranking import Indices, rank
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class Lroc:
    """A localisation ROC curve with its figures.

    Attributes:
        positives: scans with a lesion.
        negatives: scans without.
        false_positive_rate: share of negative scans called positive, rising from 0 to 1.
        localised: share of positive scans called positive for a mark on a lesion.
        area: chance that a positive scan is localised and scores above a negative one, ties half.
        correct: share of positive scans whose most suspicious mark lies on a lesion, at any score.
    """

    positives: int
    negatives: int
    false_positive_rate: tuple[float, ...]
    localised: tuple[float, ...]
    area: Measure
    correct: Measure


def lroc(
    scans: Sequence[MarkedScan],
    rng: np.random.Generator,
    *,
    within_mm: float = WITHIN_MM,
    replicates: int = REPLICATES,
) -> Lroc:
    """Measure the most suspicious mark of every scan.

    Args:
        scans: of one reader or model, with and without lesions.
        rng: where resamples of patients come from.
        within_mm: of the matching rule.
        replicates: resamples.

    Raises:
        RequestError: there is no scan with, or none without, a lesion.
    """
    matched = [match(scan, within_mm=within_mm) for scan in scans]
    truth = np.array([bool(one.found) for one in matched])
    if not truth.any() or truth.all():
        raise RequestError(f"{int(truth.sum())} of {len(scans)} scans have a lesion; an LROC curve needs both kinds")
    first = np.array([one.first for one in matched])
    right = np.array([one.first_is_right for one in matched]) & truth
    codes = patient_codes([scan.patient for scan in scans])
    false, localised = _curve(first, right, truth)
    return Lroc(
        int(truth.sum()),
        int((~truth).sum()),
        tuple(false.tolist()),
        tuple(localised.tolist()),
        _area(first, right, truth, codes, rng, replicates),
        _correct(right, truth, codes, rng, replicates),
    )


def _curve(first: Floats, right: Bools, truth: Bools) -> tuple[Floats, Floats]:
    thresholds = [np.inf, *np.unique(first[np.isfinite(first)])[::-1], -np.inf]
    false = np.array([(first[~truth] >= threshold).mean() for threshold in thresholds])
    localised = np.array([((first >= threshold) & right)[truth].mean() for threshold in thresholds])
    return false, localised


def _area(
    first: Floats, right: Bools, truth: Bools, codes: Indices, rng: np.random.Generator, replicates: int
) -> Measure:
    """As a ROC area in which a positive scan that is not localised loses against every negative one."""
    finite = first[np.isfinite(first)]
    floor = (finite.min() if len(finite) else 0.0) - 1.0
    scores = np.where(truth & ~right, floor - 1.0, np.where(np.isfinite(first), first, floor))
    ranking = rank(scores, truth, codes)
    draws = bootstrap(lambda weights: ranking.auc(weights), codes, rng, replicates=replicates)
    return resampled("lroc_area", float(ranking.auc()[0]), draws, unless="it needs scans of both kinds")


def _correct(right: Bools, truth: Bools, codes: Indices, rng: np.random.Generator, replicates: int) -> Measure:
    parts, wholes = per_patient(np.column_stack([right, truth]).astype(np.float64), codes).T
    draws = bootstrap(lambda weights: ratio(parts, wholes, weights), codes, rng, replicates=replicates)
    value = float(right.sum() / truth.sum())
    return resampled_share("correct", value, draws, counted=truth, codes=codes, unless="there is no positive scan")
