"""A DICOM image that is a mask: two values, of which the higher is blood, as programs that write pictures store one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bregma.catalogue.mask_files import UNSPECIFIED, MaskFileError, Values
from bregma.catalogue.records import ScanRecord
from bregma.scan.counted import counted
from bregma.scan.errors import RefusedError

BLOOD = max(UNSPECIFIED)


def read_dicom_mask(path: Path, record: ScanRecord) -> Values:
    """(H, W) values of a mask of one slice, see `stored_dicom_mask`.

    Raises:
        MaskFileError: it cannot be read as one, or has another size than the slice.
    """
    values = stored_dicom_mask(path)
    if values.shape != record.shape[1:]:
        raise MaskFileError(f"the mask has shape {values.shape}, the slice {record.shape[1:]}")
    return values


def stored_dicom_mask(path: Path) -> Values:
    """(H, W) 255 where a mask is above 0, and 0 elsewhere.

    Raises:
        MaskFileError: it cannot be read, or is not one slice of at most two values.
    """
    from bregma.io.find import discover, load  # pydicom, late

    found = discover(path)
    if len(found.candidates) != 1:
        reason = found.refused[0].reason if found.refused else f"it holds {len(found.candidates)} images"
        raise MaskFileError(f"the mask cannot be read as one DICOM image: {reason}")
    try:
        values = load(found.candidates[0]).volume.values
    except RefusedError as error:
        raise MaskFileError(error.reason) from error
    held = np.unique(values)
    if len(values) != 1 or len(held) > 2:
        what = f"{counted(len(values), 'slice')} of {counted(len(held), 'value')}, up to {held[-1]}"
        raise MaskFileError(f"the mask holds {what}; expected one slice of two values")
    return np.where(values[0] > 0, np.uint8(BLOOD), np.uint8(0))
