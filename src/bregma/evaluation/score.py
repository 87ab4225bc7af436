"""Run a package on a scan of the library, by the same lines that read a scan. Letters: D slices, K findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.metrics import Bools
from bregma.evaluation.overlap import Overlap, overlap
from bregma.evaluation.scored import Scored
from bregma.models.aggregate import Rule, consistent, qualifying, reach_mm, scan_score
from bregma.models.lesions import find_lesions, mask_of_lesions
from bregma.models.package import Package
from bregma.models.predictor import Prediction
from bregma.preprocessing.pipeline import Placement, prepare, restore
from bregma.scan.regions import Mask
from bregma.scan.terms import ANY
from bregma.scan.volume import HU, Volume


class Labelled(Protocol):
    """What an evaluation asks of a library; `catalogue.Library` answers it."""

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        """The scans of a part."""

    def volume(self, series_uid: str) -> Volume:
        """Hounsfield units."""

    def slice_values(self, series_uid: str, index: int) -> HU:
        """(H, W) of one slice."""

    def slice_targets(
        self, series_uid: str, finding: str, *, sources: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Value (D,) and known (D,)."""

    def scan_target(self, series_uid: str, finding: str, *, sources: Sequence[str] | None = None) -> float | None:
        """None when nobody said."""

    def mask(self, series_uid: str, finding: str = ANY) -> Mask | None:
        """(D, H, W) or None."""

    def slice_mask_known(self, series_uid: str, finding: str = ANY) -> NDArray[np.bool_]:
        """(D,) slices on which the mask means something."""


class Predicts(Protocol):
    """A package with its engine; `models.Predictor` is one."""

    @property
    def package(self) -> Package:
        """What is run."""

    def predict(self, images: NDArray[np.float32]) -> Prediction:
        """Read (D, C, S, S)."""


def score_scan(
    record: ScanRecord, library: Labelled, predictor: Predicts, *, sources: Sequence[str] | None = None
) -> Scored:
    """Prepare, predict, aggregate, and lay the truth beside it.

    Args:
        record: which scan.
        library: its pixels and its labels.
        predictor: the package.
        sources: whose labels are the truth; all but models when None.

    Raises:
        LibraryError: the stored pixels are damaged.
        PackageError: the engine failed.
    """
    package, volume = predictor.package, library.volume(record.series_uid)
    prepared = prepare(volume, package.preprocessing)
    prediction = predictor.predict(prepared.images)
    scores = consistent(prediction.probabilities, package.findings)
    reach = reach_mm(volume.geometry)
    targets = [library.slice_targets(record.series_uid, name, sources=sources) for name in package.findings]
    return Scored(
        series_uid=record.series_uid,
        study_uid=record.study_uid,
        patient=record.patient,
        slices=record.slices,
        findings=package.findings,
        slice_scores=scores,
        slice_truth=np.stack([value for value, _ in targets], axis=1),
        slice_known=np.stack([known for _, known in targets], axis=1),
        scan_scores=np.array([scan_score(column, reach, package.rule) for column in scores.T]),
        scan_truth=tuple(library.scan_target(record.series_uid, name, sources=sources) for name in package.findings),
        reach_mm=reach,
        overlap=_overlap(record, library, volume, prediction, prepared.placement, _counted(scores, package, reach)),
    )


def _counted(scores: NDArray[np.float32], package: Package, reach: NDArray[np.float64] | None) -> Bools:
    """(D,) slices that the rule counts; lesions are shown on these only."""
    rule: Rule = package.rule
    column = package.findings.index(ANY) if ANY in package.findings else 0
    return qualifying(scores[:, column] >= rule.threshold, reach, rule)


def _overlap(
    record: ScanRecord, library: Labelled, volume: Volume, prediction: Prediction, placement: Placement, counted: Bools
) -> Overlap | None:
    """Lesions as a reading would show them against the true mask, on the slices where that is known."""
    truth = None if prediction.map is None else library.mask(record.series_uid, ANY)
    if truth is None or prediction.map is None:
        return None
    known = library.slice_mask_known(record.series_uid, ANY)[:, None, None]
    maps = restore(prediction.map, placement)
    maps[~counted] = 0.0
    predicted = mask_of_lesions(find_lesions(maps, volume.geometry), volume.values.shape)
    return overlap(predicted & known, truth & known)
