"""From a scan to a reading: prepare, run the networks, aggregate, find lesions. This file only calls.

Letters: D slices, K findings, S prepared size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bregma.lesion_search import Bleeding, EarlierCases, earlier_cases
from bregma.models.aggregate import SUSPECTED, Rule, Verdict, qualifying, reach_mm, scan_score, scan_verdict
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.combine import combination_of, combined_probabilities
from bregma.models.lesions import Lesion, find_lesions
from bregma.models.name_lesions import name_lesions
from bregma.models.places import places_of
from bregma.models.predictor import Prediction, Predictor
from bregma.models.subtypes import lesion_subtype, named_subtypes
from bregma.preprocessing.pipeline import Placement, place, prepare, restore
from bregma.retrieval.index import Index
from bregma.scan.errors import PackageError, RequestError
from bregma.scan.regions import Mask
from bregma.scan.study import Refusal
from bregma.scan.terms import ANY, SUBTYPES
from bregma.scan.volume import Scan, Volume

PIECE = 16
"""Slices whose maps are brought back at once, so that a thin scan needs its maps in memory only once."""


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """A package that took part in a reading.

    Attributes:
        name: of the package.
        version: of the package.
        digest: SHA-256 over everything in it.
        findings: what it answers.
        map: whether it draws; lesions are outlined on the mean of the maps.
    """

    name: str
    version: str
    digest: str
    findings: tuple[str, ...]
    map: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A package that should have taken part and could not.

    Attributes:
        name: of the package, or of its folder.
        reason: one sentence for a person.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlacesBy:
    """The package that named places.

    Attributes:
        name: of the package.
        digest: SHA-256 over everything in it, its reference cases too.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where the time of a reading went.

    Attributes:
        load: files to checked Hounsfield units.
        prepare: Hounsfield units to network input.
        network: arithmetic of the networks.
        rest: aggregation, maps and lesions.
    """

    load: float = 0.0
    prepare: float = 0.0
    network: float = 0.0
    rest: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the networks say about a scan, with everything needed to say it again.

    Attributes:
        scan: what was read.
        verdict: the words for the scan, and the reason when it could not be assessed.
        rule: how slices were turned into the verdict; of several packages, their combined rule.
        scan_points: per finding, the scan score from which it is called; missing where no package has a point.
        slice_points: the same for a slice.
        models: the packages that took part, in the order given.
        left_out: the packages that could not.
        findings: the K findings they answer between them.
        slice_probabilities: (D, K), foot to head; (0, K) when the scan was not read.
        scan_probabilities: per finding, the scan's score under the rule; empty when it was not read.
        counted: (D,) slices that belong to a run long enough for the rule; (0,) when it was not read.
        lesions: the largest first.
        seconds: where the time went.
        regions: drawn by hand for this scan, named "R1", "R2" and so on; they are no findings.
        places_by: the package that named the places of lesions and regions; None when none was asked.
        similar: the nearest earlier cases of lesions and regions; None when no index was asked.
    """

    scan: Scan
    verdict: Verdict
    rule: Rule
    scan_points: dict[str, float]
    slice_points: dict[str, float]
    models: tuple[ModelUsed, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[str, ...]
    slice_probabilities: NDArray[np.float32]
    scan_probabilities: dict[str, float]
    counted: NDArray[np.bool_]
    lesions: tuple[Lesion, ...]
    seconds: Seconds
    regions: tuple[Lesion, ...] = ()
    places_by: PlacesBy | None = None
    similar: EarlierCases | None = None

    @property
    def excluded(self) -> tuple[Refusal, ...]:
        """What belongs to the scan and was not read, and why."""
        return self.scan.excluded if self.scan.refusal is None else (*self.scan.excluded, self.scan.refusal)

    @property
    def subtypes(self) -> tuple[str, ...] | None:
        """The kinds of bleed that are named, the likeliest first; None when nobody was asked.

        Only of a scan that is suspected. Empty there means that its subtype is not clear.
        """
        if not any(name in self.scan_probabilities for name in SUBTYPES):
            return None
        return named_subtypes(self.scan_probabilities, self.scan_points) if self.verdict.word == SUSPECTED else ()

    @property
    def draws(self) -> bool:
        """Whether a package that took part draws a map; without one there are no lesions."""
        return any(model.map for model in self.models)


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What one package says, and the way back to the stored slices."""

    predictor: Predictor
    prediction: Prediction
    placement: Placement


def read_scan(
    scan: Scan, packages: Sequence[Predictor], *, load_seconds: float = 0.0, left_out: Sequence[LeftOut] = ()
) -> Reading:
    """Read a scan with one or more packages, combined as `models.combine` says.

    A scan that is not eligible is not shown to a network: its verdict is "not assessed", with the reason. A package
    whose engine fails on this scan is left out, and said, as long as another one answers.

    Args:
        scan: assembled and checked.
        packages: at least one.
        load_seconds: how long loading took, for the account of time.
        left_out: packages that could not even be opened, to be named in the reading.

    Raises:
        RequestError: no package was given.
        PackageError: no package could read the scan.
    """
    if not packages:
        raise RequestError("no model package was given; expected at least one (see `bregma models list`)")
    if scan.refusal is not None:
        return _unread(scan, packages, Seconds(load=load_seconds), left_out)
    start = perf_counter()
    answers, failed, network = _predict(scan.volume, packages)
    prepared = perf_counter() - start - network
    return _conclude(scan, answers, (*left_out, *failed), Seconds(load_seconds, prepared, network))


def with_places(reading: Reading, predictor: AnatomyPredictor, drawn: Sequence[Mask] = ()) -> Reading:
    """The same reading with the places of its lesions, and of regions that somebody drew.

    Args:
        reading: of an eligible scan; another is given back as it is.
        predictor: of a package of places.
        drawn: (D, H, W) one mask for each region.
    """
    if reading.scan.refusal is not None:
        return reading
    volume, patient = reading.scan.volume, reading.scan.series.patient
    midline = midline_x_mm(volume, place(volume, predictor.package.regions.slices))
    regions = [one for number, mask in enumerate(drawn, start=1) for one in _drawn(mask, volume, midline, f"R{number}")]
    named = name_lesions([*reading.lesions, *regions], volume, predictor, patient=patient)
    return replace(
        reading,
        lesions=named[: len(reading.lesions)],
        regions=named[len(reading.lesions) :],
        places_by=PlacesBy(predictor.package.card.name, predictor.package.digest),
    )


def with_similar(reading: Reading, predictor: AnatomyPredictor, index: Index) -> Reading:
    """The same reading with the nearest earlier cases of its lesions and regions; one of a scan not read stays.

    Raises:
        RequestError: the index holds vectors of another package.
    """
    if reading.scan.refusal is not None:
        return reading
    series = reading.scan.series
    whose = Bleeding(series.series_uid, series.patient, series.modality)
    lesions = (*reading.lesions, *reading.regions)
    return replace(reading, similar=earlier_cases(lesions, reading.scan.volume, whose, predictor, index))


def _drawn(mask: Mask, volume: Volume, midline: float | None, name: str) -> list[Lesion]:
    """The connected parts of a drawn region: "R1", or "R1.1", "R1.2" where it has several."""
    parts = find_lesions(mask.astype(np.float32), volume.geometry, midline_x_mm=midline, least_ml=0.0)
    if len(parts) == 1:
        return [replace(parts[0], id=name, probabilities={})]
    return [replace(one, id=f"{name}.{at}", probabilities={}) for at, one in enumerate(parts, start=1)]


def _unread(scan: Scan, packages: Sequence[Predictor], seconds: Seconds, left_out: Sequence[LeftOut]) -> Reading:
    together = combination_of([one.package for one in packages])
    return Reading(
        scan=scan,
        verdict=scan_verdict(scan, None, together.rule),
        rule=together.rule,
        scan_points=together.scan_points,
        slice_points=together.slice_points,
        models=_models(packages),
        left_out=tuple(left_out),
        findings=together.findings,
        slice_probabilities=np.zeros((0, len(together.findings)), dtype=np.float32),
        scan_probabilities={},
        counted=np.zeros(0, dtype=np.bool_),
        lesions=(),
        seconds=seconds,
    )


def _predict(volume: Volume, packages: Sequence[Predictor]) -> tuple[list[_Answer], list[LeftOut], float]:
    """Every package's answer, those that failed, and the seconds in the networks; prepares once per settings."""
    network, places = 0.0, places_of(volume.geometry, len(volume.values))
    answers: dict[int, _Answer] = {}
    failed: dict[int, PackageError] = {}
    for digest in dict.fromkeys(predictor.package.preprocessing.digest for predictor in packages):
        alike = [at for at, one in enumerate(packages) if one.package.preprocessing.digest == digest]
        prepared = prepare(volume, packages[alike[0]].package.preprocessing)
        for at in alike:
            start = perf_counter()
            try:
                prediction = packages[at].predict(prepared.images, places)
            except PackageError as error:
                failed[at] = error
            else:
                answers[at] = _Answer(packages[at], prediction, prepared.placement)
            network += perf_counter() - start
    if not answers:
        raise failed[min(failed)]
    left_out = [LeftOut(packages[at].package.name, str(failed[at])) for at in sorted(failed)]
    return [answers[at] for at in sorted(answers)], left_out, network


def _conclude(scan: Scan, answers: Sequence[_Answer], left_out: Sequence[LeftOut], seconds: Seconds) -> Reading:
    start = perf_counter()
    packages = [one.predictor.package for one in answers]
    together, reach = combination_of(packages), reach_mm(scan.volume.geometry)
    probabilities = combined_probabilities(
        packages, [one.prediction.probabilities for one in answers], together.findings
    )
    scores = {name: scan_score(probabilities[:, k], reach, together.rule) for k, name in enumerate(together.findings)}
    suspicious = probabilities[:, together.findings.index(ANY)].astype(np.float64) >= together.rule.threshold
    reading = Reading(
        scan=scan,
        verdict=scan_verdict(scan, scores[ANY], together.rule),
        rule=together.rule,
        scan_points=together.scan_points,
        slice_points=together.slice_points,
        models=_models([one.predictor for one in answers]),
        left_out=tuple(left_out),
        findings=together.findings,
        slice_probabilities=probabilities,
        scan_probabilities=scores,
        counted=qualifying(suspicious, reach, together.rule),
        lesions=(),
        seconds=seconds,
    )
    lesions = tuple(_with_subtype(lesion, reading) for lesion in _lesions(scan, answers, reading.counted))
    return replace(reading, lesions=lesions, seconds=replace(seconds, rest=perf_counter() - start))


def _with_subtype(lesion: Lesion, reading: Reading) -> Lesion:
    """The lesion with the kind of bleed that its slices show, where that is clear."""
    points = {**reading.scan_points, **reading.slice_points}
    on_its_slices = reading.slice_probabilities[list(lesion.slices)]
    found = lesion_subtype(on_its_slices, reading.findings, reading.subtypes or (), points)
    return lesion if found is None else replace(lesion, subtype=found[0], subtype_probability=found[1])


def _lesions(scan: Scan, answers: Sequence[_Answer], counted: NDArray[np.bool_]) -> list[Lesion]:
    """Lesions on the slices that the rule counts, so that a scan called negative shows none."""
    # in an order of their own, so that the last digit does not depend on the order given
    in_order = sorted(answers, key=lambda one: one.predictor.package.digest)
    drawn = [(one.prediction.map, one.placement) for one in in_order if one.prediction.map is not None]
    if not drawn or not counted.any():
        return []
    first, last = int(counted.argmax()), len(counted) - int(counted[::-1].argmax())
    maps = np.zeros((last - first, *scan.volume.values.shape[1:]), dtype=np.float32)
    for start in range(first, last, PIECE):
        stop = min(start + PIECE, last)
        for map_, where in drawn:
            maps[start - first : stop - first] += restore(map_[start:stop], where) / len(drawn)
    maps[~counted[first:last]] = 0.0
    midline = midline_x_mm(scan.volume, drawn[0][1])
    return find_lesions(maps, scan.volume.geometry, midline_x_mm=midline, first_slice=first)


def midline_x_mm(volume: Volume, placement: Placement) -> float | None:
    """LPS x of the head's middle, on which the field of view is centred; None without geometry."""
    if volume.geometry is None:
        return None
    middle = [span.margin + (span.count - 1) / 2 for span in (placement.rows, placement.columns)]
    row, column = placement.to_stored(np.array(middle))
    return float(volume.geometry.to_patient(np.array([volume.geometry.slices // 2, row, column]))[0])


def _models(packages: Sequence[Predictor]) -> tuple[ModelUsed, ...]:
    return tuple(
        ModelUsed(one.package.name, one.package.version, one.package.digest, one.package.findings, one.has_map)
        for one in packages
    )
