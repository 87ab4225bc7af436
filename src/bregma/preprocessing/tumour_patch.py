"""Which part of a scan is looked at for a tumour, and what becomes of the tumours in it.

Tumour retrieval via multitask learning, section 3.1: patches are picked at random, each containing a tumour entirely.
Ours, as the paper is silent:

- Other tumours that lie whole in the patch count too; a half-cut one stays in the map and has no box.
- A tumour larger than the patch along an axis is looked at in parts: the patch lies inside it along that axis, and what
  it shows stands for the whole. Serving covers it by as few patches as reach; the maximum over them is the maximum
  over the whole box, since RoiPool takes a maximum.
- A scan smaller than the patch lies in its middle, with zeros around.

A patch is known by its first voxel, which may be below 0, and by the size that all have. Axes are (slices, rows,
columns).
"""

from __future__ import annotations

from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.tumour_view import Three
from bregma.scan.tumour import VoxelBox

Number = TypeVar("Number", np.float32, np.floating, np.uint8)


def random_start(box: VoxelBox, shape: Three, size: Three, rng: np.random.Generator) -> Three:
    """The first voxel of a patch that holds a box entirely, or lies inside it where the box is larger.

    Args:
        box: of the tumour.
        shape: (D, H, W) of the scan.
        size: of the patch.
        rng: every place that fits is as likely as any other.
    """
    ranges = [_range(*axis) for axis in zip(box.start, box.stop, shape, size, strict=True)]
    start = [int(rng.integers(low, high + 1)) for low, high in ranges]
    return start[0], start[1], start[2]


def covering_starts(box: VoxelBox, shape: Three, size: Three) -> list[Three]:
    """The first voxels of the patches that are looked at for a box: one about its middle, or several that cover it."""
    slices, rows, columns = (_covering(*axis) for axis in zip(box.start, box.stop, shape, size, strict=True))
    return list(product(slices, rows, columns))


def cut_patch(values: NDArray[Number], start: Three, size: Three) -> NDArray[Number]:
    """A patch of an array, 0 where it reaches beyond; a copy."""
    out = np.zeros(size, values.dtype)
    there = [_overlap(*axis) for axis in zip(start, size, values.shape, strict=True)]
    inside = tuple(slice(low, high) for low, high in there)
    place = tuple(slice(low - first, high - first) for (low, high), first in zip(there, start, strict=True))
    out[place] = values[inside]
    return out


def box_in_patch(box: VoxelBox, start: Three, size: Three) -> VoxelBox | None:
    """A tumour's box in the patch, or None when the patch cuts it.

    Along an axis on which the tumour is larger than the patch it counts when it fills the patch.
    """
    inside: list[tuple[int, int]] = []
    for first, length, low, high in zip(start, size, box.start, box.stop, strict=True):
        whole = first <= low and high <= first + length
        fills = high - low > length and low <= first and first + length <= high
        if not (whole or fills):
            return None
        inside.append((max(low, first) - first, min(high, first + length) - first))
    (d0, d1), (h0, h1), (w0, w1) = inside
    return VoxelBox((d0, h0, w0), (d1, h1, w1))


def clipped_box(box: VoxelBox, start: Three, size: Three) -> VoxelBox:
    """The part of a box that a patch shows; the patch must touch it."""
    low = [max(edge - first, 0) for edge, first in zip(box.start, start, strict=True)]
    high = [min(edge - first, length) for edge, first, length in zip(box.stop, start, size, strict=True)]
    return VoxelBox((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def mirrored_box(box: VoxelBox, size: Three, axis: int) -> VoxelBox:
    """A box in a patch that was mirrored along an axis."""
    start, stop = list(box.start), list(box.stop)
    start[axis], stop[axis] = size[axis] - box.stop[axis], size[axis] - box.start[axis]
    return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _range(low: int, high: int, length: int, size: int) -> tuple[int, int]:
    """First and last place where a patch may begin along one axis."""
    if length <= size:
        return -((size - length) // 2), -((size - length) // 2)
    if high - low > size:
        return low, high - size
    return max(0, high - size), min(low, length - size)


def _covering(low: int, high: int, length: int, size: int) -> list[int]:
    first, last = _range(low, high, length, size)
    if high - low > size and length > size:
        return [int(start) for start in np.linspace(first, last, -(-(high - low) // size)).round()]
    return [min(max((low + high - size) // 2, first), last)]


def _overlap(first: int, size: int, length: int) -> tuple[int, int]:
    return max(first, 0), min(first + size, length)
