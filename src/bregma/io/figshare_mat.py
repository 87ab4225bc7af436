"""A slice of the figshare brain tumour data set as its makers hand it out: MATLAB v7.3, which is HDF5.

cjdata.label (1 meningioma, 2 glioma, 3 pituitary tumour), .PID (text), .image (H, W), .tumorMask (H, W); MATLAB counts
columns first, so arrays come out of HDF5 turned over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import MissingExtraError, RefusedError

CODES = {"bad_matlab_file": "The file is no MATLAB v7.3 file of the figshare data set, or is cut off."}
"""Codes of refusal used here, with their meaning."""


@dataclass(frozen=True, slots=True, eq=False)
class MatSlice:
    """One slice.

    Attributes:
        label: 1 meningioma, 2 glioma, 3 pituitary tumour.
        patient: as the data set calls the patient.
        image: (H, W) MR values.
        mask: (H, W) uint8, 1 inside the tumour.
    """

    label: int
    patient: str
    image: NDArray[Any]
    mask: NDArray[np.uint8]


def read_mat(path: Path) -> MatSlice:
    """Read one slice.

    Raises:
        MissingExtraError: h5py is not installed.
        RefusedError: it is no such file ("bad_matlab_file").
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("matlab", "reading MATLAB v7.3 files") from error
    try:
        with h5py.File(path, "r") as file:
            held = file["cjdata"]
            label, patient = int(np.ravel(held["label"][()])[0]), _text(np.ravel(held["PID"][()]))
            image, mask = np.asarray(held["image"][()]).T, np.asarray(held["tumorMask"][()]).T
    except (OSError, KeyError, ValueError, IndexError) as error:
        reason = f"the file is no MATLAB v7.3 slice with cjdata ({type(error).__name__}); copy it again"
        raise RefusedError("bad_matlab_file", reason) from error
    if image.ndim != 2 or image.shape != mask.shape or label not in (1, 2, 3) or not patient:
        said = f"image {image.shape}, mask {mask.shape}, label {label}"
        raise RefusedError(
            "bad_matlab_file", f"the file holds {said}; expected two equal planes and a label from 1 to 3"
        )
    return MatSlice(label, patient, np.ascontiguousarray(image), np.ascontiguousarray(mask > 0).astype(np.uint8))


def _text(codes: NDArray[Any]) -> str:
    """MATLAB keeps text as UTF-16 numbers."""
    return "".join(chr(int(code)) for code in codes if int(code)).strip()
