"""From a scan to a reading: prepare, run the networks, aggregate, find lesions. This file only calls.

Letters: D slices, K findings, S prepared size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bregma.models.aggregate import Rule, Verdict, consistent, qualifying, reach_mm, scan_score, scan_verdict
from bregma.models.lesions import Lesion, find_lesions
from bregma.models.places import places_of
from bregma.models.predictor import Prediction, Predictor
from bregma.preprocessing.pipeline import Placement, prepare, restore
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal
from bregma.scan.terms import ANY, FINDINGS
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
    """

    name: str
    version: str
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
        rule: how slices were turned into the verdict.
        models: the packages, in the order given.
        findings: the K findings they answer.
        slice_probabilities: (D, K), foot to head; (0, K) when the scan was not read.
        scan_probabilities: per finding, the scan's score under the rule; empty when it was not read.
        counted: (D,) slices that belong to a run long enough for the rule; (0,) when it was not read.
        lesions: the largest first.
        seconds: where the time went.
    """

    scan: Scan
    verdict: Verdict
    rule: Rule
    models: tuple[ModelUsed, ...]
    findings: tuple[str, ...]
    slice_probabilities: NDArray[np.float32]
    scan_probabilities: dict[str, float]
    counted: NDArray[np.bool_]
    lesions: tuple[Lesion, ...]
    seconds: Seconds

    @property
    def excluded(self) -> tuple[Refusal, ...]:
        """What belongs to the scan and was not read, and why."""
        return self.scan.excluded if self.scan.refusal is None else (*self.scan.excluded, self.scan.refusal)


def read_scan(scan: Scan, packages: Sequence[Predictor], *, load_seconds: float = 0.0) -> Reading:
    """Read a scan with one or more packages.

    Several packages are averaged finding by finding; the rule is that of the first. A scan that is not eligible is not
    shown to a network: its verdict is "not assessed", with the reason.

    Args:
        scan: assembled and checked.
        packages: at least one.
        load_seconds: how long loading took, for the account of time.

    Raises:
        RequestError: no package was given.
        PackageError: an engine failed.
    """
    if not packages:
        raise RequestError("no model package was given; expected at least one (see `bregma models list`)")
    if scan.refusal is not None:
        return _unread(scan, packages, Seconds(load=load_seconds))
    start = perf_counter()
    predictions, placement, network = _predict(scan.volume, packages)
    prepared = perf_counter() - start - network
    return _conclude(scan, packages, predictions, placement, Seconds(load_seconds, prepared, network))


def _unread(scan: Scan, packages: Sequence[Predictor], seconds: Seconds) -> Reading:
    findings = _findings(packages)
    return Reading(
        scan=scan,
        verdict=scan_verdict(scan, None, packages[0].package.rule),
        rule=packages[0].package.rule,
        models=_models(packages),
        findings=findings,
        slice_probabilities=np.zeros((0, len(findings)), dtype=np.float32),
        scan_probabilities={},
        counted=np.zeros(0, dtype=np.bool_),
        lesions=(),
        seconds=seconds,
    )


def _predict(volume: Volume, packages: Sequence[Predictor]) -> tuple[list[Prediction], list[Placement], float]:
    """Every package's answer and placement, and the seconds that the networks took; prepares once per settings."""
    network, places = 0.0, places_of(volume.geometry, len(volume.values))
    answers: dict[int, tuple[Prediction, Placement]] = {}
    for digest in dict.fromkeys(predictor.package.preprocessing.digest for predictor in packages):
        alike = [place for place, one in enumerate(packages) if one.package.preprocessing.digest == digest]
        prepared = prepare(volume, packages[alike[0]].package.preprocessing)
        for place in alike:
            start = perf_counter()
            answers[place] = packages[place].predict(prepared.images, places), prepared.placement
            network += perf_counter() - start
    ordered = [answers[place] for place in range(len(packages))]
    return [prediction for prediction, _ in ordered], [placement for _, placement in ordered], network


def _conclude(
    scan: Scan,
    packages: Sequence[Predictor],
    predictions: Sequence[Prediction],
    placements: Sequence[Placement],
    seconds: Seconds,
) -> Reading:
    start = perf_counter()
    rule, findings, reach = packages[0].package.rule, _findings(packages), reach_mm(scan.volume.geometry)
    probabilities = consistent(_average(packages, predictions, findings), findings)
    scores = {name: scan_score(probabilities[:, k], reach, rule) for k, name in enumerate(findings)}
    counted = qualifying(probabilities[:, findings.index(ANY)] >= rule.threshold, reach, rule)
    lesions = _lesions(scan, predictions, placements, counted)
    return Reading(
        scan=scan,
        verdict=scan_verdict(scan, scores[ANY], rule),
        rule=rule,
        models=_models(packages),
        findings=findings,
        slice_probabilities=probabilities,
        scan_probabilities=scores,
        counted=counted,
        lesions=tuple(lesions),
        seconds=Seconds(seconds.load, seconds.prepare, seconds.network, perf_counter() - start),
    )


def _average(
    packages: Sequence[Predictor], predictions: Sequence[Prediction], findings: tuple[str, ...]
) -> NDArray[np.float32]:
    """(D, K) mean over the packages that answer a finding; 0 for an `any` that is only implied by subtypes."""
    columns = []
    for name in findings:
        given = [
            prediction.probabilities[:, one.package.findings.index(name)]
            for one, prediction in zip(packages, predictions, strict=True)
            if name in one.package.findings
        ]
        columns.append(np.mean(given, axis=0) if given else np.zeros(len(predictions[0].probabilities)))
    return np.stack(columns, axis=1).astype(np.float32)


def _lesions(
    scan: Scan,
    predictions: Sequence[Prediction],
    placements: Sequence[Placement],
    counted: NDArray[np.bool_],
) -> list[Lesion]:
    """Lesions on the slices that the rule counts, so that a scan called negative shows none."""
    drawn = [(one.map, place) for one, place in zip(predictions, placements, strict=True) if one.map is not None]
    if not drawn or not counted.any():
        return []
    first, last = int(counted.argmax()), len(counted) - int(counted[::-1].argmax())
    maps = np.zeros((last - first, *scan.volume.values.shape[1:]), dtype=np.float32)
    for start in range(first, last, PIECE):
        stop = min(start + PIECE, last)
        for map_, place in drawn:
            maps[start - first : stop - first] += restore(map_[start:stop], place) / len(drawn)
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


def _findings(packages: Sequence[Predictor]) -> tuple[str, ...]:
    """What the packages answer between them, and `any`, in the order of scan.terms."""
    given = {ANY}.union(*(predictor.package.findings for predictor in packages))
    return tuple(term.name for term in FINDINGS if term.name in given)


def _models(packages: Sequence[Predictor]) -> tuple[ModelUsed, ...]:
    return tuple(ModelUsed(one.package.name, one.package.version, one.package.digest) for one in packages)
