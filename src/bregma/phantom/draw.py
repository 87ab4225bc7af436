"""One head from its parameters: Hounsfield units, and the truth that goes with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.phantom.bleeds import fill, find_level, order
from bregma.phantom.brain import Spaces, paint_brain
from bregma.phantom.looks import paint_edema, paint_look_alikes, push
from bregma.phantom.maps import Maps, make_maps
from bregma.phantom.parameters import Bleed, HeadParameters
from bregma.phantom.placing import Placing, make_geometry, make_placing
from bregma.phantom.points import Field, Points, make_points, paint
from bregma.phantom.regions import find_regions
from bregma.phantom.scanning import KERNELS, blur, draw_table, harden, make_noise
from bregma.phantom.skull import Cavity, find_cavity, paint_head
from bregma.phantom.truth import make_labels, slice_uids
from bregma.scan.labels import Label
from bregma.scan.regions import Mask
from bregma.scan.terms import SUBTYPES
from bregma.scan.volume import Geometry, Volume

SEEN_SHARE = 0.42
"""A pixel belongs to a bleed when this share of it is blood."""

LEAST_MM2 = 6.0
"""Blood that covers less than this in a slice is not drawn into the truth of that slice: nobody would see it."""


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A drawn scan and its truth.

    Attributes:
        volume: int16 HU and where they lie.
        masks: (D, H, W) by subtype, all five, empty where there is none.
        regions: (D, H, W) index into scan.terms.ANATOMY + 1, 0 where there is none.
        labels: six findings of the scan and of every slice, and two for every lesion; source "phantom".
        parameters: what it was drawn from.
    """

    volume: Volume
    masks: dict[str, Mask]
    regions: NDArray[np.uint8]
    labels: tuple[Label, ...]
    parameters: HeadParameters

    @property
    def geometry(self) -> Geometry:
        """Where the slices lie; a phantom always knows."""
        if self.volume.geometry is None:
            raise AssertionError("a phantom was made without geometry")
        return self.volume.geometry

    @property
    def series_uid(self) -> str:
        """Series Instance UID, from the parameters alone."""
        return self.parameters.uid("series")

    @property
    def slice_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs, foot to head."""
        return slice_uids(self.parameters)

    def to_patient(self, head_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS mm of (..., 3) landmarks in head frame mm."""
        return make_placing(self.parameters).to_patient(head_mm)


@dataclass(frozen=True, slots=True, eq=False)
class _Slab:
    hu: Field
    cavity: Cavity
    spaces: Spaces
    blood: list[Field]


def draw(parameters: HeadParameters) -> Phantom:
    """Draw one head; the same parameters give the same bytes."""
    scanner = parameters.scanner
    geometry = make_geometry(scanner)
    maps = make_maps(parameters.shape)
    placing = make_placing(parameters)
    levels = _find_levels(parameters, maps, placing)
    rng = np.random.default_rng(parameters.seed)
    values = np.empty(geometry.shape, dtype=np.int16)
    regions = np.zeros(geometry.shape, dtype=np.uint8)
    bleeds = np.zeros((len(parameters.bleeds), *geometry.shape), dtype=bool)
    for index in range(geometry.slices):
        hu, shares, regions[index] = _draw_slice(parameters, maps, placing, geometry, index, levels)
        hu += make_noise(
            rng, scanner.size, KERNELS[scanner.kernel], geometry.pixel_mm[0], _noise_hu(scanner.noise_hu, hu)
        )
        values[index] = np.clip(np.rint(hu), -1024, 3071)
        for k, share in enumerate(shares):
            seen = share > SEEN_SHARE
            bleeds[:k, index] &= ~seen
            bleeds[k, index] = seen
        too_small = bleeds[:, index].sum(axis=(1, 2)) * geometry.pixel_mm[0] ** 2 < LEAST_MM2
        bleeds[too_small, index] = False
    masks = {
        name: _any_of(bleeds, [k for k, bleed in enumerate(parameters.bleeds) if bleed.subtype == name])
        for name in SUBTYPES
    }
    labels = make_labels(parameters, masks, bleeds)
    return Phantom(Volume(values, geometry), masks, regions, labels, parameters)


def _noise_hu(sigma: float, hu: Field) -> float:
    """Noise of a slice: more where the path through bone is long."""
    return sigma * (0.75 + 3.0 * min(float((hu > 300).mean()), 0.12))


def _any_of(bleeds: NDArray[np.bool_], which: list[int]) -> Mask:
    return np.asarray(bleeds[which].any(axis=0), dtype=bool)


def _draw_slab(parameters: HeadParameters, maps: Maps, points: Points, levels: list[float]) -> _Slab:
    """Everything on a few planes, bleeds up to their levels."""
    shape = parameters.shape
    cavity = find_cavity(maps, points)
    hu = paint_head(points, cavity, maps, shape)
    pushed = push(points, parameters.bleeds)
    spaces = paint_brain(hu, pushed, cavity, maps, shape)
    paint_look_alikes(hu, pushed, cavity, spaces, parameters)
    blood = []
    for bleed, level in zip(parameters.bleeds, levels, strict=True):
        order_mm, share = order(points, cavity, spaces, bleed)
        part = fill(order_mm, share, level, points.edge_mm)
        paint_edema(hu, order_mm, level, spaces, bleed)
        paint(hu, part, _density(points, cavity, bleed))
        blood.append(part)
    return _Slab(hu, cavity, spaces, blood)


def _density(points: Points, cavity: Cavity, bleed: Bleed) -> Field:
    """HU of the blood: denser towards the back when it has settled."""
    sink = np.clip((points.y - np.float32(bleed.centre[1])) / 25, -1, 1)
    density: Field = np.float32(bleed.hu) * (1 + np.float32(0.3 * bleed.layered) * sink)
    density += np.float32(2.5) * cavity.grain
    return density


def _find_levels(parameters: HeadParameters, maps: Maps, placing: Placing) -> list[float]:
    """Up to which level each bleed fills, measured on a coarse grid over the whole head."""
    if not parameters.bleeds:
        return []
    step = np.array([2.5, 2.0, 2.0])
    steps = np.diag(1 / placing.scale)[[2, 1, 0]] * step[:, None]
    low = np.array([-80.0, -80.0, -72.0])
    shape = (
        int(158 * placing.scale[2] / step[0]),
        int(190 * placing.scale[1] / step[1]),
        int(160 * placing.scale[0] / 2),
    )
    points = make_points(low, steps, shape)
    bare = replace(parameters, bleeds=())
    slab = _draw_slab(bare, maps, push(points, parameters.bleeds), [])
    voxel_ml = float(np.prod(step)) / 1000
    return [
        find_level(*order(points, slab.cavity, slab.spaces, bleed), voxel_ml, bleed.volume_ml)
        for bleed in parameters.bleeds
    ]


def _draw_slice(
    parameters: HeadParameters, maps: Maps, placing: Placing, geometry: Geometry, index: int, levels: list[float]
) -> tuple[Field, list[Field], NDArray[np.uint8]]:
    """One slice at full size: HU without noise, share of each bleed, regions."""
    scanner = parameters.scanner
    coarse = scanner.size // 2 if scanner.size >= 384 else scanner.size
    pixel = scanner.field_of_view_mm / coarse
    planes = max(1, min(3, round(scanner.thickness_mm / 1.7)))
    rows, columns = _box(parameters, placing, coarse, pixel)
    down, across = geometry.along_column * pixel, geometry.along_row * pixel
    step = geometry.normal * scanner.thickness_mm / planes
    middle = geometry.to_patient(np.array([index, (scanner.size - 1) / 2, (scanner.size - 1) / 2]))
    corner = middle - step * (planes - 1) / 2 + down * (rows.start - (coarse - 1) / 2)
    corner = corner + across * (columns.start - (coarse - 1) / 2)
    steps = placing.steps_to_head(np.stack([step, down, across]))
    shape = (planes, rows.stop - rows.start, columns.stop - columns.start)
    points = make_points(placing.to_head(corner), steps, shape)
    slab = _draw_slab(parameters, maps, points, levels)
    flat = np.full((coarse, coarse), -1000, dtype=np.float32)
    kernel = KERNELS[scanner.kernel]
    inside = slab.hu.mean(axis=0)
    half = planes // 2
    here = replace(points, x=points.x[half], y=points.y[half], z=points.z[half])
    harden(inside, here, slab.cavity.depth[half], scanner.hardening)
    flat[rows, columns] = inside
    if scanner.table:
        draw_table(flat, scanner, parameters.pose.shift_mm[1] + 104 * parameters.shape.scale[1])
    regions = np.zeros((coarse, coarse), dtype=np.uint8)
    regions[rows, columns] = find_regions(slab.hu, points, slab.cavity, slab.spaces, planes // 2)
    shares = [_enlarge(_put(part.mean(axis=0), coarse, rows, columns), scanner.size) for part in slab.blood]
    full = _enlarge(blur(flat, kernel, pixel), scanner.size)
    return full, shares, cv2.resize(regions, (scanner.size, scanner.size), interpolation=cv2.INTER_NEAREST)


def _box(parameters: HeadParameters, placing: Placing, size: int, pixel: float) -> tuple[slice, slice]:
    """Rows and columns that the head can touch."""
    x, y, _ = placing.to_patient(np.array([0.0, 16.0, 11.0]))
    half_x, half_y = 96 * placing.scale[0], 122 * placing.scale[1]
    spans = []
    for place, half in ((y, half_y), (x, half_x)):
        low = int(np.floor((place - half) / pixel + (size - 1) / 2))
        high = int(np.ceil((place + half) / pixel + (size - 1) / 2))
        spans.append(slice(max(low, 0), min(high, size)))
    return spans[0], spans[1]


def _put(part: Field, size: int, rows: slice, columns: slice) -> Field:
    whole = np.zeros((size, size), dtype=np.float32)
    whole[rows, columns] = part
    return whole


def _enlarge(image: Field, size: int) -> Field:
    if image.shape[0] == size:
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
