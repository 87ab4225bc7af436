"""Labels and masks from a table into the library: all rows are checked first, then one transaction.

A statement that is there already is a duplicate; one that contradicts what the same source said of the same part is a
conflict, is reported, and is not taken. Blank cells make no row. See docs/labels.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from bregma.catalogue.tumour_store import StagedMap, stage_maps, store_map
from bregma.scan.labels import Level

BATCH = 500
"""Series in one query: SQLite allows some thousand parameters."""

BY_FILE = "only an import of scans together with their table finds a scan by its file; give its series_uid"

_Key = tuple[str, Level, str, str, str]
"""Series UID, level, part ("" for the scan), finding, source."""


def import_labels(
    library: Library, table: Path, *, source: str | None = None, on_step: OnStep = pass_by
) -> LabelReport:
    """Bring a label table into the library; importing it again changes nothing.

    Args:
        library: with the scans that the table is about.
        table: CSV or JSON as docs/labels.md describes it.
        source: who says so, for rows that do not name anybody: "reader:a", "report", "dataset:rsna2019".
        on_step: for tests, see steps.py.

    Raises:
        LabelTableError: rows are wrong; all of them are in the error, and nothing was imported.
        RequestError: the file cannot be read as a table at all.
    """
    rows, problems = read_rows(table, source=source)
    problems += [row.problem("file", BY_FILE) for row in rows if row.file]
    report = LabelReport(rows=len(rows))
    with writing(library):
        on_step(Step.TABLE_READ)
        checked = _check(library, rows, table.parent, report)
        problems += checked.problems
        if problems:
            raise LabelTableError(table, sorted(problems, key=lambda problem: problem.row))
        _store(library, checked, report, on_step)
    return report


def store_rows(library: Library, rows: Sequence[TableRow], folder: Path, *, on_step: OnStep = pass_by) -> LabelReport:
    """Bring rows that somebody else has read into the library, by the rules of `import_labels`, in one transaction.

    A row whose mask or outline cannot be drawn is in `report.wrong` and not taken; the others are.

    Args:
        library: with the scans that the rows are about.
        rows: of one table or of several.
        folder: to which the paths in the rows are relative.
        on_step: for tests, see steps.py.
    """
    report = LabelReport(rows=len(rows))
    with writing(library):
        checked = _check(library, rows, folder, report)
        report.wrong = checked.problems
        _store(library, checked, report, on_step)
    return report


@dataclass(frozen=True, slots=True)
class _Checked:
    """Rows that can be stored, and what is wrong with the others."""

    ids: Mapping[str, int]
    rows: list[TableRow]
    masks: list[StagedMask]
    maps: list[StagedMap]
    problems: list[Problem]


def _check(library: Library, rows: Sequence[TableRow], folder: Path, report: LabelReport) -> _Checked:
    """Sort out what cannot be taken; the masks of the rest lie in `incoming` afterwards."""
    ids = _series_ids(library, {row.series_uid for row in rows})
    kept = _consistent(list(_findable(rows, ids, _slice_keys(library, ids), report)), report)
    masks, problems = _stage_masks(library, kept, folder, report)
    maps, wrong_maps = stage_maps(library, kept, folder)
    problems += wrong_maps
    wrong = {(problem.table, problem.row) for problem in problems}
    return _Checked(ids, [row for row in kept if (row.table, row.row) not in wrong], masks, maps, problems)


def _store(library: Library, checked: _Checked, report: LabelReport, on_step: OnStep) -> None:
    said = _statements(checked.rows, report)
    on_step(Step.MASKS_WRITTEN)
    with Session(library.engine.execution_options(writes=True)) as session, session.begin():
        _store_labels(session, said, checked.ids, report)
        on_step(Step.LABELS_ADDED)
        for mask in checked.masks:
            store_mask(session, library.layout, mask, checked.ids[mask.series_uid], report)
            on_step(Step.MASK_RENAMED)
        for one in checked.maps:
            store_map(session, library.layout, one, checked.ids[one.series_uid], report)
    on_step(Step.LABELS_COMMITTED)
    report.conflicts.sort(key=lambda problem: (problem.table, problem.row))


def _findable(
    rows: Sequence[TableRow], ids: Mapping[str, int], keys: Mapping[str, set[str]], report: LabelReport
) -> Iterator[TableRow]:
    """Rows about series and slices that are in the library; the others are reported."""
    for row in rows:
        if row.series_uid not in ids:
            report.not_found.append(row.problem("series_uid", f"series {row.series_uid} is not in the library"))
        elif row.level is Level.SLICE and row.part not in keys[row.series_uid]:
            report.not_found.append(row.problem("part", f"series {row.series_uid} has no slice {row.part!r}"))
        else:
            yield row


def _consistent(rows: Sequence[TableRow], report: LabelReport) -> list[TableRow]:
    """Rows in which `any` is not below a subtype; the others are conflicts."""
    kept = []
    for row in rows:
        conflict = row.contradiction()
        if conflict is None:
            kept.append(row)
        else:
            report.conflicts.append(conflict)
    return kept


def _statements(rows: Sequence[TableRow], report: LabelReport) -> dict[_Key, tuple[float, TableRow]]:
    """Key -> value and row. What a table says twice, differently, it does not say."""
    said: dict[_Key, tuple[float, TableRow]] = {}
    unsaid: set[_Key] = set()
    for row in rows:
        for term, value in row.values.items():
            key = (row.series_uid, row.level, row.part or "", term, row.source)
            before, first = said.setdefault(key, (value, row))
            if first is row:
                continue
            if before == value:
                report.duplicates += 1
                continue
            unsaid.add(key)
            reason = f"{value:g} here, {before:g} in row {first.row}, of the same {row.level} by the same source"
            report.conflicts.append(row.problem(term, reason))
    return {key: value for key, value in said.items() if key not in unsaid}


def _stage_masks(
    library: Library, rows: Sequence[TableRow], folder: Path, report: LabelReport
) -> tuple[list[StagedMask], list[Problem]]:
    """Every mask as a finished file in `incoming`, one scan in memory at a time; and what cannot be drawn."""
    problems: list[Problem] = []
    groups = defaultdict[tuple[str, str], list[TableRow]](list)
    for row in rows:
        if row.mask or row.contours:
            groups[row.series_uid, row.source].append(row)
    staged = []
    for (series_uid, _), group in sorted(groups.items()):
        drawing = draw_rows(group, library.scan(series_uid), folder)
        problems += drawing.problems
        report.conflicts += drawing.conflicts
        if drawing.mask.known.any():
            staged.append(stage_mask(library.layout, series_uid, drawing.mask, row=group[0]))
    return staged, problems


def _store_labels(
    session: Session, said: Mapping[_Key, tuple[float, TableRow]], ids: Mapping[str, int], report: LabelReport
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
            report.conflicts.append(row.problem(term, reason))
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
