"""`bregma models quantise`: a package in 8-bit integers, and whether it still says the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.library import LibraryOption, UrlOption
from bregma.cli.output import Progress, console, errors, progress_bars
from bregma.cli.targets import check_targets

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.catalogue.records import ScanRecord
    from bregma.models.package import Package
    from bregma.training.eight_bit import PreparedScan


def quantise(
    name: Annotated[str, typer.Argument(help="A package's name or folder.")],
    *,
    library: LibraryOption,
    out: Annotated[Path, typer.Option("--out", help="Folder of the new package.")],
    url: UrlOption = None,
    split: Annotated[str, typer.Option(help="Ranges are taken from its part train, answers from validation.")] = (
        "default"
    ),
    scans: Annotated[int, typer.Option(min=1, help="At most so many scans of either part.")] = 16,
) -> None:
    """Write a package in 8-bit integers, often two to four times as fast, and say how far its answers lie apart.

    Whether it is good enough is measured like everything else: `bregma evaluate NAME OUT`, paired.

    Example: `bregma models quantise runs/resnet18-0/package --library lib --out models/resnet18-int8`
    """
    from bregma.catalogue.library import Library
    from bregma.models.package import find_package
    from bregma.training.eight_bit import quantise as write

    check_targets(folders=[out])
    package = find_package(name)
    with Library.open(library, url=url) as opened, progress_bars("for ranges", "for answers") as bars:
        seen, judged = (
            _prepared(opened, _some(opened, split, part, scans), package, bar)
            for part, bar in zip(("train", "validation"), bars, strict=True)
        )
    made, found = write(package, seen, judged, out)
    before, after = len(package.model_bytes()) / 1e6, len(made.model_bytes()) / 1e6
    console().print(f"{made.name} {made.version} ({made.digest[:12]}): {before:.1f} MB became {after:.1f} MB")
    console().print(f"{found}.", highlight=False, soft_wrap=True)
    if found.scans_changed or found.slices_changed:
        errors().print("[yellow]warning[/]: ", end="")
        errors().print(
            f"it does not say the same; compare the two before it is used: bregma evaluate {name} {out}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _some(library: Library, split: str, part: str, most: int) -> list[ScanRecord]:
    """At most so many scans of a part, spread over it."""
    records = library.scans(split, part)
    step = max(1, -(-len(records) // most))
    return records[::step]


def _prepared(
    library: Library, records: Sequence[ScanRecord], package: Package, progress: Progress
) -> list[PreparedScan]:
    from bregma.models.aggregate import reach_mm
    from bregma.models.places import places_of
    from bregma.preprocessing.pipeline import prepare
    from bregma.scan.errors import RequestError
    from bregma.training.eight_bit import PreparedScan

    found = []
    for done, record in enumerate(records, start=1):
        volume = library.volume(record.series_uid)
        images = prepare(volume, package.preprocessing).images
        found.append(PreparedScan(images, places_of(volume.geometry, len(images)), reach_mm(volume.geometry)))
        progress(done, len(records))
    if not found:
        raise RequestError("the split has no scan to train or none to validate on; make one with `bregma split`")
    return found
