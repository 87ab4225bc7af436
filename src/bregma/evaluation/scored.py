"""A scan with what the package says and what is true, slice by slice. Letters: D slices, K findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.localisation.marks import MarkedScan
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.overlap import Overlap
from bregma.scan.study import Slice

UNDECIDED = 0.5
"""Several sources are averaged; at exactly one half they contradict each other and the case is not used."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One scan of an evaluation.

    Attributes:
        series_uid: Series Instance UID.
        study_uid: Study Instance UID.
        patient: pseudonym.
        slices: foot to head, each with its file, SOP Instance UID and z.
        findings: K names.
        slice_scores: (D, K) calibrated probabilities.
        slice_truth: (D, K) share of the sources that see the finding; 0 where unknown.
        slice_known: (D, K) whether anyone said.
        scan_scores: (K,) the scan's score under the run rule.
        scan_truth: per finding the share of the sources that see it; None where nobody said.
        reach_mm: (D,) mm of head that each slice stands for; None without geometry.
        overlap: lesions found and missed; None without a map or without a true mask.
        seconds: in the network; None when nobody looked at the clock.
        marked: true lesions, and where the package marks one; None without a map, a true mask or geometry.
    """

    series_uid: str
    study_uid: str
    patient: str
    slices: tuple[Slice, ...]
    findings: tuple[str, ...]
    slice_scores: NDArray[np.float32]
    slice_truth: NDArray[np.float32]
    slice_known: Bools
    scan_scores: Floats
    scan_truth: tuple[float | None, ...]
    reach_mm: Floats | None
    overlap: Overlap | None
    seconds: float | None = None
    marked: MarkedScan | None = None

    def slice_usable(self, column: int) -> Bools:
        """(D,) slices with a truth that is one way or the other."""
        decided: Bools = self.slice_truth[:, column] != UNDECIDED
        return self.slice_known[:, column] & decided

    def scan_usable(self, column: int) -> bool:
        """Whether the scan has a truth that is one way or the other."""
        return self.scan_truth[column] not in (None, UNDECIDED)


@dataclass(frozen=True, slots=True)
class Excluded:
    """What was not counted, and why. Nothing of it was taken for negative.

    Attributes:
        series_uid: of the scan.
        level: "scan" or "slice".
        finding: a name from scan.terms; None when it holds for all.
        slices: how many slices; 0 at scan level.
        reason: in words.
    """

    series_uid: str
    level: str
    finding: str | None
    slices: int
    reason: str


def exclusions(scan: Scored) -> list[Excluded]:
    """What of a scan has no usable truth."""
    found: list[Excluded] = []
    for k, finding in enumerate(scan.findings):
        if scan.scan_truth[k] is None:
            found.append(Excluded(scan.series_uid, "scan", finding, 0, "nobody said whether it is there"))
        elif not scan.scan_usable(k):
            found.append(Excluded(scan.series_uid, "scan", finding, 0, "sources contradict each other"))
        unknown = int((~scan.slice_known[:, k]).sum())
        if unknown:
            found.append(Excluded(scan.series_uid, "slice", finding, unknown, "nobody said whether it is there"))
        undecided = len(scan.slices) - unknown - int(scan.slice_usable(k).sum())
        if undecided:
            found.append(Excluded(scan.series_uid, "slice", finding, undecided, "sources contradict each other"))
    return found
