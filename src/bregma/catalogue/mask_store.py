"""Masks into the library: staged as files before the transaction, named and given their rows within it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.label_report import LabelReport
from bregma.catalogue.label_rows import TableRow
from bregma.catalogue.layout import Layout
from bregma.catalogue.store import pack, read_array, settle, write_new
from bregma.catalogue.tables import MaskRow
from bregma.catalogue.targets import Bits, SourceMask


@dataclass(frozen=True, slots=True, eq=False)
class StagedMask:
    """A mask whose file lies in `incoming`, waiting for its row.

    Attributes:
        series_uid: of the scan.
        source: who drew it.
        temporary: the file.
        mask: digest of the file.
        known: (D,) bits, see SourceMask.
        present: (D,) bits that are set somewhere on the slice.
        row: the first row that draws it, for messages.
    """

    series_uid: str
    source: str
    temporary: Path
    mask: str
    known: Bits
    present: Bits
    row: TableRow


def stage_mask(layout: Layout, series_uid: str, mask: SourceMask, *, row: TableRow) -> StagedMask:
    """Write a mask to `incoming`."""
    data = pack(mask.bits)
    temporary = layout.new_file()
    write_new(temporary, data)
    present = np.bitwise_or.reduce(mask.bits, axis=(1, 2))
    digest = hashlib.sha256(data).hexdigest()
    return StagedMask(series_uid, mask.source, temporary, digest, mask.known, present, row)


def store_mask(session: Session, layout: Layout, staged: StagedMask, series_id: int, report: LabelReport) -> None:
    """Give a staged mask its name and its row, or join it to what the source drew before.

    A source may draw slice after slice in several tables. Where it drew a slice before, it must have drawn the same.
    """
    query = select(MaskRow).where(MaskRow.series_id == series_id, MaskRow.source == staged.source)
    stored = session.scalar(query)
    if stored is None:
        stored = MaskRow(series_id=series_id, source=staged.source)
        session.add(stored)
    else:
        before = SourceMask(staged.source, read_array(layout.mask(stored.mask)), np.array(stored.known, dtype=np.uint8))
        joined = _join(layout, staged, before)
        staged.temporary.unlink(missing_ok=True)
        if joined is None:
            reason = "drawn differently from what the same source drew on the same slice before"
            report.conflicts.append(staged.row.problem("mask", reason))
            return
        if joined.mask == stored.mask and joined.known.tolist() == stored.known:
            report.duplicates += 1
            joined.temporary.unlink(missing_ok=True)
            return
        staged = joined
    settle(staged.temporary, layout.mask(staged.mask))
    stored.mask = staged.mask
    stored.known = staged.known.tolist()
    stored.present = staged.present.tolist()
    session.flush()
    report.masks += 1
    report.scans.add(staged.series_uid)


def _join(layout: Layout, staged: StagedMask, before: SourceMask) -> StagedMask | None:
    """What was drawn before and now together; None where they contradict each other."""
    bits = read_array(staged.temporary)
    both = (staged.known & before.known)[:, None, None]
    if ((bits ^ before.bits) & both).any():
        return None
    union = SourceMask(staged.source, bits | before.bits, staged.known | before.known)
    return stage_mask(layout, staged.series_uid, union, row=staged.row)
