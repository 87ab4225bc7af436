"""Labels and masks from a table into the library: all rows are checked first, then one transaction.

A statement that is there already is a duplicate; one that contradicts what the same source said of the same part is a
conflict, is reported, and is not taken. Blank cells make no row. See docs/labels.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bregma.catalogue.drawings import draw_rows
from bregma.catalogue.label_report import LabelReport
from bregma.catalogue.label_rows import LabelTableError, Problem, TableRow, read_rows
from bregma.catalogue.library import Library
from bregma.catalogue.mask_store import StagedMask, stage_mask, store_mask
from bregma.catalogue.steps import OnStep, Step, pass_by
from bregma.catalogue.sweeping import writing
from bregma.catalogue.tables import LabelRow, SeriesRow, SliceRow
from bregma.scan.labels import Level
from bregma.scan.terms import ANY, implied_any

BATCH = 500
"""Series in one query: SQLite allows some thousand parameters."""

_Key = tuple[str, Level, str, str, str]
"""Series UID, level, part ("" for the scan), finding, source."""


def import_labels(
    library: Library, table: Path, *, source: str | None = None, on_step: OnStep = pass_by
) -> LabelReport:
    """Bring a label table into the library; importing it again changes nothing.

    Args:
        library: with the scans that the table is about.
        table: CSV as docs/labels.md describes it.
        source: who says so, for rows that do not name anybody: "reader:a", "report", "dataset:rsna2019".
        on_step: for tests, see steps.py.

    Raises:
        LabelTableError: rows are wrong; all of them are in the error, and nothing was imported.
        RequestError: the file cannot be read as a table at all.
    """
    rows, problems = read_rows(table, source=source)
    report = LabelReport(rows=len(rows))
    with writing(library):
        on_step(Step.TABLE_READ)
        ids = _series_ids(library, {row.series_uid for row in rows})
        rows = list(_findable(rows, ids, _slice_keys(library, ids), report))
        drawn = _consistent(rows, report)
        masks = _stage_masks(library, drawn, table.parent, problems, report)
        if problems:
            raise LabelTableError(table, sorted(problems, key=lambda problem: problem.row))
        said = _statements(drawn, report)
        on_step(Step.MASKS_WRITTEN)
        with Session(library.engine.execution_options(writes=True)) as session, session.begin():
            _store_labels(session, said, ids, report)
            on_step(Step.LABELS_ADDED)
            for mask in masks:
                store_mask(session, library.layout, mask, ids[mask.series_uid], report)
                on_step(Step.MASK_RENAMED)
        on_step(Step.LABELS_COMMITTED)
    report.conflicts.sort(key=lambda problem: problem.row)
    return report


def _findable(
    rows: Sequence[TableRow], ids: Mapping[str, int], keys: Mapping[str, set[str]], report: LabelReport
) -> Iterator[TableRow]:
    """Rows about series and slices that are in the library; the others are reported."""
    for row in rows:
        if row.series_uid not in ids:
            report.not_found.append(Problem(row.row, "series_uid", f"series {row.series_uid} is not in the library"))
        elif row.level is Level.SLICE and row.part not in keys[row.series_uid]:
            reason = f"series {row.series_uid} has no slice {row.part!r}"
            report.not_found.append(Problem(row.row, "part", reason))
        else:
            yield row


def _consistent(rows: Sequence[TableRow], report: LabelReport) -> list[TableRow]:
    """Rows in which `any` is not below a subtype; the others are conflicts."""
    kept = []
    for row in rows:
        least = implied_any(row.values)
        if least is not None and row.values.get(ANY, 1.0) < least:
            names = [name for name, value in row.values.items() if name != ANY and value > row.values[ANY]]
            reason = f"'any' is {row.values[ANY]:g}, but {names[0]!r} is {row.values[names[0]]:g}"
            report.conflicts.append(Problem(row.row, ANY, reason))
        else:
            kept.append(row)
    return kept


def _statements(rows: Sequence[TableRow], report: LabelReport) -> dict[_Key, tuple[float, int]]:
    """Key -> value and row. What a table says twice, differently, it does not say."""
    said: dict[_Key, tuple[float, int]] = {}
    unsaid: set[_Key] = set()
    for row in rows:
        for term, value in row.values.items():
            key = (row.series_uid, row.level, row.part or "", term, row.source)
            before = said.setdefault(key, (value, row.row))
            if before[1] == row.row:
                continue
            if before[0] == value:
                report.duplicates += 1
                continue
            unsaid.add(key)
            reason = f"{value:g} here, {before[0]:g} in row {before[1]}, of the same {row.level} by the same source"
            report.conflicts.append(Problem(row.row, term, reason))
    return {key: value for key, value in said.items() if key not in unsaid}


def _stage_masks(
    library: Library, rows: Sequence[TableRow], folder: Path, problems: list[Problem], report: LabelReport
) -> list[StagedMask]:
    """Every mask of the table as a finished file in `incoming`, one scan in memory at a time."""
    groups = defaultdict[tuple[str, str], list[TableRow]](list)
    for row in rows:
        if row.mask or row.contours:
            groups[row.series_uid, row.source].append(row)
    staged = []
    for (series_uid, _), group in sorted(groups.items()):
        drawing = draw_rows(group, library.scan(series_uid), folder)
        problems += drawing.problems
        report.conflicts += drawing.conflicts
        if not problems and drawing.mask.known.any():
            staged.append(stage_mask(library.layout, series_uid, drawing.mask, row=group[0].row))
    return staged


def _store_labels(
    session: Session, said: Mapping[_Key, tuple[float, int]], ids: Mapping[str, int], report: LabelReport
) -> None:
    stored = _stored(session, sorted({ids[key[0]] for key in said}))
    new = []
    for key, (value, row) in said.items():
        series_uid, level, part, term, source = key
        before = stored.get((ids[series_uid], level.value, part, term, source))
        if before is None:
            new.append(
                {
                    "series_id": ids[series_uid],
                    "level": level.value,
                    "part": part,
                    "term": term,
                    "value": value,
                    "source": source,
                }
            )
            report.took(series_uid, level, part, term, value=value)
        elif before == value:
            report.duplicates += 1
        else:
            reason = f"{value:g} here, {before:g} in the library, of the same {level} by the same source"
            report.conflicts.append(Problem(row, term, reason))
    if new:
        session.execute(insert(LabelRow), new)


def _stored(session: Session, ids: Sequence[int]) -> dict[tuple[int, str, str, str, str], float]:
    found: dict[tuple[int, str, str, str, str], float] = {}
    for start in range(0, len(ids), BATCH):
        query = select(LabelRow).where(LabelRow.series_id.in_(ids[start : start + BATCH]))
        for row in session.scalars(query):
            found[row.series_id, row.level, row.part, row.term, row.source] = row.value
    return found


def _series_ids(library: Library, wanted: set[str]) -> dict[str, int]:
    """Series UID -> row id, for those that are in the library."""
    uids = sorted(wanted)
    ids: dict[str, int] = {}
    with Session(library.engine) as session:
        for start in range(0, len(uids), BATCH):
            some = uids[start : start + BATCH]
            query = select(SeriesRow.series_uid, SeriesRow.id).where(SeriesRow.series_uid.in_(some))
            ids.update((uid, key) for uid, key in session.execute(query))
    return ids


def _slice_keys(library: Library, ids: Mapping[str, int]) -> dict[str, set[str]]:
    """Series UID -> the names of its slices."""
    names = {key: uid for uid, key in ids.items()}
    keys: dict[str, set[str]] = {uid: set() for uid in ids}
    numbers = sorted(names)
    with Session(library.engine) as session:
        for start in range(0, len(numbers), BATCH):
            query = select(SliceRow.series_id, SliceRow.sop_instance_uid, SliceRow.index.label("place"))
            for row in session.execute(query.where(SliceRow.series_id.in_(numbers[start : start + BATCH]))):
                keys[names[row.series_id]].add(row.sop_instance_uid or str(row.place))
    return keys
