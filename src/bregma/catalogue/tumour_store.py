"""Outlined tumours into the library: drawn and staged as files before the transaction, given their rows within it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.label_report import LabelReport
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.layout import Layout
from bregma.catalogue.library import Library
from bregma.catalogue.store import pack, settle, write_new
from bregma.catalogue.tables import TumourMapRow
from bregma.catalogue.tumour_drawing import draw_tumour_map


@dataclass(frozen=True, slots=True, eq=False)
class StagedMap:
    """A tumour map whose file lies in `incoming`, waiting for its row.

    Attributes:
        series_uid: of the scan.
        source: who drew it.
        temporary: the file.
        mask: digest of the file.
        row: the first row that draws it, for messages.
    """

    series_uid: str
    source: str
    temporary: Path
    mask: str
    row: TableRow


def stage_maps(library: Library, rows: Sequence[TableRow], folder: Path) -> tuple[list[StagedMap], list[Problem]]:
    """Every tumour map as a finished file in `incoming`, one scan in memory at a time; and what cannot be drawn.

    Args:
        library: where the scans are.
        rows: about scans that are in it.
        folder: to which the paths in the rows are relative.
    """
    groups = defaultdict[tuple[str, str], list[TableRow]](list)
    for row in rows:
        if row.tumours:
            groups[row.series_uid, row.source].append(row)
    staged: list[StagedMap] = []
    problems: list[Problem] = []
    for (series_uid, source), group in sorted(groups.items()):
        numbers, wrong = draw_tumour_map(group, library.scan(series_uid), folder)
        problems += wrong
        if not wrong:
            data, temporary = pack(numbers), library.layout.new_file()
            write_new(temporary, data)
            staged.append(StagedMap(series_uid, source, temporary, hashlib.sha256(data).hexdigest(), group[0]))
    return staged, problems


def store_map(session: Session, layout: Layout, staged: StagedMap, series_id: int, report: LabelReport) -> None:
    """Give a staged map its name and its row; what the same source outlined before stays."""
    query = select(TumourMapRow).where(TumourMapRow.series_id == series_id, TumourMapRow.source == staged.source)
    stored = session.scalar(query)
    if stored is not None:
        staged.temporary.unlink(missing_ok=True)
        if stored.mask == staged.mask:
            report.duplicates += 1
        else:
            reason = "outlined differently from what the same source outlined in this scan before"
            report.conflicts.append(staged.row.problem("tumours", reason))
        return
    settle(staged.temporary, layout.mask(staged.mask))
    session.add(TumourMapRow(series_id=series_id, source=staged.source, mask=staged.mask))
    session.flush()
    report.masks += 1
    report.scans.add(staged.series_uid)
