"""`bregma evaluate`: packages against the labels of a library."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bar
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.evaluation.comparison import Table
    from bregma.evaluation.correlation import Correlation
    from bregma.evaluation.evaluation import Evaluation
    from bregma.evaluation.groups import Group
    from bregma.evaluation.learning import Learning

WIDE, MOST = 150, 2000
"""Columns of a comparison, least and most, so that a file keeps a row on a line."""


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
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap replicates of the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure packages on labelled scans: every figure with its 95 % interval by patient, and the worst errors.

    Example: `bregma evaluate runs/radnet-0/package --library lib --split test --html report.html`
    """
    from bregma.catalogue.library import Library
    from bregma.cli.contenders import contenders_of
    from bregma.cli.machine import machine
    from bregma.cli.run_logs import logs_of
    from bregma.evaluation.evaluate import Question, Watch, evaluate_packages

    check_targets(files=[html, json])
    question = Question(*part_of(split), seed=seed, replicates=replicates, specificity=specificity)
    contenders = contenders_of(packages, grouped=group)
    watch = Watch(time.perf_counter, machine())
    with Library.open(library, url=url) as opened:
        with progress_bar("reading") as progress:
            found = evaluate_packages(contenders, opened, question, progress=progress, watch=watch)
        compared = _compare(found, grouped=group)
        _print(found, compared, details=details)
        _write(found, compared, opened, learning=logs_of(packages, contenders), json=json, html=html)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Models, and what comparing them found; no tables for one package."""

    groups: list[Group]
    tables: list[Table]
    correlations: list[Correlation]


def _compare(found: list[Evaluation], *, grouped: bool) -> _Compared:
    import numpy as np

    from bregma.evaluation.compare import compare_groups
    from bregma.evaluation.groups import alone, by_group
    from bregma.evaluation.imagenet import against_imagenet

    setup, groups = found[0].setup, by_group(found) if grouped else alone(found)
    tables = compare_groups(groups, seed=setup.seed, replicates=setup.replicates) if len(found) > 1 else []
    return _Compared(groups, tables, against_imagenet(groups, tables, np.random.default_rng(setup.seed)))


def _write(
    found: list[Evaluation],
    compared: _Compared,
    library: Library,
    *,
    learning: list[Learning],
    json: Path | None,
    html: Path | None,
) -> None:
    from bregma.evaluation.comparison_page import comparison_page
    from bregma.evaluation.report import document, page
    from bregma.report.contract import write_json, write_text

    tables, correlations = compared.tables, compared.correlations
    if json is not None:
        write_json(json, document(found, tables, correlations=correlations, learning=learning))
    if html is None:
        return
    if tables:
        text = comparison_page(compared.groups, tables, library, correlations=correlations, learning=learning)
    else:
        text = page(found[0], library, learning=learning)
    write_text(html, text)
    console().print(f"page: {html}", highlight=False, soft_wrap=True)


def _print(found: list[Evaluation], compared: _Compared, *, details: bool) -> None:
    if compared.tables:
        _print_comparison(compared.groups, compared.tables, details=details)
        _print_notes(found)
    if details or not compared.tables:
        for evaluation in found:
            _print_evaluation(evaluation)


def _print_notes(found: list[Evaluation]) -> None:
    from bregma.evaluation.comparison_page import shared_notes

    for note in shared_notes(found):
        console().print(note, highlight=False, markup=False, soft_wrap=True)


def _print_evaluation(evaluation: Evaluation) -> None:
    from bregma.evaluation.table import HEADER, notes, rows

    setup = evaluation.setup
    print_table(f"{setup.label} {setup.version} ({setup.digest[:12]})", HEADER, rows(evaluation))
    for note in notes(evaluation):
        console().print(note, highlight=False, markup=False, soft_wrap=True)


def _print_comparison(groups: Sequence[Group], tables: Sequence[Table], *, details: bool) -> None:
    from bregma.evaluation import summary

    print_table(
        "models (95 % intervals over patients)",
        summary.summary_header(groups),
        summary.summary_rows(groups, tables),
        wide=True,
    )
    if details or any(len(group.members) > 1 for group in groups):
        rows = summary.group_rows(tables, everything=details)
        print_table("means over seeds", summary.GROUP_HEADER, rows, wide=True)
    differences = summary.difference_rows(tables, everything=details)
    print_table(f"differences to {groups[0].name}, paired", summary.DIFFERENCE_HEADER, differences, wide=True)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, wide: bool = False) -> None:
    """A table on stdout; a wide one keeps a row on a line, without columns that nobody fills."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    from bregma.evaluation.summary import filled

    if wide:
        header, rows = filled(header, rows)
    table = Table(*header, title=title, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if wide:
        endless = Console(width=MOST)
        natural = Measurement.get(endless, endless.options, table).maximum
        Console(width=max(WIDE, console().width, natural)).print(table)
    else:
        console().print(table)


def part_of(text: str) -> tuple[str | None, str | None]:
    """(Split, part) from "test", "mine:test" or "all", which is neither."""
    if text == "all":
        return None, None
    name, colon, part = text.partition(":")
    return (name, part) if colon else ("default", name)
