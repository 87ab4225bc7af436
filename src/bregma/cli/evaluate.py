"""`bregma evaluate`: a package against the labels of a library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bar
from bregma.cli.read import JsonOption


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
    from bregma.evaluation import report
    from bregma.evaluation.evaluate import evaluate_package
    from bregma.models.package import find_package

    name, part = _split(split)
    with Library.open(library, url=url) as opened:
        found = []
        for each in packages:
            with progress_bar(f"reading with {each}") as progress:
                found.append(
                    evaluate_package(
                        find_package(each),
                        opened,
                        split=name,
                        part=part,
                        progress=progress,
                        seed=seed,
                        replicates=replicates,
                    )
                )
        console.print(report.terminal(found))
        if json is not None:
            report.write_json(json, found)
        if html is not None:
            report.write_page(html, found, opened)
            console.print(f"page: {html}", highlight=False, soft_wrap=True)


def _split(text: str) -> tuple[str | None, str | None]:
    if text == "all":
        return None, None
    name, colon, part = text.partition(":")
    return (name, part) if colon else ("default", name)
