"""`bregma split`: dividing the patients of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bar
from bregma.scan.errors import RequestError

if TYPE_CHECKING:
    from rich.table import Table

    from bregma.catalogue.library import Library
    from bregma.catalogue.split_report import PartCount, SplitReport


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(split)


def split(
    name: Annotated[str, typer.Argument(help="The split's name.")] = "default",
    *,
    library: LibraryOption,
    url: UrlOption = None,
    train: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of patients to train on.")] = 0.7,
    validation: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share to choose and calibrate on.")] = 0.15,
    test: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share to measure on.")] = 0.15,
    subset: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the patients to divide at all.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same split.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a split of this name.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Look for copies on both sides; reads pixels.")] = False,
) -> None:
    """Split the patients of a library into training, validation and test parts, and store the split by name.

    All findings are made about as common in each part. With --check, copies on both sides end in exit code 1.

    Example: `bregma split --library lib --train 0.7 --validation 0.3 --test 0`
    """
    from bregma.catalogue import splits
    from bregma.catalogue.library import Library

    if not name or ":" in name:
        raise RequestError(f"{name!r} is no name for a split; choose one that is not empty and has no colon")
    fractions = {"train": train, "validation": validation, "test": test}
    with Library.open(library, url=url) as opened:
        report = splits.make_split(opened, name, fractions=fractions, subset=subset, seed=seed, replace=replace)
        console().print(report.summary(), highlight=False, markup=False, soft_wrap=True)
        console().print(_table(report))
        if check and not _is_clean(opened, report):
            raise typer.Exit(1)


def _table(report: SplitReport) -> Table:
    """One row per finding: positives, known scans and prevalence in each part, and the gap between the parts."""
    from rich import box
    from rich.table import Table

    columns: dict[str, PartCount] = dict(report.parts)
    if report.left_out.patients:
        columns["in no part"] = report.left_out
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("finding")
    for part in columns:
        table.add_column(part, justify="right")
    table.add_column("gap in points", justify="right")
    for finding in report.left_out.findings:
        gap = report.gaps.get(finding)
        cells = [_cell(part, finding) for part in columns.values()]
        table.add_row(finding, *cells, "-" if gap is None else f"{gap:.2f}")
    return table


def _cell(part: PartCount, finding: str) -> str:
    count = part.findings[finding]
    return "-" if count.prevalence is None else f"{count.positive}/{count.known} {100.0 * count.prevalence:.2f}%"


def _is_clean(library: Library, report: SplitReport) -> bool:
    """Compare each part with those after it, and say what they share."""
    from bregma.evaluation.leakage import find_leakage

    records = {part: library.scans(report.name, part) for part in report.parts}
    names, clean = list(records), True
    for number, here in enumerate(names[:-1]):
        others = [record for there in names[number + 1 :] for record in records[there]]
        with progress_bar(f"comparing {here}") as progress:
            leakage = find_leakage(records[here], others, library, progress=progress)
        clean = clean and not (leakage.found or leakage.alike)
        against = " and ".join(names[number + 1 :])
        console().print(
            f"{here} against {against}: {leakage.sentence()}", highlight=False, markup=False, soft_wrap=True
        )
        for one, other in (*leakage.pixels, *leakage.alike):
            console().print(f"  {one} is like {other}", highlight=False, markup=False, soft_wrap=True)
    return clean
