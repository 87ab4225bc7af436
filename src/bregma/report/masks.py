"""The lesions of a reading as an image in the grid of the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.reading import Reading
from bregma.scan.terms import ANY


def lesion_numbers(reading: Reading) -> NDArray[np.uint8]:
    """(D, H, W) in the grid of the scan: 1 for the first lesion of the reading, 2 for the second, 0 elsewhere."""
    numbers = np.zeros(reading.scan.volume.values.shape, dtype=np.uint8)
    for number, lesion in enumerate(reading.lesions, start=1):
        block = tuple(slice(at, at + size) for at, size in zip(lesion.corner, lesion.mask.shape, strict=True))
        numbers[block][lesion.mask] = min(number, 255)
    return numbers


def write_masks(stem: Path, reading: Reading, *, as_dicom: bool) -> Path:
    """Write a reading's lesions, also when there are none: an empty mask says so.

    Args:
        stem: the file's path without its suffix; its folder is made.
        reading: of a scan with pixels.
        as_dicom: a DICOM SEG with one segment, else a NIfTI whose values are the lesions' numbers.

    Returns:
        the file written.

    Raises:
        RequestError: unevenly spaced slices have no place in a NIfTI grid.
        RefusedError: the scan's own files cannot be referred to from a DICOM SEG.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    numbers = lesion_numbers(reading)
    if as_dicom:
        from bregma.io.dicom_seg import write_dicom_seg

        path = stem.with_name(f"{stem.name}.dcm")
        write_dicom_seg(path, {ANY: numbers > 0}, reading.scan)
        return path
    from bregma.io.nifti_write import write_nifti_mask

    path = stem.with_name(f"{stem.name}.nii.gz")
    write_nifti_mask(path, numbers, reading.scan)
    return path
