"""One scan with tumours from its parameters: T1c-like values, a numbered map and every label.

The types are those of the retrieval paper (Tumour retrieval via multitask learning, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.phantom.image import enlarge, lay_planes, make_canvas
from bregma.phantom.maps import Maps, make_maps
from bregma.phantom.placing import MIDDLE, Placing, make_geometry, placing_of
from bregma.phantom.points import Field
from bregma.phantom.tumour_areas import area_of, find_areas
from bregma.phantom.tumour_parameters import DrawnTumour, MrLook, TumourHead
from bregma.phantom.tumour_sample import tumour_parameters
from bregma.phantom.tumour_slab import draw_tumour_slab
from bregma.scan.tumour import TumourMap, TumourScan, tumours_of_map
from bregma.scan.volume import Geometry, Volume

__all__ = ["DrawnTumour", "MrLook", "TumourHead", "draw_tumours", "tumour_parameters"]

SEEN_SHARE = 0.42
"""A voxel belongs to a tumour when this share of it is tumour, as for bleeds."""

BLUR_MM = 0.55
"""Deviation of the scanner's point spread in the plane."""


@dataclass(frozen=True, slots=True)
class _Truth:
    """What is known of the slices drawn so far, (D, H, W): the number of the tumour as drawn, and the area."""

    numbers: TumourMap
    areas: NDArray[np.uint8]


def draw_tumours(parameters: TumourHead) -> TumourScan:
    """Draw one scan; the same parameters give the same bytes.

    A tumour that no slice meets is not in the map, and numbers go on without a gap. Labels are those of what is seen:
    the area that holds most of it, and the side, depth and height of its middle against the middle of the head.
    """
    geometry = make_geometry(parameters.scanner)
    placing, maps = placing_of(parameters.pose, parameters.shape), make_maps(parameters.shape)
    rng = np.random.default_rng(parameters.seed)
    values = np.empty(geometry.shape, dtype=np.int16)
    truth = _Truth(np.zeros(geometry.shape, dtype=np.uint8), np.zeros(geometry.shape, dtype=np.uint8))
    for index in range(geometry.slices):
        signal = _draw_slice(parameters, maps, placing, geometry, index, truth)
        values[index] = _scanned(signal, parameters.look, geometry, index, rng)
    drawn = [int(number) for number in np.unique(truth.numbers) if number]
    numbers = np.zeros(len(parameters.tumours) + 1, dtype=np.uint8)
    numbers[drawn] = np.arange(1, len(drawn) + 1)
    labels = {int(numbers[number]): _labels(parameters, truth, geometry, placing, number) for number in drawn}
    return TumourScan(
        series_uid=parameters.uid("series"),
        patient=parameters.patient,
        volume=Volume(values, geometry),
        map=numbers[truth.numbers],
        tumours=tumours_of_map(numbers[truth.numbers], labels),
        date=parameters.date,
    )


def _draw_slice(
    parameters: TumourHead, maps: Maps, placing: Placing, geometry: Geometry, index: int, truth: _Truth
) -> Field:
    """(H, W) brightness of a slice without bias and noise; the truth of it is put into `truth`."""
    scanner = parameters.scanner
    canvas = make_canvas(scanner, placing, geometry, index)
    points = lay_planes(scanner, canvas, placing, geometry, index)
    slab = draw_tumour_slab(parameters, maps, points)
    half, size = points.x.shape[0] // 2, (scanner.size, scanner.size)
    areas = np.zeros((canvas.size, canvas.size), dtype=np.uint8)
    areas[canvas.rows, canvas.columns] = find_areas(slab, points, half)
    truth.areas[index] = cv2.resize(areas, size, interpolation=cv2.INTER_NEAREST)
    for number, share in enumerate(slab.tumours, start=1):
        if share.any():
            whole = enlarge(canvas.put(share.mean(axis=0), 0.0), scanner.size)
            truth.numbers[index][whole > SEEN_SHARE] = number
    flat = canvas.put(np.asarray(slab.signal.mean(axis=0), dtype=np.float32), 0.0)
    soft = cv2.GaussianBlur(flat, (0, 0), max(BLUR_MM / canvas.pixel_mm, 0.3))
    return enlarge(np.asarray(soft, dtype=np.float32), scanner.size)


def _scanned(
    signal: Field, look: MrLook, geometry: Geometry, index: int, rng: np.random.Generator
) -> NDArray[np.int16]:
    """(H, W) stored values: brighter towards the coil, and the magnitude of two noisy channels (Gudbjartsson 1995)."""
    rows, columns = geometry.rows, geometry.columns
    down = (np.arange(rows, dtype=np.float32)[:, None] - rows / 2) * np.float32(geometry.pixel_mm[0] / 100)
    across = (np.arange(columns, dtype=np.float32)[None, :] - columns / 2) * np.float32(geometry.pixel_mm[1] / 100)
    up = float(geometry.origins[index, 2]) / 100
    x, y, z = look.bias_direction
    towards = across * np.float32(x) + down * np.float32(y) + np.float32(up * z)
    lit = np.maximum(signal, 0) * np.exp(np.float32(look.bias) * np.sin(towards * np.float32(1.6)))
    real, imaginary = (rng.standard_normal(signal.shape, dtype=np.float32) * np.float32(look.noise) for _ in range(2))
    magnitude = np.hypot(lit + real, imaginary) * np.float32(look.gain)
    return np.asarray(np.clip(np.rint(magnitude), 0, 32767), dtype=np.int16)


def _labels(parameters: TumourHead, truth: _Truth, geometry: Geometry, placing: Placing, number: int) -> dict[str, str]:
    """Criterion -> term of a drawn tumour, without what nobody states."""
    tumour = parameters.tumours[number - 1]
    inside = truth.numbers == number
    index = np.argwhere(inside).astype(np.float64)
    x, y, z = placing.to_head(geometry.to_patient(index)).mean(axis=0)
    area = "cerebellopontine angle" if tumour.kind == "schwannoma" else area_of(truth.areas[inside])
    labels = {
        "type": tumour.kind,
        "side": "left" if x > 0 else "right",
        "depth": "front" if y < MIDDLE[1] else "rear",
        "height": "upper" if z > MIDDLE[2] else "lower",
    } | ({"area": area} if area else {})
    return {criterion: name for criterion, name in labels.items() if (number, criterion) not in parameters.unsaid}
