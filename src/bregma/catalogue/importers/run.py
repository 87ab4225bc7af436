"""One door for all data sets: scans stored, then what is said about them, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from bregma.catalogue.importers.by_name import IMPORTERS
from bregma.catalogue.importers.data_set_report import DataSetReport
from bregma.catalogue.importers.part import DataSetPart
from bregma.catalogue.ingest import Progress, store_found
from bregma.catalogue.label_rows import TableRow
from bregma.catalogue.label_table import store_rows
from bregma.catalogue.library import Library
from bregma.catalogue.steps import OnStep, pass_by
from bregma.catalogue.sweeping import writing
from bregma.catalogue.tables import SeriesRow, SliceRow
from bregma.scan.errors import RequestError, did_you_mean

BATCH = 500
"""Series in one query: SQLite allows some thousand parameters."""


def import_data_set(
    library: Library,
    folder: Path,
    name: str,
    *,
    workers: int = 2,
    looking: Progress | None = None,
    progress: Progress | None = None,
    on_step: OnStep = pass_by,
) -> DataSetReport:
    """Bring a data set into the library: its scans and what is said about them. The files are only read.

    Safe to stop and to run again at any point; a second import changes nothing.

    Args:
        library: where to.
        folder: the data set as it was handed out; see docs/how-to/data-sets.md.
        name: a name from IMPORTERS.
        workers: processes that read and compress.
        looking: told (done, total) of the files whose headers are read before the first scan, where there is need.
        progress: told (done, total) after each scan; total is 0 where the data set does not say beforehand.
        on_step: for tests, see steps.py.

    Raises:
        RequestError: there is no importer of this name, or the folder is not there.
        LayoutError, LabelTableError: the folder does not look as the data set does, or a table has wrong rows.
    """
    check_request(folder, name)
    report, done = DataSetReport(), 0
    with writing(library):  # held throughout, so that the leftovers of a crash are looked for once and not per part
        for part in _parts(folder, name, looking):
            told = _after(done, part, progress)
            _take(library, folder, part, report, workers=workers, progress=told, on_step=on_step)
            done += len(part.found.candidates)
    return report


def _parts(folder: Path, name: str, looking: Progress | None) -> Iterator[DataSetPart]:
    """The parts of a data set; how far the looking is that goes before them is told and passed over."""
    for part in IMPORTERS[name](folder):
        if isinstance(part, DataSetPart):
            yield part
        elif looking is not None:
            looking(part.done, part.total)


def check_request(folder: Path, name: str) -> None:
    """Raise RequestError where there is no importer of this name, or no such folder."""
    if name not in IMPORTERS:
        raise RequestError(f"{name!r} is no data set{did_you_mean(name, IMPORTERS)}")
    if not folder.is_dir():
        raise RequestError(f"{folder.name!r} is no folder; give the folder of the data set {name}")


def _after(done: int, part: DataSetPart, progress: Progress | None) -> Progress | None:
    """Progress of a part as progress of the whole."""
    if progress is None:
        return None
    tell: Callable[[int, int], None] = progress
    return lambda count, _: tell(done + count, part.total)


def _take(
    library: Library,
    folder: Path,
    part: DataSetPart,
    report: DataSetReport,
    *,
    workers: int,
    progress: Progress | None,
    on_step: OnStep,
) -> None:
    scans = store_found(library, part.found, part.load, workers=workers, progress=progress, on_step=on_step)
    there = [uid for uid in scans.series if uid is not None]
    report.add_scans(scans, slices=_slices(library, there), copies=_copies(library, there))
    rows = list(_rows(part, scans.series, report))
    if rows:
        report.add_labels(store_rows(library, rows, folder, on_step=on_step))
    report.duplicates += part.duplicates
    report.unlabelled += part.unlabelled
    report.conflicts.add(part.conflicts)
    report.rows += report.not_found.add(part.not_found)
    report.wrong.add(part.wrong)


def _rows(part: DataSetPart, series: Sequence[str | None], report: DataSetReport) -> Iterator[TableRow]:
    """Rows about scans that may be in the library, each with its series; rows about refused ones are counted."""
    candidates = list(zip(part.found.candidates, series, strict=True))
    refused = {one.series_uid for one, uid in candidates if uid is None} - {uid for _, uid in candidates}
    of_file = {name: uid for one, uid in candidates for name in one.files}
    for row in part.rows:
        if row.file and row.file not in of_file:
            report.rows += 1
            report.not_found.add([row.problem("file", f"there is no scan of the file {row.file!r}")])
        elif (row.file and of_file[row.file] is None) or (not row.file and row.series_uid in refused):
            report.rows += 1
            report.of_refused += 1
        else:
            yield replace(row, series_uid=of_file[row.file] or "") if row.file else row


def _copies(library: Library, series: list[str]) -> int:
    """How many of these series have the pixels of one that came before them."""
    count = 0
    before = aliased(SeriesRow)
    query = select(func.count(SeriesRow.id)).where(
        exists().where(before.volume == SeriesRow.volume, before.id < SeriesRow.id)
    )
    with Session(library.engine) as session:
        for start in range(0, len(series), BATCH):
            count += session.scalar(query.where(SeriesRow.series_uid.in_(series[start : start + BATCH]))) or 0
    return count


def _slices(library: Library, series: list[str]) -> int:
    """How many slices these series have."""
    count = 0
    with Session(library.engine) as session:
        for start in range(0, len(series), BATCH):
            query = select(func.count(SliceRow.id)).join(SeriesRow, SliceRow.series_id == SeriesRow.id)
            count += session.scalar(query.where(SeriesRow.series_uid.in_(series[start : start + BATCH]))) or 0
    return count
