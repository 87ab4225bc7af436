"""`bregma inspect` and `bregma read`: what a path holds, and what the models say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from math import isfinite, nan
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from bregma.cli.output import console, errors, print_error
from bregma.cli.targets import check_targets
from bregma.scan.errors import PackageError, RefusedError, RequestError
from bregma.scan.study import Refusal

if TYPE_CHECKING:
    from bregma.models.anatomy_predictor import AnatomyPredictor
    from bregma.models.package import Package
    from bregma.models.predictor import Predictor
    from bregma.reading import LeftOut, Reading
    from bregma.report.contract import Entry
    from bregma.retrieval.index import Index
    from bregma.scan.volume import Scan

NOT_SCANS = frozenset(
    {"not_an_image", "duplicate", "localizer", "dose_page", "color_image", "screen_capture", "mask_picture"}
)
"""Refusal codes of files that nobody would call a scan: they are listed, and do not change the exit code."""

PathArgument = Annotated[
    Path, typer.Argument(help="A file, a folder tree, a zip, a DICOMDIR medium, NIfTI or PNG slices.")
]
AtOption = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="X,Y,Z", help="Tell the HU at this patient point, LPS mm (repeatable)."),
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the result as docs/contract.md describes it.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(inspect)
    app.command()(read)


def inspect(path: PathArgument, *, at: AtOption = None, json: JsonOption = None) -> None:
    """Say what scans a path holds: geometry, checks, warnings, refusals. Nothing is read by a model.

    Exit code 0 when every scan can be read, 1 when some were refused, 2 when the request was wrong.

    Examples: `bregma inspect scan.zip`; `bregma inspect scan --at 12,-30,55 --json scan.json`
    """
    from bregma.report.contract import document, inspection, refusals_of, write_json
    from bregma.report.table import scan_table

    points = [_point(text) for text in at or []]
    check_targets(files=[json], source=path)
    entries: list[Entry] = []
    refused: list[Refusal] = []
    for scan, _ in _scans(path, refused):
        entry = inspection(scan, points)
        entries.append(entry)
        refused += refusals_of(scan)
        console().print(scan_table(scan), soft_wrap=True)
        _print_points(entry)
    if json is not None:
        write_json(json, document(entries, refused))
    _finish(path, len(entries), refused)


def read(
    path: PathArgument,
    *,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A package's name or folder (repeatable); else all installed ones."),
    ] = None,
    json: JsonOption = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write one row per slice.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained page per scan into this folder.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", help="Write lesion masks into this folder, in the grid of the input.")
    ] = None,
    dicom_masks: Annotated[bool, typer.Option("--dicom-masks", help="Masks as DICOM SEG instead of NIfTI.")] = False,
    anatomy: Annotated[
        str | None,
        typer.Option(help="A package of places, by name or folder: says where each lesion is and cites similar cases."),
    ] = None,
    region: Annotated[
        Path | None, typer.Option(help="Regions drawn by hand, to be named: boxes as JSON, or a NIfTI mask.")
    ] = None,
    similar: Annotated[
        Path | None, typer.Option(help="An index of bleeds: cites the earlier cases most alike. Needs its --anatomy.")
    ] = None,
    at: AtOption = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network; else one per core.")] = None,
) -> None:
    """Read head scans: per slice and per scan probability, verdict, lesions, and everything left out and why.

    "No hemorrhage found" is said only of a scan that was wholly read. Several packages are combined; an installed one
    that cannot be run is left out, and said.
    Exit code 0 when every scan was read, 1 when some were refused, 2 when the request was wrong.

    Examples: `bregma read scan`; `bregma read scan.zip --html out --json out.json`;
    `bregma read scan --anatomy runs/anatomy_rn-0/package --region boxes.json --similar bleeds.index`
    """
    from bregma.reading import read_scan, with_similar
    from bregma.report.contract import document, reading_entry, refusals_of, write_json
    from bregma.report.page import write_page
    from bregma.report.slice_csv import slice_rows, write_csv
    from bregma.report.table import reading_table

    points = [_point(text) for text in at or []]
    check_targets(files=[json, csv], folders=[html, masks], source=path)
    places = _anatomy(anatomy, region, threads)
    index = _earlier(similar, places)
    predictors, left_out = _predictors(model or [], threads)
    entries: list[Entry] = []
    rows: list[dict[str, object]] = []
    refused: list[Refusal] = []
    for scan, seconds in _scans(path, refused):
        reading = read_scan(scan, predictors, load_seconds=seconds, left_out=left_out)
        if places is not None:
            reading = _with_places(reading, places, region)
        if places is not None and index is not None:
            reading = with_similar(reading, places, index)
        entries.append(reading_entry(reading, points))
        rows += slice_rows(reading)
        refused += refusals_of(scan)
        console().print(reading_table(reading), soft_wrap=True)
        _print_points(entries[-1])
        if html is not None:
            page = html / f"{_file_stem(scan)}.html"
            write_page(page, reading, _packages_of(reading, predictors))
            console().print(f"  page: {page}", highlight=False, soft_wrap=True)
        if masks is not None:
            line = _mask_line(masks / _file_stem(scan), reading, as_dicom=dicom_masks)
            console().print(line, highlight=False, markup=False, soft_wrap=True)
    if json is not None:
        write_json(json, document(entries, refused))
    if csv is not None:
        write_csv(csv, rows)
    _finish(path, len(entries), refused)


def _scans(path: Path, refused: list[Refusal]) -> Iterator[tuple[Scan, float]]:
    """Every scan below the path with the seconds that loading it took; what is none goes to `refused`."""
    from bregma.io.find import find_scans

    start = perf_counter()
    for found in find_scans(path):
        if isinstance(found, Refusal):
            refused.append(found)
        else:
            yield found, perf_counter() - start
        start = perf_counter()


def chosen_packages(names: Sequence[str]) -> list[Package]:
    """The packages of these names or folders, each once, or all that are installed and whole.

    Raises:
        PackageError: a folder is no whole package.
        RequestError: there is no such package, or none at all.
    """
    return _whole_packages(names)[0]


def _whole_packages(names: Sequence[str]) -> tuple[list[Package], list[LeftOut]]:
    """The packages to read with, and the damaged ones among the installed: those asked for by name must be whole."""
    from bregma.models.package import find_all, find_package
    from bregma.reading import LeftOut

    if names:
        return list({package.digest: package for package in map(find_package, names)}.values()), []
    packages, damaged = find_all()
    if not packages:
        raise RequestError(
            "no model package is installed; train one (bregma train) or set BREGMA_MODELS"
            + "".join(f" (damaged: {one.reason})" for one in damaged)
        )
    return packages, [LeftOut(one.folder.name, one.reason) for one in damaged]


def _predictors(names: Sequence[str], threads: int | None) -> tuple[list[Predictor], list[LeftOut]]:
    """The packages with their engines, and those that are left out, each told in a line on stderr.

    Raises:
        PackageError: a package asked for by name cannot be run, or no installed one can.
    """
    from bregma.models.predictor import Predictor
    from bregma.reading import LeftOut

    packages, left_out = _whole_packages(names)
    predictors: list[Predictor] = []
    for place, package in enumerate(packages, start=1):
        try:
            predictors.append(Predictor(package, threads=threads))
        except PackageError as error:
            if names or (place == len(packages) and not predictors):
                raise
            left_out.append(LeftOut(package.name, str(error)))
    for one in left_out:
        errors().print("warning:", style="yellow", end=" ")
        words = f"package {one.name} is left out: {one.reason}"
        errors().print(words, highlight=False, markup=False, soft_wrap=True)
    return predictors, left_out


def _anatomy(package: str | None, region: Path | None, threads: int | None) -> AnatomyPredictor | None:
    """The network of places; none is asked for without the option.

    Raises:
        RequestError: a region is to be named and no package is given.
    """
    if package is None:
        if region is not None:
            raise RequestError(f"--region {region.name!r} needs a package that names places: add --anatomy FOLDER")
        return None
    from bregma.models.anatomy_installed import find_anatomy_package
    from bregma.models.anatomy_predictor import AnatomyPredictor

    return AnatomyPredictor(find_anatomy_package(package), threads=threads)


def _earlier(folder: Path | None, places: AnatomyPredictor | None) -> Index | None:
    """The index of earlier bleeds, made by the package of places; none is asked without the option.

    Raises:
        RequestError: no package of places is given, the folder is no index, or another package made it.
    """
    if folder is None:
        return None
    if places is None:
        raise RequestError(f"--similar {folder.name!r} needs the package that made the index: add --anatomy FOLDER")
    from bregma.retrieval.index import Index

    return Index.open(folder, digest=places.package.digest)


def _with_places(reading: Reading, places: AnatomyPredictor, region: Path | None) -> Reading:
    """The reading with places named, and with the regions of a file."""
    from bregma.catalogue.region_file import read_region_file
    from bregma.reading import with_places

    drawn = [] if region is None or reading.scan.refusal is not None else read_region_file(region, reading.scan)
    return with_places(reading, places, drawn)


def _packages_of(reading: Reading, predictors: Sequence[Predictor]) -> list[Package]:
    """The packages that took part in a reading: one whose engine failed on the scan did not."""
    took_part = {model.digest for model in reading.models}
    return [predictor.package for predictor in predictors if predictor.package.digest in took_part]


def _file_stem(scan: Scan) -> str:
    """A file name for a scan's results: the patient's pseudonym and a hash of the series, no name and no path."""
    return f"{scan.series.patient}-{sha256(scan.series.series_uid.encode()).hexdigest()[:8]}"


def _mask_line(stem: Path, reading: Reading, *, as_dicom: bool) -> str:
    """Where the mask was written, or why it was not: a mask that cannot be written does not stop the other scans."""
    from bregma.report.masks import write_masks

    try:
        return f"  mask: {write_masks(stem, reading, as_dicom=as_dicom)}"
    except (RefusedError, RequestError) as error:
        return f"  no mask: {error}"


def _point(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        x = y = z = nan
    if not all(isfinite(number) for number in (x, y, z)):
        raise RequestError(f"--at {text!r} is no point; expected three numbers in mm, such as --at 12,-30,55")
    return x, y, z


def _print_points(entry: Entry) -> None:
    for point in entry["points"]:
        value = "outside the scan" if point["hu"] is None else f"{point['hu']} HU"
        console().print(f"  at {point['mm']} mm: {value}", highlight=False, markup=False)


def _finish(path: Path, scans: int, refused: Sequence[Refusal]) -> None:
    """Tell what was refused and set the exit code."""
    from bregma.report.table import refusal_table

    if refused:
        errors().print(refusal_table(refused))
    if scans == 0 and not refused:
        print_error(f"no scan was found in {path.name!r}")
    if scans == 0 or any(refusal.code not in NOT_SCANS for refusal in refused):
        raise typer.Exit(1)
