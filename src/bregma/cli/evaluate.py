"""`bregma evaluate`: a package against the labels of a library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bar
from bregma.cli.read import JsonOption
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.evaluation.compare import Comparison
    from bregma.evaluation.evaluation import Evaluation


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
    html: Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")] = None,
    json: JsonOption = None,
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap replicates of the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure packages on labelled scans: every figure with its 95 % interval by patient, and the worst errors.

    Example: `bregma evaluate runs/radnet-0/package --library lib --split test --html report.html`
    """
    from bregma.catalogue.library import Library
    from bregma.evaluation.compare import compare
    from bregma.evaluation.evaluate import evaluate_package
    from bregma.evaluation.report import document, page
    from bregma.models.package import find_package
    from bregma.report.contract import write_json, write_text

    check_targets(files=[html, json])
    name, part = _split(split)
    chosen = [find_package(each) for each in packages]
    found: list[Evaluation] = []
    with Library.open(library, url=url) as opened:
        for package in chosen:
            with progress_bar(f"reading with {package.name}") as progress:
                found.append(
                    evaluate_package(
                        package,
                        opened,
                        split=name,
                        part=part,
                        progress=progress,
                        seed=seed,
                        replicates=replicates,
                    )
                )
        others = [compare(found[0], other, seed=seed, replicates=replicates) for other in found[1:]]
        for evaluation in found:
            _print_evaluation(evaluation)
        for comparison in others:
            _print_comparison(comparison)
        if json is not None:
            write_json(json, document(found, others))
        if html is not None:
            write_text(html, page(found[0], opened, comparisons=others))
            console().print(f"page: {html}", highlight=False, soft_wrap=True)


def _print_evaluation(evaluation: Evaluation) -> None:
    from rich.table import Table

    from bregma.evaluation.table import HEADER, notes, rows

    setup = evaluation.setup
    table = Table(*HEADER, title=f"{setup.package} {setup.version} ({setup.digest[:12]})", box=None, pad_edge=False)
    for row in rows(evaluation):
        table.add_row(*row)
    console().print(table)
    for note in notes(evaluation):
        console().print(note, highlight=False, markup=False, soft_wrap=True)


def _print_comparison(comparison: Comparison) -> None:
    from rich.table import Table

    from bregma.evaluation.table import comparison_rows

    title = f"{comparison.second} minus {comparison.first}, {comparison.level} level, paired"
    table = Table("figure", "difference", "95 % interval", title=title, box=None, pad_edge=False)
    for row in comparison_rows(comparison):
        table.add_row(*row)
    console().print(table)


def _split(text: str) -> tuple[str | None, str | None]:
    if text == "all":
        return None, None
    name, colon, part = text.partition(":")
    return (name, part) if colon else ("default", name)
