"""Mask files, NIfTI and PNG, in the grid of a stored scan.

Values: 0 none, 1 to 5 the subtypes in the order of scan.terms, 6 or 255 a bleed whose subtype is not said.
A data set with values of its own says what each of them means.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bregma.catalogue.records import ScanRecord
from bregma.io.entry import entry_of_file
from bregma.io.nifti import slope_and_intercept
from bregma.io.nifti_grid import place
from bregma.io.nifti_header import parse_header, read_voxels
from bregma.scan.errors import RefusedError
from bregma.scan.volume import Geometry

Values = NDArray[np.uint8]

UNSPECIFIED = (6, 255)
ALLOWED = (0, 1, 2, 3, 4, 5, *UNSPECIFIED)


class MaskFileError(ValueError):
    """A mask file that does not fit its scan; the message says why."""


def read_nifti_mask(path: Path, record: ScanRecord, meaning: Mapping[int, int] | None = None) -> Values:
    """(D, H, W) values of a NIfTI mask, turned to the scan's own order of slices, rows and columns.

    Args:
        path: the file.
        record: the scan it lies on.
        meaning: value in the file -> value as above; None where the file uses those.

    Raises:
        MaskFileError: it cannot be read, or does not lie on the pixels of the scan.
    """
    stored, geometry = stored_nifti_mask(path)
    if geometry is not None and record.geometry is not None:
        return _checked(turned(stored, geometry, record.geometry), meaning)
    if record.geometry is not None:  # by which the scan may have been turned, and the mask was not
        raise MaskFileError("the mask does not say how it lies and its scan does; copy the scan's affine into the mask")
    if geometry is not None:
        reason = "the mask says how it lies and its scan does not; set the mask's sform and qform codes to 0"
        raise MaskFileError(f"{reason}, and it is taken as it is stored")
    if stored.shape != record.shape:
        raise MaskFileError(f"the mask has shape {stored.shape}, the scan {record.shape}")
    return _checked(stored, meaning)


def stored_nifti_mask(path: Path) -> tuple[NDArray[np.generic], Geometry | None]:
    """The numbers of a NIfTI mask, slices foot to head, and where they lie; scaled as the header says and made whole.

    Programs that save a mask of real numbers as 16 bits stretch it over the whole range and note that as scaling.

    Raises:
        MaskFileError: it cannot be read.
    """
    try:
        content = entry_of_file(path, path.name, size=path.stat().st_size).read()
        header = parse_header(content)
        arrangement, geometry, _ = place(header)
        stored = arrangement.apply(read_voxels(content, header))
        slope, intercept = slope_and_intercept(header)
    except RefusedError as error:
        raise MaskFileError(error.reason) from error
    except OSError as error:
        raise MaskFileError(f"the mask cannot be read: {error.strerror}") from error
    if (slope, intercept) != (1.0, 0.0):
        stored = np.rint(stored.astype(np.float32) * np.float32(slope) + np.float32(intercept))
    return stored, geometry


def read_png_mask(path: Path, record: ScanRecord, meaning: Mapping[int, int] | None = None) -> Values:
    """(H, W) values of a grey PNG mask of one slice, as stored. Arguments as in `read_nifti_mask`.

    Raises:
        MaskFileError: it cannot be read, or has another size than the slice.
    """
    try:
        with Image.open(path) as image:
            if image.size != (record.shape[2], record.shape[1]):
                raise MaskFileError(f"the mask is {image.size[1]} x {image.size[0]}, the slice {record.shape[1:]}")
            if image.mode not in ("1", "L", "P"):
                raise MaskFileError(f"the mask is a picture of mode {image.mode!r}; expected 8-bit grey")
            values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise MaskFileError(f"the mask cannot be read as a PNG ({type(error).__name__})") from error
    return _checked(values, meaning)


def _checked(values: NDArray[np.generic], meaning: Mapping[int, int] | None) -> Values:
    strange = np.setdiff1d(np.unique(values), ALLOWED if meaning is None else list(meaning))
    if len(strange):
        expected = f"0 to 5, {UNSPECIFIED[0]} or 255" if meaning is None else ", ".join(map(str, sorted(meaning)))
        raise MaskFileError(f"the mask holds the value {strange[0]:g}; expected {expected}")
    if meaning is None:
        return np.ascontiguousarray(values.astype(np.uint8))
    meant = np.zeros(values.shape, dtype=np.uint8)
    for there, ours in meaning.items():
        meant[values == there] = ours
    return meant


def turned(stored: NDArray[np.generic], mask: Geometry, scan: Geometry) -> NDArray[np.generic]:
    """An array in the mask's order of axes, in the scan's.

    Raises:
        MaskFileError: it does not lie on the pixels of the scan.
    """
    cosines = _steps(scan) @ _steps(mask).T
    axes = np.abs(cosines).argmax(axis=1)
    if sorted(axes) != [0, 1, 2] and scan.slices > 1:
        raise MaskFileError("the mask's axes do not run along the scan's")
    if scan.slices == 1:
        axes = np.array([0, *(1 + np.abs(cosines[1:, 1:]).argmax(axis=1))])
    arranged = stored.transpose(tuple(int(axis) for axis in axes))
    flips = tuple(slice(None, None, -1) if cosines[i, axis] < 0 else slice(None) for i, axis in enumerate(axes))
    if arranged.shape != scan.shape:
        raise MaskFileError(f"the mask has shape {arranged.shape} in the scan's order of axes, the scan {scan.shape}")
    away = _apart_mm(mask, scan, axes, flips)
    if away > max(scan.pixel_mm) / 2:
        raise MaskFileError(f"the mask lies {away:.1f} mm beside the pixels of the scan")
    return arranged[flips]


def _steps(geometry: Geometry) -> NDArray[np.float64]:
    """(3, 3) unit vectors, by row: to the next slice, row and column."""
    along = geometry.origins[-1] - geometry.origins[0] if geometry.slices > 1 else geometry.normal
    return np.stack([along / np.linalg.norm(along), geometry.along_column, geometry.along_row])


def _apart_mm(mask: Geometry, scan: Geometry, axes: NDArray[np.intp], flips: tuple[slice, ...]) -> float:
    """Greatest distance, in the plane of the slices, between the scan's corner pixels and those of the mask."""
    worst = 0.0
    for corner in np.ndindex(2, 2, 2):
        at_scan = np.array([end * (size - 1) for end, size in zip(corner, scan.shape, strict=True)], dtype=np.float64)
        at_mask = np.zeros(3)
        for i, axis in enumerate(axes):
            at_mask[axis] = scan.shape[i] - 1 - at_scan[i] if flips[i].step else at_scan[i]
        offset = scan.to_patient(at_scan) - mask.to_patient(at_mask)
        worst = max(worst, abs(float(offset @ scan.along_row)), abs(float(offset @ scan.along_column)))
        if abs(float(offset @ scan.normal)) > _slack_mm(scan):
            worst = max(worst, abs(float(offset @ scan.normal)))
    return worst


def _slack_mm(scan: Geometry) -> float:
    """NIfTI knows one gap only, so slices of an uneven series lie a little off: half a gap is allowed."""
    return float(scan.spacing_mm.min()) / 2 if scan.slices > 1 else 10.0
