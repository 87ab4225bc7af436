"""Any number of drawn heads with tumours and their truth, as a folder that can be imported and trained on."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bregma.phantom.nifti import write_volume
from bregma.phantom.studies import keep_settings
from bregma.phantom.tumour_dicom import geometry_of, write_tumour_dicom
from bregma.phantom.tumours import draw_tumours, tumour_parameters
from bregma.scan.errors import RequestError
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.tumour import TumourScan

LABELS = ("series_uid", "level", "part", *TUMOUR_CRITERIA, "source", "tumours", "map")
"""Columns of labels.csv beside DICOM series, see docs/labels.md."""

TABLE = ("scan", "outline", "patient", "date", "map", "number", *TUMOUR_CRITERIA)
"""Columns of tumours.csv beside NIfTI files, see docs/how-to/data-sets.md."""

COVER_MM = 160.0


@dataclass(frozen=True, slots=True)
class TumourStudies:
    """What decides how the studies of a folder look.

    Attributes:
        seed: of all of them.
        size: rows and columns.
        slices: per study.
        spacing_mm: from slice to slice; None for slices that cover the head.
        missing_share: share of the labels that nobody states.
        nifti: write NIfTI files and tumours.csv instead of DICOM series and labels.csv.
    """

    seed: int
    size: int = 256
    slices: int = 32
    spacing_mm: float | None = None
    missing_share: float = 0.0
    nifti: bool = False


def write_tumour_studies(
    folder: Path,
    settings: TumourStudies,
    *,
    count: int,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw studies and write them with a map of their tumours and a table of what these are.

    DICOM: scans/<study>/*.dcm, masks/<study>.nii.gz, labels.csv. NIfTI: scans/<study>.nii.gz, masks/<study>.nii.gz,
    tumours.csv. Study number k is the same whatever `count` is; studies that are there are left as they are, and a
    study appears only when it is whole.

    Args:
        folder: made when it is not there.
        settings: what they look like.
        count: number of studies, one patient each.
        workers: processes.
        progress: called with (done, count).

    Raises:
        RequestError: for a count below 1, impossible settings, or a folder whose studies were made with others.
    """
    if count < 1:
        raise RequestError(f"{count} studies were asked for; expected 1 or more")
    if settings.nifti and settings.slices < 2:
        raise RequestError("a NIfTI file cannot say where a single slice lies; draw 2 slices or more, or DICOM")
    for name in ("scans", "masks", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    keep_settings(folder / "labels" / "settings.json", {"tumours": asdict(settings)})
    write = partial(_write_study, folder, settings)
    pool: AbstractContextManager[ProcessPoolExecutor | None]
    pool = ProcessPoolExecutor(workers) if workers > 1 else nullcontext(None)
    with pool as running:
        done = map(write, range(count)) if running is None else running.map(write, range(count))
        for number, _ in enumerate(done, start=1):
            if progress is not None:
                progress(number, count)
    _write_table(folder, settings, count)


def _write_study(folder: Path, settings: TumourStudies, number: int) -> None:
    """Write one study unless it is there; the scan is renamed into place last."""
    name = f"study_{number:05d}"
    final = folder / "scans" / (f"{name}.nii.gz" if settings.nifti else name)
    if final.exists():
        return
    parameters = tumour_parameters(
        number,
        settings.seed,
        size=settings.size,
        slices=settings.slices,
        spacing_mm=settings.spacing_mm or COVER_MM / settings.slices,
        field_of_view_mm=220.0,
        missing_share=settings.missing_share,
    )
    scan = draw_tumours(parameters)
    if scan.tumours:
        write_volume(scan.map, geometry_of(scan), folder / "masks" / f"{name}.nii.gz")
    text = io.StringIO()
    rows = _table_rows(scan, name) if settings.nifti else _label_rows(scan, name)
    csv.writer(text, lineterminator="\n").writerows(rows)
    (folder / "labels" / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    temporary = folder / (f".{name}.part.nii.gz" if settings.nifti else f".{name}.part")
    if settings.nifti:
        write_volume(scan.volume.values, geometry_of(scan), temporary)
    else:
        shutil.rmtree(temporary, ignore_errors=True)
        write_tumour_dicom(scan, parameters, temporary)
    temporary.rename(final)


def _label_rows(scan: TumourScan, name: str) -> Iterator[list[str]]:
    """The map of the scan, and each tumour by its number."""
    nothing = [""] * len(TUMOUR_CRITERIA)
    if scan.tumours:
        yield [scan.series_uid, "scan", "", *nothing, "phantom", f"masks/{name}.nii.gz", "numbered"]
    for tumour in scan.tumours:
        said = [tumour.labels.get(criterion, "") for criterion in TUMOUR_CRITERIA]
        if any(said):
            yield [scan.series_uid, "lesion", str(tumour.number), *said, "phantom", "", ""]


def _table_rows(scan: TumourScan, name: str) -> Iterator[list[str]]:
    about = [f"scans/{name}.nii.gz", f"masks/{name}.nii.gz" if scan.tumours else "", scan.patient, scan.date or ""]
    if not scan.tumours:
        yield [*about, "", "", *[""] * len(TUMOUR_CRITERIA)]
    for tumour in scan.tumours:
        said = [tumour.labels.get(criterion, "") for criterion in TUMOUR_CRITERIA]
        yield [*about, "numbered", str(tumour.number), *said]


def _write_table(folder: Path, settings: TumourStudies, count: int) -> None:
    """Put the studies' rows together under one header."""
    name, columns = ("tumours.csv", TABLE) if settings.nifti else ("labels.csv", LABELS)
    parts = [(folder / "labels" / f"study_{number:05d}.csv").read_text(encoding="utf-8") for number in range(count)]
    temporary = folder / f".{name}.part"
    temporary.write_text(",".join(columns) + "\n" + "".join(parts), encoding="utf-8", newline="")
    temporary.replace(folder / name)
