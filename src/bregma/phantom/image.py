"""One slice as the scanner sees it: planes through its thickness, averaged, hardened, blurred, at full size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.phantom.maps import CENTRE, Maps
from bregma.phantom.parameters import HeadParameters, Scanner
from bregma.phantom.placing import MIDDLE, Placing
from bregma.phantom.points import Field, Points, make_points
from bregma.phantom.regions import find_regions
from bregma.phantom.scanning import KERNELS, blur, draw_table, harden, shake, streak
from bregma.phantom.slab import Slab, draw_slab
from bregma.scan.volume import Geometry

FINE = 384
"""From this matrix on, a slice is drawn at half its size and enlarged: about 1 mm, the scanner's own sharpness."""

PLANE_MM = 1.7
"""A slice is the mean of planes about this far apart, three at most."""

REACH_MM = (93.0, 122.0)
"""Half width and half length of what the head can touch, on a head of average size."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A drawn slice, (H, W).

    Attributes:
        hu: without noise.
        blood: share of each bleed.
        regions: index into scan.terms.ANATOMY + 1.
    """

    hu: Field
    blood: list[Field]
    regions: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Canvas:
    """The matrix on which a slice is drawn, and the part of it that the head can touch."""

    size: int
    pixel_mm: float
    rows: slice
    columns: slice

    def put(self, part: Field, outside: float) -> Field:
        """A part in the whole matrix."""
        whole = np.full((self.size, self.size), outside, dtype=np.float32)
        whole[self.rows, self.columns] = part
        return whole


def draw_image(
    parameters: HeadParameters, maps: Maps, placing: Placing, geometry: Geometry, index: int, *, levels: list[float]
) -> Image:
    """Draw slice `index` of a scan, without noise."""
    scanner = parameters.scanner
    canvas = make_canvas(scanner, placing, geometry, index)
    points = lay_planes(scanner, canvas, placing, geometry, index)
    slab = draw_slab(parameters, maps, points, levels)
    flat = canvas.put(_average(slab, points, parameters), -1000.0)
    if scanner.table:
        draw_table(flat, scanner, parameters.pose.shift_mm[1] + 104 * parameters.shape.scale[1])
    half = points.x.shape[0] // 2
    regions = np.zeros((canvas.size, canvas.size), dtype=np.uint8)
    regions[canvas.rows, canvas.columns] = find_regions(slab.hu, points, slab.cavity, slab.spaces, half)
    blood = [enlarge(canvas.put(part.mean(axis=0), 0.0), scanner.size) for part in slab.blood]
    hu = enlarge(blur(flat, KERNELS[scanner.kernel], canvas.pixel_mm), scanner.size)
    hu = shake(hu, scanner, parameters.seed, index)
    size = (scanner.size, scanner.size)
    return Image(hu, blood, np.asarray(cv2.resize(regions, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8))


def make_canvas(scanner: Scanner, placing: Placing, geometry: Geometry, index: int) -> Canvas:
    """The matrix of a slice: towards the vertex the head can touch less of it."""
    corners = np.array([[index, row, column] for row in (0, scanner.size - 1) for column in (0, scanner.size - 1)])
    lowest = float(placing.to_head(geometry.to_patient(corners.astype(np.float64)))[:, 2].min())
    narrow = np.sqrt(max(1 - (max(lowest - CENTRE[2], 0.0) / 100) ** 2, 0.01))
    size = scanner.size // 2 if scanner.size >= FINE else scanner.size
    pixel = scanner.field_of_view_mm / size
    middle = placing.to_patient(np.array(MIDDLE))
    spans = []
    for axis in (1, 0):
        half = REACH_MM[axis] * placing.scale[axis] * narrow
        low = int(np.floor((middle[axis] - half) / pixel + (size - 1) / 2))
        high = int(np.ceil((middle[axis] + half) / pixel + (size - 1) / 2))
        spans.append(slice(max(low, 0), min(high, size)))
    return Canvas(size, pixel, spans[0], spans[1])


def lay_planes(scanner: Scanner, canvas: Canvas, placing: Placing, geometry: Geometry, index: int) -> Points:
    """The canvas' pixels on each of the slice's planes, in the head frame."""
    planes = max(1, min(3, round(scanner.thickness_mm / PLANE_MM)))
    down, across = geometry.along_column * canvas.pixel_mm, geometry.along_row * canvas.pixel_mm
    step = geometry.normal * scanner.thickness_mm / planes
    half = (scanner.size - 1) / 2
    corner = geometry.to_patient(np.array([index, half, half])) - step * (planes - 1) / 2
    corner = corner + down * (canvas.rows.start - (canvas.size - 1) / 2)
    corner = corner + across * (canvas.columns.start - (canvas.size - 1) / 2)
    shape = (planes, canvas.rows.stop - canvas.rows.start, canvas.columns.stop - canvas.columns.start)
    return make_points(placing.to_head(corner), placing.steps_to_head(np.stack([step, down, across])), shape)


def _average(slab: Slab, points: Points, parameters: HeadParameters) -> Field:
    """The mean over the slice's thickness, hardened, with the rays of metal."""
    flat = np.asarray(slab.hu.mean(axis=0), dtype=np.float32)
    half = points.x.shape[0] // 2
    plane = replace(points, x=points.x[half], y=points.y[half], z=points.z[half])
    harden(flat, plane, slab.cavity.depth[half], parameters.scanner.hardening)
    streak(flat, plane, parameters.scanner.streaks, parameters.seed)
    return flat


def enlarge(image: Field, size: int) -> Field:
    """A slice at the full size of its matrix, (size, size)."""
    if image.shape[0] == size:
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
