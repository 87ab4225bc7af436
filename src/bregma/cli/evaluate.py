"""`bregma evaluate`: packages against the labels of a library."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bar
from bregma.cli.read import JsonOption
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.evaluation.comparison import Table
    from bregma.evaluation.evaluation import Evaluation
    from bregma.evaluation.groups import Group

WIDE = 150
"""Columns of a comparison, so that a file keeps a row on a line."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(evaluate)


def evaluate(
    packages: Annotated[list[str], typer.Argument(help="Package names or folders; several are compared, paired.")],
    *,
    library: LibraryOption,
    url: UrlOption = None,
    split: Annotated[
        str, typer.Option(help='A part of the split "default" (test), of another ("mine:test"), or "all".')
    ] = "test",
    group: Annotated[
        bool, typer.Option("--group", help="Take runs called NAME-SEED together: means over seeds.")
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Every figure of every package.")] = False,
    specificity: Annotated[float, typer.Option(help="At which sensitivity is read off the ROC curve.")] = 0.9,
    html: Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")] = None,
    json: JsonOption = None,
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap replicates of the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure packages on labelled scans: every figure with its 95 % interval by patient, and the worst errors.

    Example: `bregma evaluate runs/radnet-0/package --library lib --split test --html report.html`
    """
    from bregma.catalogue.library import Library
    from bregma.cli.contenders import contenders_of
    from bregma.cli.machine import machine
    from bregma.evaluation.compare import compare_groups
    from bregma.evaluation.evaluate import Question, Watch, evaluate_packages
    from bregma.evaluation.groups import alone, by_group
    from bregma.evaluation.report import document, page
    from bregma.report.contract import write_json, write_text

    check_targets(files=[html, json])
    question = Question(*_split(split), seed=seed, replicates=replicates, specificity=specificity)
    contenders = contenders_of(packages, grouped=group)
    with Library.open(library, url=url) as opened:
        with progress_bar("reading") as progress:
            found = evaluate_packages(
                contenders, opened, question, progress=progress, watch=Watch(time.perf_counter, machine())
            )
        groups = by_group(found) if group else alone(found)
        tables = compare_groups(groups, seed=seed, replicates=replicates) if len(found) > 1 else []
        if tables:
            _print_comparison(groups, tables, details=details)
        if details or not tables:
            for evaluation in found:
                _print_evaluation(evaluation)
        if json is not None:
            write_json(json, document(found, tables))
        if html is not None:
            write_text(html, page(found[0], opened))
            console().print(f"page: {html}", highlight=False, soft_wrap=True)


def _print_evaluation(evaluation: Evaluation) -> None:
    from bregma.evaluation.table import HEADER, notes, rows

    setup = evaluation.setup
    _print_table(f"{setup.label} {setup.version} ({setup.digest[:12]})", HEADER, rows(evaluation))
    for note in notes(evaluation):
        console().print(note, highlight=False, markup=False, soft_wrap=True)


def _print_comparison(groups: Sequence[Group], tables: Sequence[Table], *, details: bool) -> None:
    from bregma.evaluation import summary

    _print_table(
        "models (95 % intervals over patients)",
        summary.summary_header(groups),
        summary.summary_rows(groups, tables),
        wide=True,
    )
    if details or any(len(group.members) > 1 for group in groups):
        rows = summary.group_rows(tables, everything=details)
        _print_table("means over seeds", summary.GROUP_HEADER, rows, wide=True)
    differences = summary.difference_rows(tables, everything=details)
    _print_table(f"differences to {groups[0].name}, paired", summary.DIFFERENCE_HEADER, differences, wide=True)


def _print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, wide: bool = False) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, title=title, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    chosen = Console(width=max(WIDE, console().width)) if wide else console()
    chosen.print(table)


def _split(text: str) -> tuple[str | None, str | None]:
    if text == "all":
        return None, None
    name, colon, part = text.partition(":")
    return (name, part) if colon else ("default", name)
