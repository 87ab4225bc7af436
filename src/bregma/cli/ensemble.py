"""`bregma models ensemble`: several runs of one recipe as one package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import console, progress_bars
from bregma.cli.targets import check_targets


def ensemble(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs that differ by their seed alone.")],
    *,
    library: LibraryOption,
    out: Annotated[Path, typer.Option("--out", help="Folder of the new package.")],
    url: UrlOption = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the networks; else one per core.")] = None,
) -> None:
    """Let several runs of a recipe answer together: steadier than one of them, and as many times as slow.

    Threshold, temperature and operating points are chosen anew for their mean, on the same validation part.

    Example: `bregma models ensemble runs/mine-0 runs/mine-1 runs/mine-2 --library lib --out models/mine`
    """
    from bregma.catalogue.library import Library
    from bregma.training.ensemble import make_ensemble

    check_targets(folders=[out])
    with Library.open(library, url=url) as opened, progress_bars("preparing") as (bar,):
        package = make_ensemble(runs, opened, out, threads=threads, preparing=bar)
    size = len(package.model_bytes()) / 1e6
    words = f"package: {out} ({package.name} {package.version}, {package.digest[:12]}, {len(runs)} runs, {size:.1f} MB)"
    console().print(f"{words}\nnext: bregma read PATH --model {out}", highlight=False, markup=False, soft_wrap=True)
