"""What is compared at one level for one finding: scores against truth, case by case. Letters: N cases, K findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.scored import Scored

SLICE, SCAN = "slice", "scan"


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """What is compared at one level for one finding.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms.
        keys: (series UID, slice index) of each case; the index is None for a scan.
        patients: (N,) pseudonyms.
        scores: (N,) in [0, 1].
        truth: (N,) whether the finding is there.
    """

    level: str
    finding: str
    keys: tuple[tuple[str, int | None], ...]
    patients: tuple[str, ...]
    scores: Floats
    truth: Bools


def cases_of(scans: Sequence[Scored], level: str, column: int) -> Cases:
    """Cases with a usable truth, in the order of scans and slices.

    Args:
        scans: of one package, at least one.
        level: "slice" or "scan".
        column: which finding, 0 to K - 1.
    """
    gathered: list[tuple[str, int | None, str, float, bool]] = []
    for scan in scans:
        if level == SCAN:
            if scan.scan_usable(column):
                there = (scan.scan_truth[column] or 0.0) > 0.5
                gathered.append((scan.series_uid, None, scan.patient, float(scan.scan_scores[column]), there))
            continue
        scores, truth = scan.slice_scores[:, column].tolist(), (scan.slice_truth[:, column] > 0.5).tolist()
        usable = np.flatnonzero(scan.slice_usable(column)).tolist()
        gathered.extend((scan.series_uid, i, scan.patient, scores[i], truth[i]) for i in usable)
    return Cases(
        level=level,
        finding=scans[0].findings[column],
        keys=tuple((uid, i) for uid, i, *_ in gathered),
        patients=tuple(case[2] for case in gathered),
        scores=np.array([case[3] for case in gathered], dtype=np.float64),
        truth=np.array([case[4] for case in gathered], dtype=bool),
    )
