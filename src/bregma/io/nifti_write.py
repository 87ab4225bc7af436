"""Masks and images as NIfTI: LPS turned back to RAS, in the grid they came from."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bregma.io.files import open_entry
from bregma.io.nifti_grid import RAS_TO_LPS, place
from bregma.io.nifti_header import Nifti, parse_header
from bregma.scan.errors import RequestError
from bregma.scan.volume import EVEN_MM, Geometry, Scan, Vector

SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: positions are the scanner's."""
_NAMING_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
_PACKING = 1

Mask = NDArray[np.bool_] | NDArray[np.uint8]


def write_nifti_mask(path: Path, mask: Mask, scan: Scan) -> None:
    """Write a mask in the grid of the scan's own file.

    For a NIfTI scan the file has the shape, axis order, sform and qform of the input; names and remarks in its header
    are left out. For any other scan it is columns x rows x slices with the affine of the scan's geometry, and without
    an orientation where the scan has none.

    Args:
        path: ".nii" or ".nii.gz"; replaced as a whole if it is there.
        mask: (D, H, W), True where the finding is, or label values of 8 bits.
        scan: the scan that was read; a NIfTI source is opened again for its header.

    Raises:
        RequestError: the mask has another shape, or the slices are unevenly spaced so that no affine describes them.
        RefusedError: the NIfTI source is no longer there.
    """
    _check_shape(mask, scan)
    values = mask.astype(np.uint8)
    if scan.source.media == "nifti":
        _save(path, _like_input(values, scan))
    else:
        _save(path, _in_ras(values, scan.volume.geometry))


def write_nifti_image(path: Path, values: NDArray[Any], geometry: Geometry | None) -> None:
    """Write a volume of its own as NIfTI: columns x rows x slices, sform in RAS.

    Args:
        path: ".nii" or ".nii.gz"; replaced as a whole if it is there.
        values: (D, H, W), int16 HU or uint8 labels.
        geometry: of the same shape; None writes a file without orientation.

    Raises:
        RequestError: the slices are unevenly spaced, so that no affine describes them.
    """
    _save(path, _in_ras(values, geometry))


def affine_ras(geometry: Geometry) -> Vector:
    """(4, 4) NIfTI affine: (column, row, slice) to RAS mm; a tilted gantry gives a sheared one.

    Raises:
        RequestError: the slices do not lie at equal steps along one line.
    """
    count = geometry.slices
    step = (geometry.origins[-1] - geometry.origins[0]) / (count - 1) if count > 1 else geometry.normal
    along = geometry.origins[0] + np.arange(count)[:, None] * step
    off = float(np.linalg.norm(geometry.origins - along, axis=1).max())
    if off > EVEN_MM:
        raise RequestError(
            f"the slices lie up to {off:.2f} mm off equal steps, and a NIfTI file has one affine for all of them; "
            "write DICOM SEG instead"
        )
    columns = [geometry.along_row * geometry.pixel_mm[1], geometry.along_column * geometry.pixel_mm[0], step]
    affine = np.eye(4)
    affine[:3] = RAS_TO_LPS * np.column_stack([*columns, geometry.origins[0]])
    return affine


def _like_input(values: NDArray[np.uint8], scan: Scan) -> Nifti:
    header = parse_header(open_entry(scan.source.root, scan.source.files[0]).read())
    arrangement = place(header)[0]
    stored = arrangement.undo(values).reshape(header.nifti.get_data_shape(), order="F")
    nifti = header.nifti.as_byteswapped("<")
    nifti.set_data_dtype(np.uint8)
    nifti["scl_slope"], nifti["scl_inter"] = 1, 0
    nifti["cal_min"], nifti["cal_max"] = 0, 0
    for name in _NAMING_FIELDS:
        if name in nifti:
            nifti[name] = b""
    kind = nib.Nifti2Image if isinstance(nifti, nib.Nifti2Header) else nib.Nifti1Image
    return kind(stored, nifti.get_best_affine(), header=nifti)


def _in_ras(values: NDArray[Any], geometry: Geometry | None) -> Nifti:
    stored = values.transpose(2, 1, 0)
    if geometry is None:
        return nib.Nifti1Image(stored, None)  # both codes 0: an affine nobody knows
    affine = affine_ras(geometry)
    image = nib.Nifti1Image(stored, affine)
    image.set_sform(affine, SCANNER_ANATOMICAL)
    image.set_qform(affine, SCANNER_ANATOMICAL if _is_rigid(affine) else 0, strip_shears=True)
    image.header.set_xyzt_units("mm")
    return image


def _is_rigid(affine: Vector) -> bool:
    """Whether a quaternion can say it: no shear."""
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() < 1e-5)


def _check_shape(mask: Mask, scan: Scan) -> None:
    if mask.shape != scan.volume.values.shape:
        raise RequestError(
            f"the mask has the shape {mask.shape}, the scan {scan.volume.values.shape}; expected the scan's own grid"
        )


def _save(path: Path, image: Nifti) -> None:
    if not path.name.endswith((".nii", ".nii.gz")):
        raise RequestError(f"a NIfTI file is called .nii or .nii.gz, not {path.suffix!r}")
    content = image.to_bytes()
    if path.name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=_PACKING, mtime=0)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(path)
