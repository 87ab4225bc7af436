"""Outlines in patient millimetres, filled into the pixels of a scan.

JSON: a list of {"points": [[x, y, z], ...], "slice": "<name>"}, LPS mm, closed by itself, three points or more. The
slice may be left out; then it is the one in whose plane the points lie.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord, slice_key
from bregma.scan.regions import Mask
from bregma.scan.volume import Geometry, Vector

OFF_PLANE_MM = 1.0
"""How far a point may lie from the plane of the slice it is drawn on, if the slices are not nearer to each other."""


class OutlineError(ValueError):
    """Outlines that cannot be filled; the message says why."""


def fill_outlines(text: str, record: ScanRecord, *, part: str | None = None) -> dict[int, Mask]:
    """The pixels whose centres lie inside the outlines, by slice.

    Args:
        text: the JSON.
        record: the scan.
        part: name of the slice for outlines that do not name one; None: found from the points.

    Returns:
        slice index -> (H, W).

    Raises:
        OutlineError: the JSON, a slice or a point does not fit.
    """
    if record.geometry is None:
        raise OutlineError("the scan has no positions, so outlines in mm cannot be placed; give a mask")
    filled: dict[int, Mask] = {}
    for number, item in enumerate(_parse(text), start=1):
        points, name = _outline(item, number)
        index = _slice_of(points, name or part, record, number)
        mask = fill_polygon(_pixels(points, record.geometry, index, number), record.shape[1:])
        filled[index] = filled.get(index, np.zeros_like(mask)) | mask
    return filled


def fill_polygon(points: Vector, shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie inside a polygon (even-odd rule).

    Args:
        points: (N, 2) row and column, whole numbers at the centres of pixels.
        shape: (H, W).
    """
    start, end = points, np.roll(points, -1, axis=0)
    columns = np.arange(shape[1])
    mask = np.zeros(shape, dtype=np.bool_)
    first, last = max(int(np.ceil(points[:, 0].min())), 0), min(int(np.floor(points[:, 0].max())), shape[0] - 1)
    for row in range(first, last + 1):
        crosses = (start[:, 0] <= row) != (end[:, 0] <= row)
        here, there = start[crosses], end[crosses]
        at = here[:, 1] + (row - here[:, 0]) / (there[:, 0] - here[:, 0]) * (there[:, 1] - here[:, 1])
        mask[row] = (np.searchsorted(np.sort(at), columns, side="left") % 2).astype(np.bool_)
    return mask


def _parse(text: str) -> list[Any]:
    try:
        items = json.loads(text)
    except ValueError as error:
        raise OutlineError(f"the outlines are no JSON ({error})") from error
    if not isinstance(items, list):
        raise OutlineError(f"the outlines are {type(items).__name__}; expected a list of outlines")
    return items


def _outline(item: Any, number: int) -> tuple[Vector, str | None]:  # noqa: ANN401  JSON
    if not isinstance(item, dict) or not set(item) <= {"points", "slice"} or "points" not in item:
        raise OutlineError(f'outline {number} is no {{"points": [[x, y, z], ...], "slice": name}}')
    try:
        points = np.array(item["points"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise OutlineError(f"outline {number} has points that are no numbers") from error
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3 or not np.isfinite(points).all():
        raise OutlineError(f"outline {number} has points of shape {points.shape}; expected 3 or more of x, y, z")
    name = item.get("slice")
    return points, None if name is None else str(name)


def _slice_of(points: Vector, name: str | None, record: ScanRecord, number: int) -> int:
    keys = [slice_key(one) for one in record.slices]
    if name is not None:
        if name not in keys:
            raise OutlineError(f"outline {number} is on slice {name!r}, which the scan does not have")
        return keys.index(name)
    found = record.geometry.to_index(points.mean(axis=0)) if record.geometry is not None else None
    if found is None:
        raise OutlineError(f"outline {number} lies outside the scan")
    return found[0]


def _pixels(points: Vector, geometry: Geometry, index: int, number: int) -> Vector:
    """(N, 2) row and column of points that lie in the plane of a slice."""
    offset = points - geometry.origins[index]
    spacing: NDArray[np.float64] = geometry.spacing_mm
    nearest = float(spacing.min()) if len(spacing) else OFF_PLANE_MM
    away = float(np.abs(offset @ geometry.normal).max())
    if away > max(OFF_PLANE_MM, nearest / 2):
        raise OutlineError(f"outline {number} has a point {away:.1f} mm off the plane of its slice")
    row = offset @ geometry.along_column / geometry.pixel_mm[0]
    column = offset @ geometry.along_row / geometry.pixel_mm[1]
    return np.stack([row, column], axis=1)
