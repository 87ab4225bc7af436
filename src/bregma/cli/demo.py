"""`bregma demo`: the main job on two drawn heads, or on a folder of one's own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from bregma.cli import read as reading
from bregma.cli.output import console, progress_bar
from bregma.cli.targets import check_targets
from bregma.scan.counted import named

SEED = 2026
STUDIES = 2
SIZE = 512
SLICES = 32


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(demo)


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Where the drawn heads, the pages and the JSON go.")] = Path("demo"),
    scan: Annotated[Path | None, typer.Option(help="Read this instead of drawn heads.")] = None,
) -> None:
    """Draw two heads, one with a bleed, read them with the bundled model, and write a page for each.

    Example: `bregma demo --out demo`; with your own scans: `bregma demo --scan /data/ct`
    """
    code = 0
    check_targets(folders=[out])
    reading.chosen_packages([])
    path = scan or _draw(out / "phantoms")
    before = _pages(out / "pages")
    try:
        reading.read(path, html=out / "pages", json=out / "reading.json", csv=out / "reading.csv")
    except typer.Exit as stopped:
        code = stopped.exit_code
    now = _pages(out / "pages")
    pages = [str(page) for page in sorted(now) if now[page] != before.get(page)]
    if pages:
        console().print(f"\nOpen in a browser: {named(pages)}", highlight=False, markup=False, soft_wrap=True)
    console().print(
        "Next: make demo SCAN=/path/to/scans reads your own; bregma read --help says more; bregma phantom heads -n 60, "
        f"bregma import and bregma train make a model of your own.{_where()}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    console().print("Not a medical device: the bundled model has never seen a patient.", style="yellow")
    if code:
        raise typer.Exit(code)


def _pages(folder: Path) -> dict[Path, int]:
    """The pages in a folder and when each was written, so that those of an earlier demo are not taken for new ones."""
    return {page: page.stat().st_mtime_ns for page in folder.glob("*.html")}


def _where() -> str:
    """Where the program lies, for whoever cannot call it by its name alone."""
    if shutil.which("bregma") is not None:
        return ""
    return f" The program bregma lies in {os.path.relpath(Path(sys.executable).parent)}."


def _draw(folder: Path) -> Path:
    from bregma.phantom.studies import write_studies

    with progress_bar("drawing two heads") as progress:
        write_studies(folder, count=STUDIES, seed=SEED, size=SIZE, slices=SLICES, workers=STUDIES, progress=progress)
    return folder / "scans"
