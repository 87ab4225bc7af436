"""Scouts: the head from the side and from the front, as an X-ray would show it, to see where the slices lie.

Made from the volume itself. The canvas is in mm: x to the right of the picture, y downwards, the head up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.orient import canonical_orientation, turn
from bregma.reading import Reading
from bregma.report.pictures import data_uri
from bregma.scan.volume import Geometry, Volume

AIR_HU, BONE_HU = -1000, 1200
"""Values are limited to these before they are added up along a ray."""

LEAST_SLICES = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A slice seen edge-on, in mm of the canvas.

    Attributes:
        index: of the slice.
        x1: where it begins.
        y1: where it begins.
        x2: where it ends.
        y2: where it ends.
        counted: whether the rule counts it.
    """

    index: int
    x1: float
    y1: float
    x2: float
    y2: float
    counted: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """A lesion's box on the canvas, in mm."""

    lesion: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Scout:
    """One view.

    Attributes:
        title: "from the left side" or "from the front".
        image: a data URI.
        width: mm.
        height: mm.
        marks: words at the picture's left and right edge.
        lines: the slices that the rule counts, and the first and the last.
        frames: the lesions.
    """

    title: str
    image: str
    width: float
    height: float
    marks: tuple[str, str]
    lines: tuple[Line, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """Which patient axis runs across the picture; the ray runs along the other in-plane axis."""

    title: str
    axis: int
    marks: tuple[str, str]


_VIEWS = (_View("from the side", 1, ("front", "back")), _View("from the front", 0, ("right", "left")))


def scouts(reading: Reading) -> list[Scout]:
    """Both views, as high as each other; none for scans whose slices are not axial, too few, or without positions."""
    volume = reading.scan.volume
    place = volume.geometry
    if place is None or place.slices < LEAST_SLICES or place.orientation != "axial":
        return []
    canonical = _canonical_geometry(place)
    extents = [_extent(canonical, view.axis) for view in _VIEWS]
    bottom, top = min(low[1] for low, _ in extents), max(high[1] for _, high in extents)
    return [
        _scout(reading, canonical, view, np.array([low[0], bottom]), np.array([high[0], top]))
        for view, (low, high) in zip(_VIEWS, extents, strict=True)
    ]


def _scout(
    reading: Reading, place: Geometry, view: _View, low: NDArray[np.float64], high: NDArray[np.float64]
) -> Scout:
    width, height = float(high[0] - low[0]), float(high[1] - low[1])
    sheet = _sheet(_profiles(reading.scan.volume, view.axis), place, view.axis, low, high)
    return Scout(
        title=view.title,
        image=data_uri(sheet),
        width=width,
        height=height,
        marks=view.marks,
        lines=_lines(reading, place, view.axis, low, high),
        frames=_frames(reading, view.axis, low, high),
    )


def _canonical_geometry(place: Geometry) -> Geometry:
    """The same pixels, with rows towards the back and columns towards the patient's left."""
    turned = canonical_orientation(place)
    along_row, along_column, pixel_mm = place.along_row, place.along_column, place.pixel_mm
    rows, columns, origins = place.rows, place.columns, place.origins
    if turned.transposed:
        along_row, along_column, pixel_mm, rows, columns = along_column, along_row, pixel_mm[::-1], columns, rows
    if turned.flip_rows:
        origins = origins + along_column * (rows - 1) * pixel_mm[0]
        along_column = -along_column
    if turned.flip_columns:
        origins = origins + along_row * (columns - 1) * pixel_mm[1]
        along_row = -along_row
    return Geometry(rows, columns, origins, along_row, along_column, pixel_mm)


def _profiles(volume: Volume, axis: int) -> NDArray[np.float32]:
    """(D, n) mean HU of each slice along the ray: what is left is its canonical rows (axis 1) or columns (axis 0)."""
    turned = canonical_orientation(volume.geometry)
    ray = 1 if axis == 1 else 0
    limited = (np.clip(turn(values, turned), AIR_HU, BONE_HU) for values in volume.values)
    return np.stack([values.mean(axis=ray, dtype=np.float32) for values in limited])


def _edges(place: Geometry, axis: int) -> NDArray[np.float64]:
    """(D, 2, 2): where each slice begins and ends on the canvas: (across, up) in LPS mm, through the slice's middle."""
    rows, columns = place.rows, place.columns
    middle = ((rows - 1) / 2, (columns - 1) / 2)
    ends = (
        [(-0.5, middle[1]), (rows - 0.5, middle[1])] if axis == 1 else [(middle[0], -0.5), (middle[0], columns - 0.5)]
    )
    index = np.array([[(one, *end) for end in ends] for one in range(place.slices)], dtype=np.float64)
    return place.to_patient(index)[..., [axis, 2]]


def _extent(place: Geometry, axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = _edges(place, axis).reshape(-1, 2)
    beyond = np.array([0.0, float(np.abs(place.spacing_mm).max()) / 2])
    return edges.min(axis=0) - beyond, edges.max(axis=0) + beyond


def _sheet(
    profiles: NDArray[np.float32], place: Geometry, axis: int, low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The picture, one pixel per mm: each canvas point takes the value of the slice plane that runs through it."""
    from scipy import ndimage

    across, up = np.meshgrid(np.arange(low[0] + 0.5, high[0]), np.arange(high[1] - 0.5, low[1], -1.0))
    edges = _edges(place, axis)
    run = edges[:, 1] - edges[:, 0]
    slope = float(run[0, 1] / run[0, 0])
    heights = edges[:, 0, 1] - slope * edges[:, 0, 0]
    level = np.interp(up - slope * across, heights, np.arange(place.slices), left=-1.0, right=float(place.slices))
    start = np.interp(level, np.arange(place.slices), edges[:, 0, 0])
    along = (across - start) / run[0, 0] * profiles.shape[1] - 0.5
    values = ndimage.map_coordinates(profiles, [level, along], order=1, mode="constant", cval=AIR_HU)
    bright = np.clip((values - AIR_HU) / max(float(np.percentile(profiles, 99.5)) - AIR_HU, 1.0), 0.0, 1.0)
    return np.asarray((bright**1.6 * 255).round(), dtype=np.uint8)


def _lines(
    reading: Reading, place: Geometry, axis: int, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[Line, ...]:
    counted = set(np.flatnonzero(reading.counted).tolist())
    edges = _edges(place, axis)
    lines = []
    for index in sorted(counted | {0, place.slices - 1}):
        (x1, y1), (x2, y2) = edges[index]
        ends = (float(x1 - low[0]), float(high[1] - y1), float(x2 - low[0]), float(high[1] - y2))
        lines.append(Line(index, *ends, counted=index in counted))
    return tuple(lines)


def _frames(reading: Reading, axis: int, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[Frame, ...]:
    half = float(np.abs(np.diff([one.z_mm for one in reading.scan.slices if one.z_mm is not None])).mean()) / 2
    frames = []
    for lesion in reading.lesions:
        if lesion.box_mm is not None:
            least, most = lesion.box_mm.low_mm, lesion.box_mm.high_mm
            x, y = float(least[axis] - low[0]), float(high[1] - most[2] - half)
            frames.append(Frame(lesion.id, x, y, most[axis] - least[axis], most[2] - least[2] + 2 * half))
    return tuple(frames)
