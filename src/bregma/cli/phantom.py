"""`bregma phantom`: scans whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bregma.cli.output import console, progress_bar
from bregma.cli.targets import check_targets
from bregma.scan.counted import counted
from bregma.scan.errors import RequestError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(phantom)


def phantom(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many studies.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed draws the same heads.")] = 0,
    positive_share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of studies with a bleed.")] = 0.5,
    size: Annotated[int, typer.Option(min=32, max=1024, help="Rows and columns.")] = 512,
    slices: Annotated[int, typer.Option(min=1, max=600, help="Slices per study.")] = 32,
    least_ml: Annotated[float, typer.Option(min=0.0, help="Draw no bleed smaller, where there is room.")] = 0.0,
    tumours: Annotated[bool, typer.Option("--tumours", help="T1c-like MR with tumours instead of CT.")] = False,
    nifti: Annotated[bool, typer.Option("--nifti", help="With --tumours: NIfTI files and tumours.csv.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Draw heads with and without bleeds, or with tumours, and write them as DICOM, with labels and masks.

    The folder gets scans/ (one folder per study), labels.csv and masks/, which `bregma import` and
    `bregma labels import` take. Interrupted work goes on where it stopped.

    Example: `bregma phantom heads --count 60 --seed 1`
    """
    if nifti and not tumours:
        raise RequestError("--nifti goes with --tumours; heads with bleeds are written as DICOM")
    check_targets(folders=[folder])
    if tumours:
        _draw_tumours(folder, count, seed=seed, size=size, slices=slices, nifti=nifti, workers=workers)
        return
    from bregma.phantom.studies import write_studies

    with progress_bar("drawing") as progress:
        write_studies(
            folder,
            count=count,
            seed=seed,
            positive_share=positive_share,
            size=size,
            slices=slices,
            least_ml=least_ml,
            workers=workers,
            progress=progress,
        )
    console().print(
        f"{counted(count, 'study', 'studies')} in {folder}; next: bregma import {folder / 'scans'} --library LIBRARY",
        soft_wrap=True,
    )


def _draw_tumours(folder: Path, count: int, *, seed: int, size: int, slices: int, nifti: bool, workers: int) -> None:
    from bregma.phantom.tumour_studies import TumourStudies, write_tumour_studies

    with progress_bar("drawing") as progress:
        write_tumour_studies(
            folder, TumourStudies(seed, size, slices, nifti=nifti), count=count, workers=workers, progress=progress
        )
    told = f"{counted(count, 'study', 'studies')} in {folder}"
    name = "tumours" if nifti else "table"
    console().print(f"{told}; next: bregma import {folder} --as {name} --library LIBRARY", soft_wrap=True)
