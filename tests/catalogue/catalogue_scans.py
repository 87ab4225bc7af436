"""Tiny scans for the tests of the catalogue, as .npy files: what is in a file is known from its name and a number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bregma.io.candidate import Candidate, Discovery
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Remark, Series, Slice, Source
from bregma.scan.volume import Geometry, Scan, Volume

SHAPE = (3, 8, 10)


def values_of(number: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """HU that differ from number to number; the extremes of int16 are among them."""
    values = np.random.default_rng(number).integers(-1024, 3000, shape).astype(np.int16)
    values[0, 0, :2] = (-32768, 32767)
    return values


def write_scan(
    folder: Path, name: str, number: int, *, patient: str = "", study: str = "", geometry: bool = True
) -> Path:
    """A scan file whose series is "1.2.<name>"."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.npy"
    np.save(path, values_of(number))
    about = {"patient": patient or f"patient-{name}", "study": study or f"1.1.{name}", "geometry": geometry}
    path.with_suffix(".json").write_text(json.dumps(about))
    return path


def find(folder: Path) -> Discovery:
    """Every scan file of a folder; a .txt is refused."""
    candidates = [
        Candidate(folder, "dicom", f"1.2.{path.stem}", "", "", (path.name,)) for path in sorted(folder.glob("*.npy"))
    ]
    refused = [Refusal("not_an_image", "this is text", (path.name,)) for path in sorted(folder.glob("*.txt"))]
    return Discovery(folder, tuple(candidates), tuple(refused))


def load(candidate: Candidate) -> Scan:
    """Open a scan file; an empty one is truncated, one of zeros is not eligible."""
    path = candidate.root / candidate.files[0]
    if path.stat().st_size == 0:
        raise RefusedError("truncated_pixels", "the file ends early")
    values = np.load(path)
    about = json.loads(path.with_suffix(".json").read_text())
    depth, rows, columns = values.shape
    origins = np.array([[-4.0, -5.0, 5.0 * index] for index in range(depth)])
    geometry = Geometry(rows, columns, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (0.5, 0.75))
    uid = candidate.series_uid
    has = about["geometry"]
    slices = tuple(
        Slice(i, candidate.files[0], i, f"{uid}.{i}" if has else "", 5.0 * i if has else None, None, "ok", ("x",))
        for i in range(depth)
    )
    return Scan(
        series=Series(about["patient"], about["study"], uid, "CT", {"KVP": 120.0, "ConvolutionKernel": "H30s"}),
        source=Source(candidate.root, candidate.files, "dicom"),
        slices=slices,
        volume=Volume(values, geometry if has else None),
        warnings=(Remark("thick_slices", "slices are thick"),),
        refusal=None if values.any() else Refusal("blank_image", "all zero", candidate.files, uid),
        excluded=(Refusal("scout", "a scout", ("scout.dcm",), uid),),
    )


def write_labels(folder: Path, found: Discovery) -> Path:
    """A table that says of each scan that there is a bleed, with an outline of pixels (2..4, 3..6) on slice 1."""
    folder.mkdir(parents=True)
    rows = ["series_uid,level,part,any,subdural,source,contours"]
    outline = [[-1.9, -4.1, 5.0], [0.6, -4.1, 5.0], [0.6, -2.9, 5.0], [-1.9, -2.9, 5.0]]
    (folder / "outline.json").write_text(json.dumps([{"points": outline}]))
    for candidate in found.candidates:
        uid = candidate.series_uid
        rows += [
            f"{uid},scan,,1,,reader:a,",
            f"{uid},slice,{uid}.0,0,,reader:a,",
            f"{uid},lesion,1,,1,reader:a,outline.json",
        ]
    table = folder / "labels.csv"
    table.write_text("\n".join(rows) + "\n")
    return table
