"""The worst errors: where score and truth lie furthest apart, to be looked at one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.cases import Cases
from bregma.evaluation.scored import Scored

SHOWN = 12


@dataclass(frozen=True, slots=True)
class WorstError:
    """One case on the wrong side.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms.
        series_uid: of the scan.
        slice_index: the slice; for a scan the slice to look at: the most suspicious one.
        sop_instance_uid: of that slice; "" when the format has none.
        file: of that slice.
        z_mm: of that slice; None without geometry.
        score: what the package said.
        truth: whether the finding is there.
    """

    level: str
    finding: str
    series_uid: str
    slice_index: int
    sop_instance_uid: str
    file: str
    z_mm: float | None
    score: float
    truth: bool

    @property
    def distance(self) -> float:
        """How far the score lies from the truth, 0 to 1."""
        return abs(self.score - float(self.truth))


def worst_errors(
    cases: Cases, scans: Mapping[str, Scored], *, threshold: float, shown: int = SHOWN
) -> tuple[WorstError, ...]:
    """Cases called wrongly at a threshold, the furthest from the truth first.

    Args:
        cases: of one level and finding.
        scans: by series UID.
        threshold: scores at or above it are called positive.
        shown: at most so many.
    """
    wrong = np.flatnonzero((cases.scores >= threshold) != cases.truth)
    distance = np.abs(cases.scores[wrong] - cases.truth[wrong])
    chosen = wrong[np.argsort(-distance, kind="stable")][:shown]
    return tuple(_error(cases, int(i), scans[cases.keys[i][0]]) for i in chosen)


def _error(cases: Cases, at: int, scan: Scored) -> WorstError:
    index = cases.keys[at][1]
    column = scan.findings.index(cases.finding)
    shown = scan.slices[_slice_to_show(scan, column, truth=bool(cases.truth[at])) if index is None else index]
    return WorstError(
        level=cases.level,
        finding=cases.finding,
        series_uid=scan.series_uid,
        slice_index=shown.index,
        sop_instance_uid=shown.sop_instance_uid,
        file=shown.file,
        z_mm=shown.z_mm,
        score=float(cases.scores[at]),
        truth=bool(cases.truth[at]),
    )


def _slice_to_show(scan: Scored, column: int, *, truth: bool) -> int:
    """The most suspicious slice; of a missed scan the most suspicious one that is known to be positive, if any is."""
    scores: Sequence[float] = scan.slice_scores[:, column].tolist()
    positive = np.flatnonzero(scan.slice_known[:, column] & (scan.slice_truth[:, column] > 0.5)).tolist()
    among = positive if truth and positive else range(len(scores))
    return max(among, key=lambda i: scores[i])
