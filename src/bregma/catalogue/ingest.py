"""Scans into the library: idempotent, resumable, parallel, and safe against a crash at any moment.

Workers read and compress (staging.py); this process alone names files and writes rows. The order of things is what
keeps the promise that whatever was reported as stored is there, whole: see steps.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bregma.catalogue.import_report import ImportReport
from bregma.catalogue.layout import Layout
from bregma.catalogue.library import Library
from bregma.catalogue.records import excluded_of
from bregma.catalogue.refusals import keep_refusal
from bregma.catalogue.series_rows import add_series, study_row
from bregma.catalogue.staging import (
    Load,
    Refused,
    Staged,
    Staging,
    other_content,
    other_patient,
    refused,
    stamp_of,
)
from bregma.catalogue.steps import OnStep, Step, pass_by
from bregma.catalogue.store import settle
from bregma.catalogue.sweeping import writing
from bregma.catalogue.tables import SeriesRow
from bregma.catalogue.workers import Work, in_order
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal

Progress = Callable[[int, int], None]

ATTEMPTS = 4
"""A series can lose the race for its patient, its study and itself, each once."""

CODES = {
    "other_content": "The library has a series of this UID with other content; the stored one is kept.",
    "other_patient": "The library has the study under another patient.",
    "reader_failed": "Reading failed in a way that Bregma did not foresee.",
    "reader_crashed": "Reading ended the process that read, twice: a decoder failed on the pixel data.",
}
"""Codes of refusal used here, with their meaning."""


def import_scans(
    library: Library,
    path: Path,
    *,
    workers: int = 2,
    progress: Progress | None = None,
    on_step: OnStep = pass_by,
) -> ImportReport:
    """Bring every scan below a path into the library. The files themselves are only read.

    Args:
        library: where to.
        path: a file, a folder, an archive or a medium.
        workers: processes that read and compress; 1 stays in this process.
        progress: told (done, total) after each series.
        on_step: for tests, see steps.py.

    Raises:
        RequestError: the path does not exist.
    """
    from bregma.io.find import discover, load_any  # pydicom, late

    return store_found(library, discover(path), load_any, workers=workers, progress=progress, on_step=on_step)


def store_found(
    library: Library,
    found: Discovery,
    load: Load,
    *,
    workers: int = 2,
    progress: Progress | None = None,
    on_step: OnStep = pass_by,
) -> ImportReport:
    """Bring what was found into the library, as `import_scans` does.

    Args:
        library: where to.
        found: candidates and refusals, as io.find.discover or an importer of a data set gives them.
        load: opens a candidate; importable by name when there is more than one worker.
        workers: processes that read and compress.
        progress: told (done, total) after each series.
        on_step: for tests, see steps.py.
    """
    if workers < 1:
        raise RequestError(f"workers is {workers}; expected 1 or more")
    report = ImportReport([], [], [], [])
    total = len(found.candidates)
    work: _Work = Work(partial(_unchanged, library, on_step), Staging(library.layout, load, on_step), _crashed)
    with writing(library):
        on_step(Step.SWEPT)
        for refusal in found.refused:
            _refuse(library, refusal, report)
        for done, outcome in enumerate(in_order(found.candidates, work, workers=min(workers, total)), start=1):
            report.series.append(_take(library, outcome, report, on_step))
            if progress is not None:
                progress(done, total)
            on_step(Step.REPORTED)
    return report


@dataclass(frozen=True, slots=True)
class _Known:
    """A candidate that need not be read: it is stored, and its files were not touched since."""

    series_uid: str
    excluded: tuple[Refusal, ...]


_Outcome = Staged | Refused | _Known
_Work = Work[Candidate, _Outcome]


def _crashed(candidate: Candidate) -> _Outcome:
    reason = "reading the series ended the process that read it, twice: a decoder failed on its pixel data"
    return refused(candidate, "reader_crashed", reason)


def _unchanged(library: Library, on_step: OnStep, candidate: Candidate) -> _Outcome | None:
    on_step(Step.FOUND)
    query = select(SeriesRow.series_uid, SeriesRow.volume, SeriesRow.volume_bytes, SeriesRow.excluded).where(
        SeriesRow.files == stamp_of(candidate)
    )
    with Session(library.engine) as session:
        row = session.execute(query).first()
    if row is None or not _is_there(library.layout, row.volume, row.volume_bytes):
        return None
    return _Known(row.series_uid, excluded_of(row.series_uid, row.excluded))


def _is_there(layout: Layout, volume: str, size: int) -> bool:
    path = layout.volume(volume)
    return path.is_file() and path.stat().st_size == size


def _take(library: Library, outcome: _Outcome, report: ImportReport, on_step: OnStep) -> str | None:
    """Report an outcome, and store it if it is new; the series that is in the library now."""
    if isinstance(outcome, _Known):
        report.already.append(outcome.series_uid)
        _set_aside(library, outcome.excluded, report)
        return outcome.series_uid
    if isinstance(outcome, tuple):
        for one in outcome:
            _refuse(library, one, report)
            on_step(Step.REFUSED)
        return None
    refusal, new = _commit_patiently(library, outcome, on_step)
    outcome.temporary.unlink(missing_ok=True)
    on_step(Step.COMMITTED)
    if refusal is not None:
        _refuse(library, refusal, report)
        return None
    series_uid = outcome.series.series_uid
    (report.stored if new else report.already).append(series_uid)
    _set_aside(library, (replace(one, series_uid=series_uid) for one in outcome.excluded), report)
    return series_uid


def _commit_patiently(library: Library, staged: Staged, on_step: OnStep) -> tuple[Refusal | None, bool]:
    """Commit; where another import was faster with this series, study or patient, look again."""
    for _ in range(ATTEMPTS - 1):
        with suppress(IntegrityError):
            return _commit(library, staged, on_step)
    return _commit(library, staged, on_step)


def _commit(library: Library, staged: Staged, on_step: OnStep) -> tuple[Refusal | None, bool]:
    """Name the file and add its rows, in one transaction.

    Returns:
        why the series is refused, if it is, and whether it is new.
    """
    with Session(library.engine.execution_options(writes=True)) as session, session.begin():
        stored = session.scalar(select(SeriesRow).where(SeriesRow.series_uid == staged.series.series_uid))
        if stored is not None and stored.content != staged.content:
            return other_content(staged), False
        study = None if stored is not None else study_row(session, staged)
        if stored is None and study is None:
            return other_patient(staged), False
        if stored is None or not _is_there(library.layout, stored.volume, stored.volume_bytes):
            settle(staged.temporary, library.layout.volume(staged.volume))
            on_step(Step.RENAMED)
        if stored is not None:
            stored.files, stored.volume, stored.volume_bytes = staged.stamp, staged.volume, staged.size
        elif study is not None:
            add_series(session, staged, study)
        session.flush()
        on_step(Step.ROWS_ADDED)
    return None, stored is None


def _refuse(library: Library, refusal: Refusal, report: ImportReport) -> None:
    """Keep a refusal as a row, once, and report it every time."""
    keep_refusal(library, refusal)
    report.refused.append(refusal)


def _set_aside(library: Library, excluded: Iterable[Refusal], report: ImportReport) -> None:
    """The same for files that a scan in the library does not use."""
    for refusal in excluded:
        keep_refusal(library, refusal)
        report.excluded.append(refusal)
