"""Regions that somebody drew by hand, from a file: boxes as JSON, or a NIfTI mask in the grid of the scan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.mask_files import MaskFileError, read_nifti_mask
from bregma.catalogue.records import ScanRecord
from bregma.scan.errors import RequestError
from bregma.scan.regions import Mask
from bregma.scan.volume import Geometry, Scan

Corners = NDArray[np.float64]


def read_region_file(path: Path, scan: Scan) -> list[Mask]:
    """(D, H, W) masks of the regions: one of a mask file, one for each box of a JSON file.

    Args:
        path: `.nii` or `.nii.gz`, or JSON with "boxes_mm": [[[x, y, z], [x, y, z]], ...] in LPS mm.
        scan: on which they lie.

    Raises:
        RequestError: the file cannot be read, does not fit the scan, or holds no region.
    """
    masks = _boxes(path, scan) if path.suffix.lower() == ".json" else [_mask(path, scan)]
    for mask in masks:
        if not mask.any():
            raise RequestError(f"region file {path.name!r} holds a region without a pixel of this scan")
    return masks


def _mask(path: Path, scan: Scan) -> Mask:
    series, values = scan.series, scan.volume.values
    shape = (values.shape[0], values.shape[1], values.shape[2])
    record = ScanRecord(
        series.series_uid, series.study_uid, series.patient, series.modality, scan.slices, shape, scan.volume.geometry
    )
    try:
        return np.asarray(read_nifti_mask(path, record) > 0)
    except MaskFileError as error:
        raise RequestError(f"region file {path.name!r} cannot be used: {error}") from error


def _boxes(path: Path, scan: Scan) -> list[Mask]:
    geometry = scan.volume.geometry
    if geometry is None:
        raise RequestError(f"region file {path.name!r} holds boxes in mm, and this scan does not say where it lies")
    try:
        corners = np.array(json.loads(path.read_text(encoding="utf-8"))["boxes_mm"], np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"region file {path.name!r} cannot be read ({type(error).__name__}); {_FORM}") from error
    if corners.ndim != 3 or corners.shape[1:] != (2, 3) or not len(corners) or not np.isfinite(corners).all():
        raise RequestError(f"region file {path.name!r} holds boxes of shape {corners.shape}; {_FORM}")
    return [_inside(box, geometry) for box in corners]


_FORM = 'expected {"boxes_mm": [[[x, y, z], [x, y, z]], ...]} in LPS mm'


def _inside(box: Corners, geometry: Geometry) -> Mask:
    """The pixels whose centres lie in a box; along the slices half a gap is added, so that a flat box is on one."""
    low, high = box.min(axis=0), box.max(axis=0)
    reach = geometry.normal * (np.median(geometry.spacing_mm) / 2 if geometry.slices > 1 else 0.5)
    low, high = low - np.abs(reach) * (1 - 1e-9), high + np.abs(reach) * (1 - 1e-9)
    mask = np.zeros(geometry.shape, bool)
    rows, columns = np.mgrid[: geometry.rows, : geometry.columns]
    for index in range(geometry.slices):
        points = geometry.to_patient(np.stack([np.full(rows.shape, index), rows, columns], axis=-1).astype(np.float64))
        mask[index] = ((points >= low) & (points <= high)).all(axis=-1)
    return mask
