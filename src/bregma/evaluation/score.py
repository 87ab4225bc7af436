"""Run a package on a scan of the library, by the same lines that read a scan. Letters: D slices, K findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.localisation.marks import MarkedScan, boxes_of_mask, marks_of_lesions
from bregma.evaluation.metrics import Bools
from bregma.evaluation.overlap import Overlap, overlap
from bregma.evaluation.scored import Scored
from bregma.models.aggregate import Rule, consistent, qualifying, reach_mm, scan_score
from bregma.models.lesions import find_lesions, mask_of_lesions
from bregma.models.package import Package
from bregma.models.places import places_of
from bregma.models.predictor import Prediction
from bregma.preprocessing.pipeline import Placement, prepare, restore
from bregma.scan.regions import Mask
from bregma.scan.terms import ANY
from bregma.scan.volume import HU, Volume

Clock = Callable[[], float]
"""Seconds from any start."""


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

    def predict(self, images: NDArray[np.float32], places: NDArray[np.float32] | None = None) -> Prediction:
        """Read (D, C, S, S), whose slices lie at (D, 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a package says of a scan.

    Attributes:
        package: who says it.
        prediction: per slice.
        placement: the way back to the stored slices.
        seconds: in the network; None when nobody looked at the clock.
    """

    package: Package
    prediction: Prediction
    placement: Placement
    seconds: float | None


def score_scan(
    record: ScanRecord,
    library: Labelled,
    predictors: Sequence[Predicts],
    *,
    sources: Sequence[str] | None = None,
    clock: Clock | None = None,
) -> list[Scored]:
    """Prepare, predict, aggregate, and lay the truth beside it, for one package after the other.

    The scan is loaded once, and prepared once for all packages with the same preprocessing.

    Args:
        record: which scan.
        library: its pixels and its labels.
        predictors: the packages.
        sources: whose labels are the truth; all but models when None.
        clock: seconds from any start, to time the network; None for no times.

    Returns:
        one per package, in their order.

    Raises:
        LibraryError: the stored pixels are damaged.
        PackageError: the engine failed.
    """
    volume = library.volume(record.series_uid)
    places = places_of(volume.geometry, len(volume.values))
    digests = [predictor.package.preprocessing.digest for predictor in predictors]
    found: dict[int, Scored] = {}
    for digest in dict.fromkeys(digests):
        alike = [place for place, one in enumerate(digests) if one == digest]
        prepared = prepare(volume, predictors[alike[0]].package.preprocessing)
        for place in alike:
            predictor = predictors[place]
            start = clock() if clock else 0.0
            prediction = predictor.predict(prepared.images, places)
            seconds = clock() - start if clock else None
            answer = Answer(predictor.package, prediction, prepared.placement, seconds)
            found[place] = _scored(record, library, volume, answer, sources)
    return [found[place] for place in range(len(predictors))]


def _scored(
    record: ScanRecord, library: Labelled, volume: Volume, answer: Answer, sources: Sequence[str] | None
) -> Scored:
    package = answer.package
    scores = consistent(answer.prediction.probabilities, package.findings)
    reach = reach_mm(volume.geometry)
    found, marked = _against_truth(record, library, volume, answer, _counted(scores, package, reach))
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
        overlap=found,
        seconds=answer.seconds,
        marked=marked,
    )


def _counted(scores: NDArray[np.float32], package: Package, reach: NDArray[np.float64] | None) -> Bools:
    """(D,) slices that the rule counts; lesions are shown on these only."""
    rule: Rule = package.rule
    column = package.findings.index(ANY) if ANY in package.findings else 0
    return qualifying(scores[:, column] >= rule.threshold, reach, rule)


def _against_truth(
    record: ScanRecord, library: Labelled, volume: Volume, answer: Answer, counted: Bools
) -> tuple[Overlap | None, MarkedScan | None]:
    """The package's map against the true mask, on the slices where that is known: lesions as a reading would show them,
    and all marks that the map makes whatever the rule counts, for a curve over their scores.
    """
    drawn = answer.prediction.map
    truth = None if drawn is None else library.mask(record.series_uid, ANY)
    if truth is None or drawn is None:
        return None, None
    known = library.slice_mask_known(record.series_uid, ANY)
    maps = restore(drawn, answer.placement)
    maps[~known] = 0.0
    there = truth & known[:, None, None]
    marked = None
    if volume.geometry is not None:
        marks = marks_of_lesions(find_lesions(maps, volume.geometry))
        marked = MarkedScan(record.patient, boxes_of_mask(there, volume.geometry), marks)
    maps[~counted] = 0.0
    predicted = mask_of_lesions(find_lesions(maps, volume.geometry), volume.values.shape)
    return overlap(predicted, there), marked
