"""`bregma import`, `bregma labels`: what goes into a library folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.output import console, print_error, progress_bar, progress_bars
from bregma.cli.read import NOT_SCANS
from bregma.cli.targets import check_targets
from bregma.scan.counted import counted, named
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal

if TYPE_CHECKING:
    from bregma.catalogue.import_report import ImportReport

LibraryOption = Annotated[Path, typer.Option("--library", "-L", help="The library's folder; import makes it.")]
UrlOption = Annotated[
    str | None, typer.Option("--url", envvar="BREGMA_DATABASE_URL", help="A PostgreSQL URL instead of the SQLite file.")
]

labels_app = typer.Typer(help="Bring labels into a library.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("import")(import_scans)
    app.add_typer(labels_app, name="labels")


def import_scans(
    path: Annotated[Path, typer.Argument(help="A file, a folder tree, a zip or a DICOMDIR medium.")],
    *,
    library: LibraryOption,
    data_set: Annotated[
        str | None, typer.Option("--as", help="Scans and labels of a data set: rsna2019, cq500, table, ...")
    ] = None,
    url: UrlOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read and compress.")] = 2,
) -> None:
    """Bring scans into a library: pixels as lossless HU, originals untouched.

    Safe to stop and to run again at any point: what is stored is not stored twice.

    Example: `bregma import /data/ct --library lib`
    """
    if data_set is not None:
        _import_data_set(path, data_set, library=library, url=url, workers=workers)
        return
    from bregma.catalogue import ingest
    from bregma.catalogue.library import Library

    if not path.exists():
        raise RequestError(f"there is nothing to read at {path.name!r}; check the path")
    check_targets(folders=[library])
    with Library.open_or_create(library, url=url) as opened, progress_bar("importing") as progress:
        report = ingest.import_scans(opened, path, workers=workers, progress=progress)
    _print_import(report)
    if not report.stored and not report.already:
        print_error(f"no scan was found in {path.name!r}")
        raise typer.Exit(1)
    if any(refusal.code not in NOT_SCANS for refusal in (*report.refused, *report.excluded)):
        raise typer.Exit(1)


def _import_data_set(folder: Path, name: str, *, library: Path, url: str | None, workers: int) -> None:
    from bregma.catalogue.importers.run import check_request, import_data_set
    from bregma.catalogue.library import Library

    check_request(folder, name)
    check_targets(folders=[library])
    with Library.open_or_create(library, url=url) as opened, progress_bars(f"importing {name}", "headers") as bars:
        report = import_data_set(opened, folder, name, workers=workers, progress=bars[0], looking=bars[1])
    console().print(report.summary(), highlight=False, markup=False, soft_wrap=True)
    if not report.stored and not report.already:
        print_error(f"no scan of {folder.name!r} could be read")
        raise typer.Exit(1)
    if report.wrong.count or any(code not in NOT_SCANS for code in report.refused):
        raise typer.Exit(1)


def _print_import(report: ImportReport) -> None:
    """What was stored, what was not, and what was left out of the scans that are there."""
    files = sum(len(refusal.files) for refusal in report.excluded)
    left_out = f", {counted(files, 'file')} left out of the scans" if files else ""
    console().print(
        f"{len(report.stored)} stored, {len(report.already)} already there, {len(report.refused)} refused{left_out}"
    )
    for title, refusals in (("refused", report.refused), ("left out", report.excluded)):
        for refusal in _together(refusals):
            line = f"  {title} ({refusal.code}): {refusal.reason} [{named(refusal.files)}]"
            console().print(line, highlight=False, markup=False, soft_wrap=True)


def _together(refusals: Iterable[Refusal]) -> list[Refusal]:
    """Refusals for the same reason as one, so that a thousand masks are a line and not a thousand."""
    files = defaultdict[tuple[str, str], list[str]](list)
    for refusal in refusals:
        files[refusal.code, refusal.reason] += refusal.files
    return [Refusal(code, reason, tuple(names)) for (code, reason), names in files.items()]


@labels_app.command("import")
def import_labels(
    table: Annotated[Path, typer.Argument(help="A CSV or JSON as docs/labels.md describes it.")],
    *,
    library: LibraryOption,
    url: UrlOption = None,
    source: Annotated[str | None, typer.Option(help='Who says so, for rows that do not: "reader:a", "report".')] = None,
) -> None:
    """Bring labels into a library: scan, slice and lesion level, contours and masks; blank stays unknown.

    All rows are checked before any is stored.

    Example: `bregma labels import labels.csv --library lib --source reader:a`
    """
    from bregma.catalogue import label_table
    from bregma.catalogue.library import Library

    with Library.open(library, url=url) as opened:
        report = label_table.import_labels(opened, table, source=source)
    console().print(report.summary(), highlight=False, markup=False, soft_wrap=True)
