"""What is compared at one level for one finding: scores against truth, case by case. Letters: N cases, K findings."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.scored import Scored
from bregma.scan.terms import ANY, FINDINGS

SLICE, SCAN = "slice", "scan"

POOLED = "pooled"
"""All findings of a package taken together: every pair of a case and a finding is a case of its own."""

ANY_COUNTS = 2.0
"""RSNA 2019 counts `any` twice in its log loss, each subtype once."""


Key = tuple[str, int | None]
"""Series UID and slice index; the index is None for a scan."""


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """What is compared at one level for one finding.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms, or "pooled".
        keys: (series UID, slice index) of each case; the index is None for a scan.
        patients: (N,) pseudonyms.
        scores: (N,) in [0, 1].
        truth: (N,) whether the finding is there.
        counts: (N,) how much each case counts in the log loss; None for all alike.
    """

    level: str
    finding: str
    keys: tuple[Key, ...]
    patients: tuple[str, ...]
    scores: Floats
    truth: Bools
    counts: Floats | None = None


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


def pooled(parts: Sequence[Cases]) -> Cases:
    """The cases of several findings in one; when all six are there, `any` counts twice in the log loss.

    Args:
        parts: of one level, at least one.
    """
    whole = {part.finding for part in parts} == {term.name for term in FINDINGS}
    return Cases(
        level=parts[0].level,
        finding=POOLED,
        keys=tuple(key for part in parts for key in part.keys),
        patients=tuple(patient for part in parts for patient in part.patients),
        scores=np.concatenate([part.scores for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        counts=np.concatenate([np.full(len(p.truth), _counts(p.finding)) for p in parts]) if whole else None,
    )


def only(cases: Cases, keys: AbstractSet[Key]) -> Cases:
    """The cases under some keys, in the order of the keys; not for pooled cases, whose keys repeat."""
    place = {key: i for i, key in enumerate(cases.keys)}
    chosen = [place[key] for key in sorted(keys, key=lambda key: (key[0], -1 if key[1] is None else key[1]))]
    return Cases(
        level=cases.level,
        finding=cases.finding,
        keys=tuple(cases.keys[i] for i in chosen),
        patients=tuple(cases.patients[i] for i in chosen),
        scores=cases.scores[chosen],
        truth=cases.truth[chosen],
    )


def _counts(finding: str) -> float:
    return ANY_COUNTS if finding == ANY else 1.0
