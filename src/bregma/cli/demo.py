"""`bregma demo`: the main job on two drawn heads, or on a folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bregma.cli import read as reading
from bregma.cli.output import console, progress_bar
from bregma.cli.targets import check_targets

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
    try:
        reading.read(path, html=out / "pages", json=out / "reading.json", csv=out / "reading.csv")
    except typer.Exit as stopped:
        code = stopped.exit_code
    pages = sorted((out / "pages").glob("*.html"))
    if pages:
        console().print(f"\nOpen [bold]{pages[0]}[/] in a browser.", soft_wrap=True)
    console().print(
        "Next: make demo SCAN=/path/to/scans reads your own; bregma read --help says more; bregma phantom heads -n 60, "
        "bregma import and bregma train make a model of your own."
    )
    console().print("Not a medical device: the bundled model has seen drawn heads only.", style="yellow")
    if code:
        raise typer.Exit(code)


def _draw(folder: Path) -> Path:
    from bregma.phantom.studies import write_studies

    with progress_bar("drawing two heads") as progress:
        write_studies(folder, count=STUDIES, seed=SEED, size=SIZE, slices=SLICES, workers=STUDIES, progress=progress)
    return folder / "scans"
