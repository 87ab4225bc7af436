"""`bregma split`: dividing the patients of a library."""

from __future__ import annotations

from typing import Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console
from bregma.scan.errors import RequestError


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
    seed: Annotated[int, typer.Option(help="The same seed makes the same split.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a split of this name.")] = False,
) -> None:
    """Split the patients of a library into training, validation and test parts, and store the split by name.

    Example: `bregma split --library lib --train 0.7 --validation 0.3 --test 0`
    """
    from bregma.catalogue import splits
    from bregma.catalogue.library import Library

    if not name or ":" in name:
        raise RequestError(f"{name!r} is no name for a split; choose one that is not empty and has no colon")
    fractions = {"train": train, "validation": validation, "test": test}
    with Library.open(library, url=url) as opened:
        report = splits.make_split(opened, name, fractions=fractions, seed=seed, replace=replace)
    console().print(report.summary(), highlight=False, markup=False, soft_wrap=True)
