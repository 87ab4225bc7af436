"""Small data sets of NIfTI volumes in the layouts of the real ones, drawn by our own phantoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from bregma.phantom.draw import Phantom, draw
from bregma.phantom.nifti import write_nifti
from bregma.phantom.parameters import Bleed, HeadParameters, Scanner
from bregma.scan.terms import SUBTYPES

SLICES = 10
AS_RELEASED = "LAS"
"""Axes of the volumes of CT-ICH and BHSD: to the left, to the front, to the head."""
CT_ICH_COLUMNS = (
    "PatientNumber",
    "SliceNumber",
    "Intraventricular",
    "Intraparenchymal",
    "Subarachnoid",
    "Epidural",
    "Subdural",
    "No_Hemorrhage",
    "Fracture_Yes_No",
)


@cache
def bleeding(number: int = 0) -> Phantom:
    """A head with a clot in the patient's left ganglia and subdural blood on the right; 64 x 64 pixels, 10 slices."""
    bleeds = (
        Bleed("intraparenchymal", "ganglia", 1, (26.0, 2.0, 4.0), 40.0),
        Bleed("subdural", "convexity", -1, (-60.0, 10.0, 30.0), 60.0, seed=1),
    )
    return draw(replace(healthy_parameters(number), bleeds=bleeds))


@cache
def healthy(number: int = 0) -> Phantom:
    """A head without blood."""
    return draw(healthy_parameters(number))


def healthy_parameters(number: int) -> HeadParameters:
    return HeadParameters(scanner=Scanner(size=64, slices=SLICES, spacing_mm=15.0), seed=number)


def classes(phantom: Phantom) -> np.ndarray:
    """(D, H, W) 1 to 5 for the subtypes in the order of scan.terms, 0 elsewhere."""
    values = np.zeros(phantom.geometry.shape, dtype=np.uint8)
    for code, name in enumerate(SUBTYPES, start=1):
        values[phantom.masks[name]] = code
    return values


def blood(phantom: Phantom) -> np.ndarray:
    """(D, H, W) whether there is blood."""
    return classes(phantom) > 0


def write_scan(path: Path, phantom: Phantom, axes: str = AS_RELEASED) -> None:
    """The HU, stored along axes such as "LAS"; they are those of the phantom wherever they are read by the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(phantom, path)
    _turn(path, axes)


def write_mask(path: Path, phantom: Phantom, values: np.ndarray, axes: str = AS_RELEASED, **saving: object) -> None:
    """(D, H, W) values on the pixels of a phantom. Saving: dtype of the file; affine=False for none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(phantom, path)
    affine = nibabel.load(path, mmap=False).affine if saving.get("affine", True) else None
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), affine)
    image.set_data_dtype(saving.get("dtype", values.dtype))
    nibabel.save(image, path)
    if affine is not None:
        _turn(path, axes)


def _turn(path: Path, axes: str) -> None:
    """Store a file along other axes, scaling and all, without moving it in the patient."""
    image = nibabel.load(path, mmap=False)
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(tuple(axes)))
    turned = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine).as_reoriented(turn)
    turned.header.set_xyzt_units("mm")
    turned.set_data_dtype(image.get_data_dtype())
    nibabel.save(turned, path)


def write_bhsd(folder: Path, scans: Mapping[str, Phantom], axes: str = AS_RELEASED) -> Path:
    """label_192 with images and ground truths."""
    for name, phantom in scans.items():
        write_scan(folder / "label_192" / "images" / f"{name}.nii.gz", phantom, axes)
        write_mask(folder / "label_192" / "ground truths" / f"{name}.nii.gz", phantom, classes(phantom), axes)
    return folder


def write_instance(folder: Path, scans: Mapping[str, Phantom], axes: str = "LPS") -> Path:
    """train_2 with data and label."""
    for name, phantom in scans.items():
        write_scan(folder / "train_2" / "data" / f"{name}.nii.gz", phantom, axes)
        write_mask(folder / "train_2" / "label" / f"{name}.nii.gz", phantom, blood(phantom).astype(np.uint8), axes)
    return folder


def write_ct_ich(folder: Path, scans: Mapping[int, Phantom], axes: str = AS_RELEASED) -> Path:
    """ct_scans, masks of 0 and 255 stretched over 16 bits, and the table as the phantoms' truth has it."""
    rows: list[Sequence[object]] = []
    for patient, phantom in scans.items():
        write_scan(folder / "ct_scans" / f"{patient:03d}.nii", phantom, axes)
        values = np.where(blood(phantom), 255.0, 0.0)
        write_mask(folder / "masks" / f"{patient:03d}.nii", phantom, values, axes, dtype=np.int16)
        rows += ct_ich_rows(patient, phantom, head_first=axes.endswith("I"))
    write_ct_ich_table(folder, rows)
    return folder


def ct_ich_rows(patient: int, phantom: Phantom, *, head_first: bool = False) -> list[Sequence[object]]:
    """Rows of the table, one for each slice in the order of the file."""
    rows: list[Sequence[object]] = []
    for number in range(1, SLICES + 1):
        index = SLICES - number if head_first else number - 1
        seen = {name: int(phantom.masks[name][index].any()) for name in SUBTYPES}
        named = [seen[column.lower()] for column in CT_ICH_COLUMNS[2:7]]
        rows.append((patient, number, *named, int(not any(named)), int(number == 3)))
    return rows


def write_ct_ich_table(folder: Path, rows: Sequence[Sequence[object]], columns: Sequence[str] = CT_ICH_COLUMNS) -> None:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (folder / "hemorrhage_diagnosis_raw_ct.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
