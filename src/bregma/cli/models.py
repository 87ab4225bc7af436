"""`bregma models`: which model packages are installed, what they have seen, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bregma.cli.ensemble import ensemble
from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console
from bregma.cli.quantise import quantise
from bregma.cli.targets import check_targets

app = typer.Typer(help="List, show, verify, join, quantise and extend model packages.", no_args_is_help=True)
app.command()(ensemble)
app.command()(quantise)


@app.command("list")
def list_packages() -> None:
    """List the installed packages: those in $BREGMA_MODELS, in the data folder and the bundled ones.

    Exit code 1 when one of them is damaged.

    Example: `bregma models list`
    """
    from rich.table import Table

    from bregma.models.anatomy_installed import find_all_anatomy
    from bregma.models.combine import combination_of
    from bregma.models.package import find_all

    table = Table(box=None, pad_edge=False)
    for title in ("name", "version", "digest", "findings", "folder"):
        table.add_column(title, overflow="fold")  # a path that ends in dots leads nowhere
    whole, damaged = find_all()
    for package in whole:
        findings = ", ".join(package.findings)
        table.add_row(package.name, package.version, package.digest[:12], findings, str(package.folder))
    places, damaged_places = find_all_anatomy()
    for one in places:
        names = f"names places, {len(one.cases)} reference cases"
        table.add_row(one.card.name, "", one.digest[:12], names, str(one.folder))
    console().print(table)
    if len(whole) > 1:
        together = combination_of(whole)
        words = f"all of them together (bregma read without --model): a scan is {together.rule}"
        console().print(words, highlight=False, markup=False, soft_wrap=True)
    for torn in (*damaged, *damaged_places):
        console().print("[red]damaged[/] ", end="")
        console().print(f"{torn.folder}: {torn.reason}", highlight=False, markup=False, soft_wrap=True)
    if damaged or damaged_places:
        raise typer.Exit(1)


@app.command()
def show(name: Annotated[str, typer.Argument(help="A package's name or folder.")]) -> None:
    """Show a package's card: what it saw, what it was measured on, its limits.

    Examples: `bregma models show radnet`; `bregma models show runs/anatomy_rn-0/package`
    """
    from bregma.models.anatomy_package import load_anatomy_package
    from bregma.models.package import find_package
    from bregma.report.place_card import place_card_table
    from bregma.report.table import card_table

    places = _of_places(name)
    console().print(
        card_table(find_package(name)) if places is None else place_card_table(load_anatomy_package(places))
    )


@app.command()
def verify(name: Annotated[str, typer.Argument(help="A package's name or folder.")]) -> None:
    """Check that a package is whole: digest, format, and that the network answers as described.

    Examples: `bregma models verify radnet`; `bregma models verify runs/anatomy_rn-0/package`
    """
    from bregma.models.anatomy_verify import verify_anatomy_package
    from bregma.models.package import find_package
    from bregma.models.verify import verify_package

    places = _of_places(name)
    if places is not None:
        checks = verify_anatomy_package(places)
    else:
        checks = verify_package(Path(name) if Path(name).is_dir() else find_package(name).folder)
    for check in checks:
        mark = "[green]ok[/]" if check.passed else "[red]failed[/]"
        console().print(f"{mark} {check.name}: ", end="")
        console().print(check.message, highlight=False, markup=False, soft_wrap=True)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _of_places(name: str) -> Path | None:
    """The folder of a package of places, by its name or folder; None where it is another package's or nobody's."""
    from bregma.models.anatomy_installed import find_all_anatomy, is_anatomy_folder

    if is_anatomy_folder(Path(name)):
        return Path(name)
    return next((one.folder for one in find_all_anatomy()[0] if one.card.name == name), None)


@app.command()
def extend(
    package: Annotated[str, typer.Argument(help="The name or folder of a package of places.")],
    *,
    library: LibraryOption,
    url: UrlOption = None,
    out: Annotated[Path, typer.Option(help="Folder of the extended package.")],
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network; else one per core.")] = None,
) -> None:
    """Add reference cases to a package of places, without training: a place it had no case of can be named then.

    All lesions of the library whose place is known are added, those it has already left out.

    Example: `bregma models extend runs/anatomy_rn-0/package --library lib --out extended`
    """
    from bregma.catalogue.library import Library
    from bregma.models.anatomy_installed import find_anatomy_package
    from bregma.models.anatomy_predictor import AnatomyPredictor
    from bregma.training.extend_places import extend_places

    check_targets(folders=[out])
    predictor = AnatomyPredictor(find_anatomy_package(package), threads=threads)
    with Library.open(library, url=url) as opened:
        extended = extend_places(predictor, opened, out)
    added = len(extended.cases) - len(predictor.package.cases)
    words = f"package: {out} has {added} reference cases more, {len(extended.cases)} in all"
    console().print(f"{words}\nnext: bregma read PATH --anatomy {out}", highlight=False, markup=False, soft_wrap=True)
