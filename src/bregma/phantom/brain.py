"""Inside the skull: folded cerebrum, ventricles, deep nuclei, brainstem, cerebellum and the water around them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from bregma.phantom.maps import Maps, sample_direction, sample_medial
from bregma.phantom.parameters import Shape
from bregma.phantom.points import Field, Points, Window, capsule, cover, ellipsoid, paint, wave
from bregma.phantom.skull import Cavity
from bregma.phantom.tissues import CT, Tissues

Knot = tuple[float, float, float, float]

FRONTAL_HORN = ((19.0, -32.0, 8.0, 3.0), (13.0, -20.0, 13.0, 4.6), (8.5, -5.0, 18.0, 4.8))
BODY = ((8.5, -5.0, 18.0, 4.8), (10.0, 12.0, 21.0, 4.6), (17.0, 28.0, 19.0, 5.2), (26.0, 40.0, 13.0, 6.6))
OCCIPITAL_HORN = ((26.0, 40.0, 13.0, 6.6), (27.0, 54.0, 8.0, 4.4), (23.0, 70.0, 5.0, 1.8))
TEMPORAL_HORN = ((26.0, 40.0, 13.0, 6.0), (32.0, 32.0, -4.0, 3.2), (34.0, 16.0, -13.0, 2.0), (31.0, 0.0, -17.0, 1.6))
FRONTAL_FLOOR = ((18.0, -31.0, 3.5, 2.2), (12.5, -19.0, 4.5, 3.0), (6.5, -5.0, 9.0, 2.8))
"""Middle lines of the lateral ventricle, left side: x, y, z and radius in head frame mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Spaces:
    """Shares of each voxel, (P, H, W) in [0, 1], and distances that bleeds need.

    Attributes:
        ventricle: share inside the ventricles.
        water: share of cerebrospinal fluid outside them, inside the skull.
        above: signed distance above the tentorium (mm); negative in the posterior fossa.
        tissue: signed distance below the surface of cerebrum, cerebellum or brainstem (mm).
        sulcal: share that subarachnoid blood takes: the water, and sulci opened to 2 mm where they are closed.
    """

    ventricle: Field
    water: Field
    above: Field
    tissue: Field
    sulcal: Field

    def put(self, window: Window, part: Spaces) -> None:
        """Take over what was found in a window, in place."""
        for field in fields(self):
            getattr(self, field.name)[window] = getattr(part, field.name)


def no_spaces(shape: tuple[int, ...]) -> Spaces:
    """Outside the skull: no water, nothing above the tentorium, no tissue."""
    empty = [np.zeros(shape, dtype=np.float32) for _ in range(5)]
    empty[3] -= 50
    return Spaces(*empty)


def paint_brain(hu: Field, points: Points, cavity: Cavity, maps: Maps, shape: Shape, tissues: Tissues = CT) -> Spaces:
    """Paint everything inside the skull, in place."""
    edge = points.edge_mm
    below = _below_tentorium(points, cavity)
    cerebrum = _cerebrum(points, cavity, maps, shape, below)
    grey = shape.grey_hu + np.float32(1.2) * cavity.grain
    white = shape.white_hu + np.float32(0.8) * cavity.grain
    solid = cover(cerebrum, edge)
    paint(hu, solid, grey)
    paint(hu, cover(cerebrum - np.float32(3.3), 2.6), white)
    back = _paint_posterior_fossa(hu, points, cavity, shape, below)
    _paint_nuclei(hu, points, shape, cerebrum)
    ventricle = _paint_ventricles(hu, points, shape)
    _paint_falx(hu, points, cavity, below, tissues)
    tissue: Field = np.maximum(cerebrum, back)
    inside = cover(cavity.depth, edge)
    water = inside * (1 - cover(tissue, edge)) * (1 - ventricle)
    sulcal = inside * cover(np.float32(1) - tissue, max(edge, 1.2)) * (1 - ventricle)
    return Spaces(ventricle, water, -below, tissue, sulcal)


def _below_tentorium(points: Points, cavity: Cavity) -> Field:
    """Signed distance into the posterior fossa (mm)."""
    ridge = points.y - np.float32(12) - np.float32(0.45) * np.abs(points.x)
    return np.asarray(np.minimum(cavity.tent - points.z, ridge * np.float32(0.9)), dtype=np.float32)


def _cerebrum(points: Points, cavity: Cavity, maps: Maps, shape: Shape, below: Field) -> Field:
    """Signed distance below the folded surface of the hemispheres (mm)."""
    sway = wave(points, (0.0, 0.19, 0.23), 0.0) + wave(points, (0.22, 0.0, -0.17), 1.0)
    swing = wave(points, (0.20, 0.0, 0.21), 2.0) + wave(points, (0.0, 0.24, -0.15), 0.0)
    column, row = cavity.column + np.float32(2.6) * sway, cavity.row + np.float32(2.6) * swing
    sulcus, reach, opened = sample_direction(maps.folds, column, row)
    gap = np.float32(0.3 + 1.7 * shape.atrophy) * opened
    surface = cavity.depth - gap
    under = cavity.vault - gap
    width = np.float32(0.05 + 1.25 * shape.atrophy) * opened
    side = np.abs(points.x)
    fissure = _fissure(points, side, shape)
    taper = width * (1 - np.float32(0.65) * np.clip(under / reach, 0, 1))
    fold = np.hypot(sulcus, np.maximum(under - reach, 0)) - taper
    distance = np.minimum(surface, fold)
    shear = points.y + np.float32(3) * sway + np.float32(0.5) * side
    moved = replace(points, y=shear, z=points.z + np.float32(3) * swing)
    line, deep, wide = sample_medial(maps, moved)
    distance = np.minimum(distance, fissure)
    inner = np.hypot(line, np.maximum(fissure - deep * np.float32(0.35), 0)) - width * wide * np.float32(0.6)
    distance = np.minimum(distance, inner)
    distance = np.minimum(distance, _sylvian(points, side, shape, opened))
    distance = np.minimum(distance, -_central_cistern(points, shape))
    return np.asarray(np.minimum(distance, -below - np.float32(0.5)), dtype=np.float32)


def _fissure(points: Points, side: Field, shape: Shape) -> Field:
    """Distance to the cleft between the hemispheres; there is none in the commissures."""
    width = np.float32(0.25 + 1.1 * shape.atrophy)
    y, z = (points.y - 5) / 40, (points.z - 5) / 22
    outside = (np.sqrt(y * y + z * z) - 1) * np.float32(24)
    return np.asarray(np.maximum(side - width, -outside), dtype=np.float32)


def _sylvian(points: Points, side: Field, shape: Shape, opened: Field) -> Field:
    """Distance to the Sylvian fissure: the cleft over the insula and its way out to the side."""
    if points.z.max() < -26 or points.z.min() > 34:
        return np.full(points.x.shape, 50, dtype=np.float32)
    width = np.float32(0.35 + 1.7 * shape.atrophy) * opened
    bend = wave(points, (0.0, 0.42, 0.3), 0.0)
    reach = np.maximum(np.abs(points.y + 3) - 20, np.abs(points.z - 4) - 12)
    insula = np.abs(side - np.float32(39.5) + np.square(points.y + 3) * np.float32(0.008) - np.float32(0.9) * bend)
    first = np.hypot(insula, np.maximum(reach, 0)) - width
    rise = points.z - (np.float32(-6) + np.float32(0.8) * (points.y + 16)) + np.float32(2) * bend
    rise += np.float32(3.5) * np.sin(side * np.float32(0.24)) - np.float32(0.3) * (side - 50)
    beyond = np.maximum(np.abs(points.y - 4) - 24, 41 - side)
    second = np.hypot(rise * np.float32(0.8), np.maximum(beyond, 0)) - width * np.float32(0.75)
    return np.asarray(np.minimum(first, second), dtype=np.float32)


def _central_cistern(points: Points, shape: Shape) -> Field:
    """Signed distance into the basal cisterns around the brainstem (mm)."""
    distance = np.full(points.x.shape, -30, dtype=np.float32)
    window = points.window((0.0, 14.0, -16.0), 38)
    if window is None:
        return distance
    part = points.part(window)
    wide = 0.85 + 0.4 * shape.atrophy
    star = np.arctan2(part.x, -(part.y - 3))
    arm = 9.8 * wide * (1 + 0.22 * np.cos(5 * star) + 0.12 * np.sin(2 * star + 1))
    first = np.minimum(arm - np.hypot(part.x, part.y - 3), 6.5 - np.abs(part.z + 18))
    second = ellipsoid(part, (0.0, 23.5, -14.0), (16.0 + 2.2 * wide, 15.5 + 2.5 * wide, 17.0))
    distance[window] = np.maximum(first, second)
    return distance


def _paint_posterior_fossa(hu: Field, points: Points, cavity: Cavity, shape: Shape, below: Field) -> Field:
    """Cerebellum and brainstem; returns the distance below their surface."""
    window = points.window((0.0, 48.0, -34.0), 70)
    tissue = np.full(points.x.shape, -50, dtype=np.float32)
    if window is None:
        return tissue
    part, edge = points.part(window), points.edge_mm
    grain = cavity.grain[window]
    side = np.abs(part.x)
    front = np.maximum(part.y - 28, np.minimum(part.y - 13.5 - 0.45 * side, side - 16))
    cerebellum = np.minimum(below[window] - 0.6, cavity.depth[window] - 1.0 - 0.8 * shape.atrophy)
    cerebellum = np.minimum(cerebellum, front)
    valley = np.hypot(part.x * 1.6, np.maximum(88 - part.y, 0) * 0.5) - 0.5 - 2.0 * shape.atrophy
    cerebellum = np.minimum(cerebellum, valley)
    shells = np.sin(np.sqrt(part.x**2 * 0.35 + (part.y - 40) ** 2 + (part.z + 26) ** 2) * 1.1 + 2.5 * grain)
    folia = shells * (0.8 + 3 * shape.atrophy) * cover(9 - cerebellum, 5.0)
    paint(hu[window], cover(cerebellum, edge), shape.grey_hu - 4.5 + folia)
    paint(hu[window], cover(cerebellum - 13, 8.0), shape.white_hu + 1.5)
    stem = np.maximum(
        ellipsoid(part, (0.0, 25.0, -12.0), (13.0, 10.5, 16.0)), ellipsoid(part, (0.0, 24.0, -31.0), (17.0, 13.0, 14.0))
    )
    for left in (-1.0, 1.0):
        stem = np.maximum(stem, ellipsoid(part, (left * 9.5, 17.5, -10.0), (6.0, 8.5, 14.0), left * 30))
    stem = np.maximum(stem, capsule(part, (0.0, 28.0, -40.0, 9.0), (0.0, 42.0, -95.0, 6.5)))
    arms = capsule(part, (0.0, 28.0, -32.0, 9.0), (24.0, 44.0, -32.0, 8.0))
    arms = np.maximum(arms, capsule(part, (0.0, 28.0, -32.0, 9.0), (-24.0, 44.0, -32.0, 8.0)))
    stem = np.maximum(stem, arms)
    paint(hu[window], cover(stem, edge), shape.white_hu + 3 + grain)
    tissue[window] = np.maximum(cerebellum, stem)
    return tissue


def _paint_nuclei(hu: Field, points: Points, shape: Shape, cerebrum: Field) -> None:
    """Thalamus, caudate and lentiform nucleus of both sides, and the corpus callosum's white."""
    pieces = (
        ((0.0, 5.0, 8.0), (14.0, 40.0, 20.0), 0.0, -0.5, False),
        ((11.0, 17.0, 8.0), (9.5, 15.5, 9.5), 25.0, -1.5, True),
        ((13.5, -17.0, 7.0), (6.0, 10.5, 10.0), 15.0, 0.0, True),
        ((15.0, 2.0, 20.0), (3.2, 20.0, 4.5), 15.0, 0.0, True),
        ((25.0, -2.0, 2.0), (7.0, 17.5, 11.0), 18.0, 0.0, True),
    )
    for centre, radii, turn, offset, grey in pieces:
        value = (shape.grey_hu if grey else shape.white_hu) + offset
        for side in (-1.0, 1.0) if grey else (1.0,):
            place = (side * centre[0], centre[1], centre[2])
            window = points.window(place, max(radii) + 2)
            if window is None:
                continue
            inside = ellipsoid(points.part(window), place, radii, -side * turn)
            paint(hu[window], cover(inside, 2.0) * cover(cerebrum[window] + 1, 1.0), value)


def _paint_ventricles(hu: Field, points: Points, shape: Shape) -> Field:
    """Lateral, third and fourth ventricles; returns their share of each voxel."""
    wide = shape.ventricles
    inside = np.full(points.x.shape, -50, dtype=np.float32)
    for side in (-1.0, 1.0):
        for line in (FRONTAL_HORN, FRONTAL_FLOOR, BODY, OCCIPITAL_HORN, TEMPORAL_HORN):
            for start, end in pairwise(line):
                _add_rod(inside, points, _place(start, side, wide), _place(end, side, wide))
    inside = np.minimum(inside, np.abs(points.x) - 1)
    halo = np.clip(1 + inside / 11, 0, 1) * np.float32(0.9 * shape.low_density) * (points.z > 2)
    paint(hu, halo * (hu < shape.white_hu + 4), min(21.0, shape.white_hu))
    for centre, radii in (
        ((0.0, 10.0, -1.0), (2.0 * wide, 19.0, 11.0)),
        ((0.0, 44.0, -31.0), (7.5 * wide**0.5, 5.5 * wide**0.5, 10.0)),
    ):
        window = points.window(centre, max(radii) + 2)
        if window is not None:
            inside[window] = np.maximum(inside[window], ellipsoid(points.part(window), centre, radii))
    share = cover(inside, points.edge_mm)
    paint(hu, share, shape.csf_hu)
    return share


def _add_rod(inside: Field, points: Points, start: Knot, end: Knot) -> None:
    """Join a tapered rod to a body given by its signed distance, in place."""
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    half = float(np.linalg.norm(np.subtract(start[:3], end[:3]))) / 2
    window = points.window(middle, half + max(start[3], end[3]) + 12)
    if window is not None:
        inside[window] = np.maximum(inside[window], capsule(points.part(window), start, end))


def _place(knot: Knot, side: float, wide: float) -> Knot:
    grow = 1 + 0.18 * (wide - 1)
    return side * knot[0] * grow, knot[1], knot[2], knot[3] * wide


def _paint_falx(hu: Field, points: Points, cavity: Cavity, below: Field, tissues: Tissues) -> None:
    """Falx, tentorium and the venous sinuses."""
    y, z = (points.y - 8) / 62, (points.z - 2) / 33
    free = np.sqrt(y * y + z * z)
    leaf = np.minimum(np.float32(0.6) - np.abs(points.x), (free - 1) * 20)
    leaf = np.minimum(leaf, np.minimum(-below, cavity.depth))
    paint(hu, cover(leaf, points.edge_mm), tissues.falx)
    notch = (np.hypot(points.x / 21, (points.y - 26) / 24) - 1) * 20
    tent = np.minimum(np.float32(0.7) - np.abs(below), np.minimum(notch, cavity.depth))
    paint(hu, cover(tent, points.edge_mm), tissues.tentorium)
    sinus = np.float32(4.5) - cavity.depth - np.abs(points.x) * np.float32(0.9)
    sinus = np.minimum(np.minimum(sinus, cavity.depth), np.where(points.y > 40, -below + 4, points.z - 25))
    cross = np.float32(4.0) - np.hypot(cavity.depth - 2, below)
    cross = np.minimum(np.minimum(cross, cavity.depth), points.y - 40)
    paint(hu, cover(np.maximum(sinus, cross), points.edge_mm), tissues.sinus)
