"""`bregma train`: from a recipe and a library to a model package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bars
from bregma.cli.targets import check_targets
from bregma.cli.tumour_ties import warn_of_ties
from bregma.scan.errors import MissingExtraError

if TYPE_CHECKING:
    from bregma.training.train import Run


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(train)


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name (radnet, anatomy_rn_nn, tumour_multitask, ...) or a TOML file.")
    ],
    *,
    library: LibraryOption,
    url: UrlOption = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; the same folder goes on where it stopped.")
    ] = None,
    split: Annotated[str, typer.Option(help="The split whose parts train and validation are used.")] = "default",
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the order of the data.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the recipe: optimizer.epochs=10 (repeatable).")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Train a recipe on a library and export the best network as a package.

    Ctrl-C ends cleanly; the same command goes on. The run's folder holds the recipe, log.csv, TensorBoard curves, the
    best and the last state, and the package.

    Examples: `bregma train radnet --library lib --set preprocessing.pixel_mm=2 --set optimizer.epochs=10`;
    `bregma train anatomy_rn_nn --library lib --set eyes.backbone=mobilenetv2_100 --set eyes.grid=4`
    """
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("train", "bregma train")
    from bregma.catalogue.library import Library
    from bregma.training.recipe import load_recipe
    from bregma.training.train import Run

    if run is not None:
        check_targets(folders=[run])
    from bregma.training.anatomy_recipe import is_anatomy_recipe

    if is_anatomy_recipe(recipe):
        planned = Run(run or Path("runs") / f"{Path(recipe).stem}-{seed}", split=split, seed=seed, device=device)
        _train_anatomy(recipe, settings or [], library, url, planned)
        return
    from bregma.training.tumour_recipe import is_tumour_recipe

    if is_tumour_recipe(recipe):
        planned = Run(run or Path("runs") / f"{Path(recipe).stem}-{seed}", split=split, seed=seed, device=device)
        _train_tumours(recipe, settings or [], library, url, planned)
        return
    chosen = load_recipe(recipe, settings or [])
    from bregma.training.train import train as train_recipe

    planned = Run(run or Path("runs") / f"{chosen.name}-{seed}", split=split, seed=seed, device=device)
    stages = progress_bars("preparing scans", f"training {chosen.name}")
    with Library.open(library, url=url) as opened, stages as (preparing, progress):
        package = train_recipe(chosen, opened, planned, progress=progress, preparing=preparing)
    console().print(f"package: {package}\nnext: bregma evaluate {package} --library {library}", soft_wrap=True)


def _train_anatomy(recipe: str, settings: list[str], library: Path, url: str | None, run: Run) -> None:
    """Train a network of places on the lesions of the library whose place is known."""
    from bregma.catalogue.library import Library
    from bregma.training.anatomy_recipe import load_anatomy_recipe
    from bregma.training.train_anatomy import train_anatomy

    chosen = load_anatomy_recipe(recipe, settings)
    stages = progress_bars("looking at regions", f"training {chosen.name}")
    with Library.open(library, url=url) as opened, stages as (looking, progress):
        package = train_anatomy(chosen, opened, run, looking=looking, progress=progress)
    console().print(f"package: {package}\nnext: bregma read PATH --anatomy {package}", soft_wrap=True)


def _train_tumours(recipe: str, settings: list[str], library: Path, url: str | None, run: Run) -> None:
    """Train an embedding of tumours on those of the library that somebody outlined."""
    from bregma.catalogue.library import Library
    from bregma.training.train_tumours import outlined_scans, train_tumours
    from bregma.training.tumour_recipe import load_tumour_recipe

    chosen = load_tumour_recipe(recipe, settings)
    with Library.open(library, url=url) as opened:
        learning, measuring = outlined_scans(opened, run.split)
        warn_of_ties(opened, [*learning, *measuring], "train in another folder")
        with progress_bars(f"training {chosen.name}") as (progress,):
            package = train_tumours(chosen, opened, run, progress=progress)
    console().print(
        f"package: {package}\nnext: bregma index add tumours.index --library {library} --model {package}",
        soft_wrap=True,
    )
