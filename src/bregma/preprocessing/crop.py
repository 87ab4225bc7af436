"""A square cut out of a slice around a region, and put back.

Places are (row, column) with whole numbers at pixel centres. Letters: S size of the slice, L size of the cut-out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Square:
    """Where a cut-out lies in its slice.

    Attributes:
        row: first row; below 0 it begins outside the slice.
        column: first column.
        side: rows and columns, in pixels of the slice, at least 1.
    """

    row: int
    column: int
    side: int

    def to_slice(self, places: Points, size: int) -> Points:
        """Places in the slice of (..., 2) places in a cut-out of `size` pixels."""
        return (places + 0.5) * (self.side / size) - 0.5 + np.array([self.row, self.column], np.float64)

    def to_cut(self, places: Points, size: int) -> Points:
        """Undo `to_slice`: places in the cut-out of (..., 2) places in the slice."""
        return (places - np.array([self.row, self.column], np.float64) + 0.5) * (size / self.side) - 0.5


def square_around(region: NDArray[np.bool_], *, context: float, least: int) -> Square:
    """The square around a region with what surrounds it.

    Args:
        region: (S, S), at least one pixel set.
        context: share of the region's longer side that is added on each side.
        least: shortest side in pixels, so that a speck is seen with its surroundings.
    """
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    side = max(least, round(max(height, width) * (1 + 2 * context)))
    middle_row, middle_column = rows[0] + height / 2, columns[0] + width / 2
    return Square(int(np.floor(middle_row - side / 2 + 0.5)), int(np.floor(middle_column - side / 2 + 0.5)), side)


def crop(image: Plane, square: Square, size: int, *, fill: float = 0.0) -> Plane:
    """Cut a square out of a slice and bring it to a size.

    Args:
        image: (S, S) float32.
        square: what to cut; outside the slice stands `fill`.
        size: L; areas are averaged when the square is larger, and interpolated when it is smaller.
        fill: grey outside the slice; black, as air is.

    Returns:
        (L, L) float32.
    """
    part = np.full((square.side, square.side), fill, np.float32)
    inside, outside = _overlap(square, image.shape)
    part[outside] = image[inside]
    return _resized(part, size)


def uncrop(part: Plane, square: Square, shape: tuple[int, int], *, fill: float = 0.0) -> Plane:
    """Undo `crop`: the cut-out at its place, `fill` elsewhere; exact where no size was changed.

    Args:
        part: (L, L) float32.
        square: from which it was cut.
        shape: (S, S) of the slice.
        fill: what stands around it.
    """
    whole = np.full(shape, fill, np.float32)
    inside, outside = _overlap(square, shape)
    whole[inside] = _resized(part, square.side)[outside]
    return whole


def _resized(part: Plane, size: int) -> Plane:
    if len(part) == size:
        return part
    how = cv2.INTER_AREA if len(part) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (size, size), interpolation=how), np.float32)


def _overlap(square: Square, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a slice that a square covers, in places of the slice and in places of the square."""
    here, there = [], []
    for first, length in zip((square.row, square.column), shape, strict=True):
        low, high = min(max(first, 0), length), min(max(first + square.side, 0), length)
        here.append(slice(low, high))
        there.append(slice(low - first, high - first) if high > low else slice(0, 0))
    return tuple(here), tuple(there)
