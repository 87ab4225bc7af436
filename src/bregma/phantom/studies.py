"""Any number of drawn studies with their truth, as a folder that can be read, imported and trained on."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bregma.phantom.dicom import write_dicom
from bregma.phantom.draw import Phantom, draw
from bregma.phantom.nifti import write_masks
from bregma.phantom.parameters import HeadParameters
from bregma.phantom.place_regions import lesion_places
from bregma.phantom.sample import sample_head, sample_scanner
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level
from bregma.scan.terms import FINDINGS

NAMES = tuple(term.name for term in FINDINGS)
COLUMNS = ("series_uid", "level", "part", *NAMES, "place", "source", "mask", "contours")
"""Columns of labels.csv, see docs/labels.md."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """What decides how the studies of a folder look."""

    seed: int
    positive_share: float
    size: int
    slices: int
    least_ml: float


def write_studies(
    folder: Path,
    *,
    count: int,
    seed: int,
    positive_share: float = 0.5,
    size: int = 512,
    slices: int = 32,
    least_ml: float = 0.0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw studies and write folder/scans/<study>/*.dcm, folder/masks/<series_uid>.nii.gz and folder/labels.csv.

    Study number k is the same whatever `count` is. Studies that are already there are left as they are, and a study
    appears only when it is whole, so a run that was stopped goes on where it was.

    Args:
        folder: made when it is not there.
        count: number of studies, one patient each.
        seed: of all of them.
        positive_share: share of studies with a bleed, met as nearly as whole studies allow.
        size: rows and columns.
        slices: per study; they cover about 160 mm.
        least_ml: no bleed is drawn smaller, unless its place holds less.
        workers: processes.
        progress: called with (done, count).

    Raises:
        RequestError: for a count below 1, a share outside [0, 1], or a folder whose studies were made with other
            settings.
    """
    if count < 1 or not 0 <= positive_share <= 1:
        raise RequestError(
            f"{count} studies with a positive share of {positive_share} were asked for; expected 1 or "
            "more studies and a share from 0 to 1"
        )
    for name in ("scans", "masks", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = _Settings(seed, positive_share, size, slices, least_ml)
    wanted = dataclasses.asdict(settings)
    if not settings.least_ml:  # as in folders from before there was a least volume
        del wanted["least_ml"]
    keep_settings(folder / "labels" / "settings.json", wanted)
    write = partial(_write_study, folder, settings)
    pool: AbstractContextManager[ProcessPoolExecutor | None]
    pool = ProcessPoolExecutor(workers) if workers > 1 else nullcontext(None)
    with pool as running:
        done = map(write, range(count)) if running is None else running.map(write, range(count))
        for number, _ in enumerate(done, start=1):
            if progress is not None:
                progress(number, count)
    _write_labels(folder, count)


def keep_settings(file: Path, wanted: dict[str, Any]) -> None:
    """Note what the studies are made with; other settings in the same folder would mix two sets in silence.

    Raises:
        RequestError: the folder was made with others.
    """
    if not file.exists():
        temporary = file.with_suffix(".part")
        temporary.write_text(json.dumps(wanted), encoding="utf-8")
        temporary.replace(file)
    there = json.loads(file.read_text(encoding="utf-8"))
    if there != wanted:
        raise RequestError(f"the folder holds studies made with {there}, not {wanted}; take another folder")


def study_parameters(
    seed: int, number: int, positive_share: float, *, size: int, slices: int, least_ml: float = 0.0
) -> HeadParameters:
    """The parameters of study `number` of a folder made with `seed`."""
    rng = np.random.default_rng([seed, number])
    positive = int((number + 1) * positive_share + 1e-9) > int(number * positive_share + 1e-9)
    scanner = sample_scanner(rng, size=size, slices=slices)
    return sample_head(rng, bleeds=None if positive else (), scanner=scanner, least_ml=least_ml)


def _write_study(folder: Path, settings: _Settings, number: int) -> None:
    """Write one study unless it is there; the scan folder is renamed into place last."""
    name = f"study_{number:05d}"
    scan = folder / "scans" / name
    if scan.exists():
        return
    phantom = draw(study_parameters(number=number, **dataclasses.asdict(settings)))
    temporary = folder / f".{name}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    write_dicom(phantom, temporary)
    mask = f"masks/{phantom.series_uid}.nii.gz"
    write_masks(phantom, folder / mask)
    (folder / "labels" / f"{name}.csv").write_text(_rows_as_text(phantom, mask), encoding="utf-8", newline="")
    temporary.rename(scan)


def _rows_as_text(phantom: Phantom, mask: str) -> str:
    """The study's rows of labels.csv: the scan, its slices, its bleeds, and where its lesions lie."""
    parts: dict[tuple[Level, str | None], dict[str, Label]] = {}
    for label in phantom.labels:
        parts.setdefault((label.level, label.part), {})[label.term] = label
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for (level, part), said in parts.items():
        values = [f"{said[name].value:g}" if name in said else "" for name in NAMES]
        rows.writerow(
            [
                phantom.series_uid,
                level.value,
                part or "",
                *values,
                "",
                "phantom",
                mask if level is Level.SCAN else "",
                "",
            ]
        )
    for lesion, place in lesion_places(phantom).items():
        nothing = [""] * len(NAMES)
        rows.writerow([phantom.series_uid, Level.LESION.value, lesion, *nothing, place, "phantom", "", ""])
    return text.getvalue()


def _write_labels(folder: Path, count: int) -> None:
    """Put the studies' rows together under one header."""
    parts = [(folder / "labels" / f"study_{number:05d}.csv").read_text(encoding="utf-8") for number in range(count)]
    temporary = folder / ".labels.csv.part"
    temporary.write_text(",".join(COLUMNS) + "\n" + "".join(parts), encoding="utf-8", newline="")
    temporary.replace(folder / "labels.csv")
