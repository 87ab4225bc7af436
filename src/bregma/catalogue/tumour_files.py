"""Files that outline tumours, in the grid of a stored scan: NIfTI, PNG, MATLAB and DICOM Segmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bregma.catalogue.mask_files import MaskFileError, stored_nifti_mask, turned
from bregma.catalogue.records import ScanRecord
from bregma.scan.errors import RefusedError

SPACING_UNKNOWN = "spacing_unknown"
"""Warning of scans that have lost their geometry on purpose: axes were turned, lengths are not believed."""

Outlined = NDArray[np.generic]


def read_outlined(path: Path, record: ScanRecord, touched: NDArray[np.bool_]) -> Outlined:
    """(d, H, W) values of a file on the d slices of a scan that it is about; 0 is outside.

    Args:
        path: .nii, .nii.gz or DICOM Segmentation (.dcm) of the scan; .png or .mat of one slice.
        record: the scan it lies on.
        touched: (D,) the slices.

    Raises:
        MaskFileError: it cannot be read, or does not lie on the pixels of the scan.
    """
    kind = path.suffix.lower()
    if kind in (".png", ".mat"):
        if touched.sum() != 1:
            raise MaskFileError(f"a {kind[1:].upper()} is one slice; give it in a row of level 'slice'")
        values = _read_png(path) if kind == ".png" else _read_mat(path)
        if values.shape != record.shape[1:]:
            raise MaskFileError(f"the file has shape {values.shape}, the slice {record.shape[1:]}")
        return values[None]
    if kind == ".dcm":
        from bregma.catalogue.tumour_seg import read_segmentation  # pydicom, late

        return read_segmentation(path, record)[touched]
    return _read_nifti(path, record)[touched]


def _read_nifti(path: Path, record: ScanRecord) -> Outlined:
    stored, geometry = stored_nifti_mask(path)
    if geometry is not None and record.geometry is not None:
        return turned(stored, geometry, record.geometry)
    both_turned = any(remark.code == SPACING_UNKNOWN for remark in record.warnings)
    if record.geometry is not None:
        raise MaskFileError("the file does not say how it lies and its scan does; copy the scan's affine into it")
    if geometry is not None and not both_turned:
        raise MaskFileError("the file says how it lies and its scan does not; set its sform and qform codes to 0")
    if stored.shape != record.shape:
        raise MaskFileError(f"the file has shape {stored.shape}, the scan {record.shape}")
    return stored


def _read_png(path: Path) -> Outlined:
    """(H, W) values of a grey PNG."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("1", "L", "P"):
                raise MaskFileError(f"the file is a picture of mode {image.mode!r}; expected 8-bit grey")
            return np.asarray(image.convert("L") if image.mode == "1" else image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise MaskFileError(f"the file cannot be read as a PNG ({type(error).__name__})") from error


def _read_mat(path: Path) -> Outlined:
    from bregma.io.figshare_mat import read_mat  # h5py, late

    try:
        return read_mat(path).mask
    except RefusedError as error:
        raise MaskFileError(error.reason) from error
