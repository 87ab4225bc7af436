"""Masks against masks, scan by scan: Dice, surfaces and volumes, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.bland_altman import LEAST_PAIRS, BlandAltman, bland_altman
from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes, per_patient
from bregma.evaluation.measure import Measure, ratio, resampled
from bregma.evaluation.metrics import Floats
from bregma.evaluation.overlap import overlap
from bregma.evaluation.surface import surface_distances
from bregma.scan.regions import Mask, volume_ml
from bregma.scan.volume import Geometry

UNLESS = {
    "dice": "both masks of every scan are empty",
    "surface_mean_mm": "no scan has two masks that are not empty",
    "surface_hausdorff95_mm": "no scan has two masks that are not empty",
}


@dataclass(frozen=True, slots=True)
class MaskPair:
    """One scan's predicted mask against its true one.

    Attributes:
        patient: a pseudonym.
        dice: None when both are empty.
        surface_mean_mm: average symmetric surface distance; None when one is empty.
        surface_hausdorff95_mm: 95th percentile of surface distances; None when one is empty.
        predicted_ml: volume; NaN on a single slice.
        true_ml: volume; NaN on a single slice.
    """

    patient: str
    dice: float | None
    surface_mean_mm: float | None
    surface_hausdorff95_mm: float | None
    predicted_ml: float
    true_ml: float


@dataclass(frozen=True, slots=True)
class MaskAgreement:
    """All scans together.

    Attributes:
        scans: how many.
        measures: means of Dice and surface distances over the scans that define them.
        volumes: predicted against true; None for fewer than three scans of known volume.
    """

    scans: int
    measures: tuple[Measure, ...]
    volumes: BlandAltman | None


def mask_pair(patient: str, predicted: Mask, truth: Mask, geometry: Geometry) -> MaskPair:
    """Compare the masks of a scan.

    Args:
        patient: a pseudonym.
        predicted: (D, H, W).
        truth: (D, H, W).
        geometry: of the same shape.

    Raises:
        ValueError: when shapes differ.
    """
    surfaces = surface_distances(predicted, truth, geometry)
    return MaskPair(
        patient,
        overlap(predicted, truth).dice,
        None if surfaces is None else surfaces.mean_mm,
        None if surfaces is None else surfaces.hausdorff95_mm,
        volume_ml(predicted, geometry),
        volume_ml(truth, geometry),
    )


def mask_agreement(
    pairs: Sequence[MaskPair], rng: np.random.Generator, *, replicates: int = REPLICATES
) -> MaskAgreement:
    """Means over scans with intervals over patients, and the agreement of volumes.

    Args:
        pairs: at least one.
        rng: where resamples of patients come from.
        replicates: how many.
    """
    known = [pair for pair in pairs if np.isfinite([pair.predicted_ml, pair.true_ml]).all()]
    volumes = [pair.predicted_ml for pair in known], [pair.true_ml for pair in known]
    measures = tuple(_mean(pairs, name, rng, replicates) for name in UNLESS)
    return MaskAgreement(len(pairs), measures, bland_altman(*volumes) if len(known) >= LEAST_PAIRS else None)


def _mean(pairs: Sequence[MaskPair], name: str, rng: np.random.Generator, replicates: int) -> Measure:
    values = [getattr(pair, name) for pair in pairs]
    columns = np.array([(value or 0.0, float(value is not None)) for value in values])
    codes = patient_codes([pair.patient for pair in pairs])
    sums, counts = per_patient(columns, codes).T

    def mean(weights: Floats) -> Floats:
        return ratio(sums, counts, weights)

    draws = bootstrap(mean, codes, rng, replicates=replicates)
    return resampled(name, float(mean(np.ones((1, len(sums))))[0]), draws, unless=UNLESS[name])
