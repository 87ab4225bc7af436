"""Drawn blood against outlines by hand, on real slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ImplicitVRLittleEndian

from bregma.reading import Reading
from bregma.scan.regions import Mask

LEAST_COVERED = 0.1
"""Share of the outlined blood that must be drawn for it to count as found."""


@dataclass(frozen=True, slots=True)
class Outlined:
    """One slice of which somebody outlined the blood.

    Attributes:
        found: whether at least a tenth of it was drawn.
        dice: overlap of drawn and outlined pixels, 0 to 1.
    """

    found: bool
    dice: float


def drawn_on(reading: Reading, index: int) -> Mask:
    """(H, W) everything that a reading draws on one slice."""
    whole = np.zeros(reading.scan.volume.values.shape[1:], dtype=np.bool_)
    for lesion in reading.lesions:
        first, row, column = lesion.corner
        if 0 <= index - first < len(lesion.mask):
            part = lesion.mask[index - first]
            whole[row : row + part.shape[0], column : column + part.shape[1]] |= part
    return whole


def against(drawn: Mask, outlined: Mask) -> Outlined:
    """How a drawing agrees with an outline that is not empty; both (H, W)."""
    both = int((drawn & outlined).sum())
    return Outlined(both >= LEAST_COVERED * outlined.sum(), 2 * both / int(drawn.sum() + outlined.sum()))


def outlined_slices(readings: list[Reading], masks: Path) -> list[Outlined]:
    """Single slices called image_X.dcm whose outline is mask_X.dcm, above 0 where there is blood."""
    found = []
    for reading in readings:
        name = Path(reading.scan.slices[0].file).name
        mask = masks / name.replace("image_", "mask_")
        if name.startswith("image_") and mask.is_file():
            found.append(against(drawn_on(reading, 0), _outline(mask)))
    return found


def _outline(file: Path) -> Mask:
    """(H, W) pixels above 0; these files have no header that would say how they are written."""
    dataset = pydicom.dcmread(file, force=True)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return np.asarray(dataset.pixel_array > 0)
