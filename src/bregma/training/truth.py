"""What is known about each scan of a part, from everything that was said about it.

Letters: D slices, K findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from bregma.catalogue import targets
from bregma.catalogue.queries import chosen_sources
from bregma.catalogue.records import ScanRecord
from bregma.catalogue.targets import Statements
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import ANY
from bregma.training.sampling import TrainingScan
from bregma.training.units import Kind


class Said(Protocol):
    """What a library tells: everything that was said about a scan."""

    def statements(self, series_uid: str) -> Statements:
        """Everything that was said about a scan."""


def load_targets(
    library: Said,
    records: Sequence[ScanRecord],
    findings: Sequence[str],
    *,
    sources: Sequence[str] = (),
    by_kind: bool = False,
) -> list[TrainingScan]:
    """What is known about each scan.

    Args:
        library: knows the statements about each scan.
        records: which scans.
        findings: K names from scan.terms.
        sources: whose statements count; none named: all but models.
        by_kind: whether a scan is known by the labels of its own kind only, as a recipe with a set loss learns: the
            slices of which somebody spoke, and else the scan. Otherwise everything that follows from the statements is
            known, so that an absent finding of the scan is absent in each slice; a validation part is loaded so.

    Raises:
        RequestError: there is no scan.
    """
    if not records:
        raise RequestError("a part of the split has no scans; import some, or split again with `bregma split`")
    said = ((record.series_uid, library.statements(record.series_uid)) for record in records)
    return [_known_of(each, series_uid, findings, sources, by_kind=by_kind) for series_uid, each in said]


def check_sources(wanted: Sequence[str], spoke: Sequence[str]) -> None:
    """Stop at a source that a recipe names and nobody knows; it may have spoken of one part of the split only.

    Raises:
        RequestError: with the source and the nearest known one.
    """
    for source in wanted:
        if source not in spoke:
            raise RequestError(f"[labels] sources has {source!r}, which spoke of no scan{did_you_mean(source, spoke)}")


def _known_of(
    said: Statements, series_uid: str, findings: Sequence[str], sources: Sequence[str], *, by_kind: bool
) -> TrainingScan:
    chosen = chosen_sources(said, sources or None)
    stated = [targets.slice_targets(said, finding, chosen, implied=False) for finding in findings]
    scan = [targets.scan_target(said, finding, chosen) for finding in findings]
    kind = _kind([bool(known.any()) for _, known in stated], scan)
    slices = stated if by_kind else [targets.slice_targets(said, finding, chosen) for finding in findings]
    scan_known = np.array([value is not None for value in scan], np.bool_)
    mask_known = targets.slice_mask_known(said, ANY, chosen)
    known = np.stack([known for _, known in slices], axis=1)
    if by_kind:
        scan_known &= kind == "scan"
        mask_known &= known.any(axis=1)
    return TrainingScan(
        series_uid,
        value=np.stack([value for value, _ in slices], axis=1),
        known=known,
        mask_known=mask_known,
        scan_value=np.where(scan_known, [value or 0.0 for value in scan], 0.0).astype(np.float32),
        scan_known=scan_known,
        kind=kind,
    )


def _kind(of_slices: Sequence[bool], of_scan: Sequence[float | None]) -> Kind:
    if any(of_slices):
        return "slices"
    return "scan" if any(value is not None for value in of_scan) else "none"
