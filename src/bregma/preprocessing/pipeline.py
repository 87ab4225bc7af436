"""The whole way from a volume of Hounsfield units to what a network sees, and from its maps back to the volume.

Training and reading run these same lines. Arrays: D slices (foot to head), H rows, W columns as stored; C channels
(windows); S prepared size. Prepared slices have rows towards the back and columns towards the patient's left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.head import find_head_centre, lies_sideways
from bregma.preprocessing.neighbours import with_neighbours
from bregma.preprocessing.orient import Orientation, canonical_orientation, turn, turn_back
from bregma.preprocessing.placement import Placement, place_span
from bregma.preprocessing.resample import grow, shrink
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Image, show
from bregma.scan.volume import Volume

AIR_HU = -1000
"""What lies outside the stored image."""

THREADS = max(1, min(4, os.cpu_count() or 1))
"""Slices are prepared side by side; more threads than this only wait for memory."""

PART = 4
"""Slices per piece of work: few enough for the processor's cache, enough that threads seldom wait for one another."""

__all__ = ["AIR_HU", "Placement", "Prepared", "Preprocessing", "place", "prepare", "prepare_mask", "restore"]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A scan as a network sees it.

    Attributes:
        images: (D, C, S, S) float32 in [0, 1], C-contiguous.
        placement: the way back to the stored slices.
    """

    images: Image
    placement: Placement


def place(volume: Volume, settings: Preprocessing) -> Placement:
    """Where the field of view lies in a scan: centred on the head, one place for all slices.

    Without a geometry nobody knows the size of a pixel; then the image's longer side is taken to span the field of
    view, and a head that is longer across is taken to lie on its side. Networks learn from upright heads. Which side is
    the left one stays unknown.
    """
    slices, height, width = volume.values.shape
    assumed = settings.field_of_view_mm / max(height, width)
    pixel_mm = volume.geometry.pixel_mm if volume.geometry else (assumed, assumed)
    orientation = canonical_orientation(volume.geometry)
    if volume.geometry is None and lies_sideways(volume.values, pixel_mm):
        orientation = Orientation(transposed=True)
    lengths = (height, width)
    if orientation.transposed:
        pixel_mm, lengths = (pixel_mm[1], pixel_mm[0]), (width, height)
    centre = find_head_centre(turn(volume.values, orientation), pixel_mm)
    rows, columns = (
        place_span(length, at, step=settings.pixel_mm / mm, count=settings.pixels, size=settings.size)
        for length, at, mm in zip(lengths, centre, pixel_mm, strict=True)
    )
    return Placement((slices, height, width), settings.size, orientation, rows, columns)


def prepare(volume: Volume, settings: Preprocessing) -> Prepared:
    """Hounsfield units to network input: turned, centred on the head, resampled in plane, windowed.

    Args:
        volume: (D, H, W) int16 HU.
        settings: windows, pixel size, field of view and neighbours.
    """
    placement = place(volume, settings)
    slices, size = len(volume.values), settings.size
    images = np.empty((slices, len(settings.windows), size, size), np.float32)

    def _work(part: slice) -> None:
        hu = np.full((len(images[part]), size, size), AIR_HU, np.float32)
        shrink(turn(volume.values[part], placement.orientation), placement.rows, placement.columns, hu)
        show(hu, settings.windows, images[part])

    _in_parts(slices, _work)
    return Prepared(with_neighbours(images, settings.neighbours), placement)


def prepare_mask(mask: NDArray[np.bool_], placement: Placement) -> Image:
    """A mask on the stored slices as the share of each prepared pixel that it covers.

    Args:
        mask: (D, H, W) bool.
        placement: of the scan that the mask belongs to.

    Returns:
        (D, S, S) float32 in [0, 1].
    """
    out = np.zeros((len(mask), placement.size, placement.size), np.float32)

    def _work(part: slice) -> None:
        if mask[part].any():
            stored = turn(mask[part], placement.orientation).astype(np.float32)
            shrink(stored, placement.rows, placement.columns, out[part])

    _in_parts(len(mask), _work)
    return np.clip(out, 0.0, 1.0, out=out)


def restore(maps: Image, placement: Placement) -> Image:
    """Undo the placement of `prepare`: maps on prepared slices at their place in the stored ones.

    Args:
        maps: (D, S, S) float32.
        placement: from `prepare`.

    Returns:
        (D, H, W) float32 in the volume's own grid; 0 outside the field of view.
    """
    out = np.empty((len(maps), *placement.shape[1:]), np.float32)

    def _work(part: slice) -> None:
        for prepared, stored in zip(maps[part], out[part], strict=True):
            stored[...] = turn_back(grow(prepared, placement.rows, placement.columns), placement.orientation)

    _in_parts(len(maps), _work)
    return out


def _in_parts(count: int, work: Callable[[slice], None]) -> None:
    """Do `work` for all slices, a few at a time and on a few threads; each part writes only to its own slices."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, [slice(first, first + PART) for first in range(0, count, PART)]))
