"""Lesions: the connected parts of a map of probabilities, in the grid of the scan.

Arrays are (D, H, W), foot to head; places are LPS mm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.lesion_place import LesionPlace
from bregma.scan.regions import Box, Mask, box_of_mask, side_of_mask
from bregma.scan.terms import ANY
from bregma.scan.volume import Geometry

THRESHOLD = 0.5
"""A pixel belongs to a lesion from this probability on."""

LEAST_ML = 0.1
"""Smaller parts are dropped: 0.1 mL is 20 mm2 on one slice of 5 mm."""

LEAST_PIXELS = 20
"""The same without geometry, or on a single slice, where nobody knows the volume."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One connected part of the map.

    Attributes:
        id: "L1" is the largest of a scan.
        box_mm: the patient-aligned box around it; None without geometry.
        volume_ml: None without geometry, and on a single slice, whose thickness nobody knows.
        side: the patient's "left", "right", "both" or "midline"; None without geometry.
        slices: indices of the slices that show it, foot to head.
        probabilities: per finding, the mean of the map over the lesion.
        corner: (slice, row, column) of the first pixel of `mask` in the scan.
        mask: (d, h, w) which pixels belong to it, in its own smallest block of the scan's grid.
        subtype: the kind of bleed that its slices show (`models.subtypes`); None when it is not clear.
        subtype_probability: the mean over its slices of that kind's probability; it is not located on the slice.
        place: where in the head it is (`models.name_lesions`); None when nobody was asked.
    """

    id: str
    box_mm: Box | None
    volume_ml: float | None
    side: str | None
    slices: tuple[int, ...]
    probabilities: dict[str, float]
    corner: tuple[int, int, int]
    mask: Mask
    subtype: str | None = None
    subtype_probability: float | None = None
    place: LesionPlace | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A connected part before it is named: where it lies, its pixels, and their mean probability."""

    corner: tuple[int, int, int]
    mask: Mask
    probability: float


def find_lesions(
    maps: NDArray[np.float32],
    geometry: Geometry | None,
    *,
    midline_x_mm: float | None = None,
    threshold: float = THRESHOLD,
    least_ml: float = LEAST_ML,
    first_slice: int = 0,
) -> list[Lesion]:
    """The lesions of a map, the largest first.

    Pixels that touch, also by a corner and across slices, belong to one lesion.

    Args:
        maps: (d, H, W) probabilities on neighbouring slices of the scan, in its own grid.
        geometry: of the whole scan; None when positions are unknown.
        midline_x_mm: LPS x of the head's middle; without it nobody tells the side.
        threshold: a pixel belongs to a lesion from this probability on.
        least_ml: smaller ones are dropped.
        first_slice: index in the scan of the first slice of `maps`.
    """
    measured = [(part, _volume_ml(part, geometry)) for part in _parts(maps, threshold, first_slice)]
    kept = [(part, ml) for part, ml in measured if _large_enough(part, ml, least_ml)]
    kept.sort(key=lambda item: (-(item[1] or 0.0), -int(item[0].mask.sum()), item[0].corner))
    return [_lesion(f"L{place}", part, ml, geometry, midline_x_mm) for place, (part, ml) in enumerate(kept, start=1)]


def mask_of_lesions(lesions: Sequence[Lesion], shape: tuple[int, int, int]) -> Mask:
    """(D, H, W) every pixel that belongs to a lesion."""
    whole = np.zeros(shape, dtype=np.bool_)
    for lesion in lesions:
        block = tuple(slice(start, start + n) for start, n in zip(lesion.corner, lesion.mask.shape, strict=True))
        whole[block] |= lesion.mask
    return whole


def lesion_on_slice(lesion: Lesion, index: int, shape: tuple[int, int]) -> Mask:
    """(H, W) the lesion's pixels on one slice of the scan."""
    image = np.zeros(shape, dtype=np.bool_)
    at = index - lesion.corner[0]
    if 0 <= at < len(lesion.mask):
        row, column = lesion.corner[1:]
        height, width = lesion.mask.shape[1:]
        image[row : row + height, column : column + width] = lesion.mask[at]
    return image


def _parts(maps: NDArray[np.float32], threshold: float, first_slice: int) -> list[_Part]:
    from scipy import ndimage

    inside = maps >= threshold
    if not inside.any():
        return []
    around = ndimage.find_objects(inside.astype(np.uint8))[0]
    numbered, _ = ndimage.label(inside[around], structure=np.ones((3, 3, 3), dtype=np.int8))
    parts = []
    for number, block in enumerate(ndimage.find_objects(numbered), start=1):
        mask = numbered[block] == number
        mean = float(maps[around][block][mask].mean(dtype=np.float64))
        corner = tuple(outer.start + inner.start for outer, inner in zip(around, block, strict=True))
        parts.append(_Part((corner[0] + first_slice, corner[1], corner[2]), mask, mean))
    return parts


def _volume_ml(part: _Part, geometry: Geometry | None) -> float | None:
    if geometry is None:
        return None
    first = part.corner[0]
    volume = float(part.mask.sum(axis=(1, 2)) @ geometry.voxel_ml[first : first + len(part.mask)])
    return volume if math.isfinite(volume) else None


def _large_enough(part: _Part, volume_ml: float | None, least_ml: float) -> bool:
    return int(part.mask.sum()) >= LEAST_PIXELS if volume_ml is None else volume_ml >= least_ml


def _lesion(
    name: str, part: _Part, volume_ml: float | None, geometry: Geometry | None, midline_x_mm: float | None
) -> Lesion:
    place = None if geometry is None else _block_geometry(part, geometry)
    side = None if place is None or midline_x_mm is None else side_of_mask(part.mask, place, midline_x_mm=midline_x_mm)
    shown = np.flatnonzero(part.mask.any(axis=(1, 2))) + part.corner[0]
    return Lesion(
        id=name,
        box_mm=None if place is None else box_of_mask(_row_ends(part.mask), place),
        volume_ml=volume_ml,
        side=side,
        slices=tuple(int(index) for index in shown),
        probabilities={ANY: part.probability},
        corner=part.corner,
        mask=part.mask,
    )


def _row_ends(mask: Mask) -> Mask:
    """Only the first and the last pixel of each row: they have the same box, and are few."""
    ends = np.zeros_like(mask)
    slices, rows = np.nonzero(mask.any(axis=2))
    ends[slices, rows, mask.argmax(axis=2)[slices, rows]] = True
    ends[slices, rows, mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2)[slices, rows]] = True
    return ends


def _block_geometry(part: _Part, geometry: Geometry) -> Geometry:
    """Where the part's own block of pixels lies."""
    first, row, column = part.corner
    shift = row * geometry.pixel_mm[0] * geometry.along_column + column * geometry.pixel_mm[1] * geometry.along_row
    slices, rows, columns = part.mask.shape
    origins = geometry.origins[first : first + slices] + shift
    return Geometry(rows, columns, origins, geometry.along_row, geometry.along_column, geometry.pixel_mm)
