"""Inside the skull: folded cerebrum, ventricles, deep nuclei, brainstem, cerebellum and the water around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.phantom.maps import Maps, sample_direction, sample_medial
from bregma.phantom.parameters import Shape
from bregma.phantom.points import Field, Points, capsule, cover, ellipsoid, paint
from bregma.phantom.skull import Cavity

FRONTAL_HORN = ((19.0, -32.0, 8.0, 3.0), (13.0, -20.0, 13.0, 4.6), (8.5, -5.0, 18.0, 4.8))
BODY = ((8.5, -5.0, 18.0, 4.8), (10.0, 12.0, 21.0, 4.6), (17.0, 28.0, 19.0, 5.2), (26.0, 40.0, 13.0, 6.6))
OCCIPITAL_HORN = ((26.0, 40.0, 13.0, 6.6), (27.0, 54.0, 8.0, 4.4), (23.0, 70.0, 5.0, 1.8))
TEMPORAL_HORN = ((26.0, 40.0, 13.0, 6.0), (32.0, 32.0, -4.0, 3.2), (34.0, 16.0, -13.0, 2.0), (31.0, 0.0, -17.0, 1.6))
"""Middle lines of the lateral ventricle, left side: x, y, z and radius in head frame mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Spaces:
    """Shares of each voxel, (P, H, W) in [0, 1], and distances that bleeds need.

    Attributes:
        ventricle: share inside the ventricles.
        water: share of cerebrospinal fluid outside them, inside the skull.
        above: signed distance above the tentorium (mm); negative in the posterior fossa.
        tissue: signed distance below the surface of cerebrum, cerebellum or brainstem (mm).
    """

    ventricle: Field
    water: Field
    above: Field
    tissue: Field


def paint_brain(hu: Field, points: Points, cavity: Cavity, maps: Maps, shape: Shape) -> Spaces:
    """Paint everything inside the skull, in place."""
    edge = points.edge_mm
    below = _below_tentorium(points, cavity)
    cerebrum = _cerebrum(points, cavity, maps, shape, below)
    grey = shape.grey_hu + np.float32(1.2) * cavity.grain
    white = shape.white_hu + np.float32(0.8) * cavity.grain
    solid = cover(cerebrum, edge)
    paint(hu, solid, grey)
    paint(hu, cover(cerebrum - np.float32(3.3), 1.6), white)
    back = _paint_posterior_fossa(hu, points, cavity, shape, below)
    _paint_nuclei(hu, points, shape, cerebrum)
    ventricle = _paint_ventricles(hu, points, shape)
    _paint_falx(hu, points, cavity, below, maps)
    tissue = np.maximum(cerebrum, back)
    inside = cover(cavity.depth, edge)
    water = inside * (1 - cover(tissue, edge)) * (1 - ventricle)
    return Spaces(ventricle, water, -below, tissue)


def _below_tentorium(points: Points, cavity: Cavity) -> Field:
    """Signed distance into the posterior fossa (mm)."""
    ridge = points.y - np.float32(12) - np.float32(0.45) * np.abs(points.x)
    return np.minimum(cavity.tent - points.z, ridge * np.float32(0.9))


def _cerebrum(points: Points, cavity: Cavity, maps: Maps, shape: Shape, below: Field) -> Field:
    """Signed distance below the folded surface of the hemispheres (mm)."""
    gap = np.float32(1.0 + 2.5 * shape.atrophy)
    surface = cavity.depth - gap
    sulcus, reach = sample_direction(maps.folds, cavity.column, cavity.row)
    width = np.float32(0.25 + 1.3 * shape.atrophy)
    side = np.abs(points.x)
    fissure = _fissure(points, side, shape)
    taper = width * (1 - np.float32(0.6) * np.clip(surface / reach, 0, 1))
    fold = np.hypot(sulcus, np.maximum(surface - reach, 0)) - taper
    distance = np.minimum(surface, fold)
    line, deep = sample_medial(maps, points)
    distance = np.minimum(distance, fissure)
    distance = np.minimum(distance, np.hypot(line, np.maximum(fissure - deep * np.float32(0.8), 0)) - taper)
    distance = np.minimum(distance, _sylvian(points, side, shape))
    distance = np.minimum(distance, -_central_cistern(points, shape))
    return np.minimum(distance, -below - np.float32(1.2))


def _fissure(points: Points, side: Field, shape: Shape) -> Field:
    """Distance to the cleft between the hemispheres; there is none in the commissures."""
    width = np.float32(0.9 + 1.6 * shape.atrophy)
    y, z = (points.y - 5) / 40, (points.z - 5) / 22
    outside = (np.sqrt(y * y + z * z) - 1) * np.float32(24)
    return np.maximum(side - width, -outside)


def _sylvian(points: Points, side: Field, shape: Shape) -> Field:
    """Distance to the Sylvian fissure: the cleft over the insula and its way out to the side."""
    width = np.float32(0.8 + 2.0 * shape.atrophy)
    reach = np.maximum(np.abs(points.y + 3) - 21, np.abs(points.z - 4) - 13)
    insula = np.abs(side - np.float32(39.5) + np.square(points.y + 3) * np.float32(0.006))
    first = np.hypot(insula, np.maximum(reach, 0)) - width
    rise = points.z - (np.float32(-5) + np.float32(0.38) * (points.y + 20))
    beyond = np.maximum(np.abs(points.y - 5) - 30, 38 - side)
    second = np.hypot(rise, np.maximum(beyond, 0)) - width * np.float32(1.2)
    return np.minimum(first, second)


def _central_cistern(points: Points, shape: Shape) -> Field:
    """Signed distance into the basal cisterns around the brainstem (mm)."""
    wide = np.float32(1 + 0.25 * (shape.atrophy - 0.4))
    star = np.arctan2(points.x, -(points.y - 2))
    arm = np.float32(15.0) * wide * (1 + np.float32(0.22) * np.cos(5 * star))
    flat = arm - np.hypot(points.x, points.y - 2)
    first = np.minimum(flat, 8 - np.abs(points.z + 18))
    second = ellipsoid(points, (0.0, 24.0, -16.0), (20.5 * float(wide), 18.5 * float(wide), 17.0))
    return np.maximum(first, second)


def _paint_posterior_fossa(hu: Field, points: Points, cavity: Cavity, shape: Shape, below: Field) -> Field:
    """Cerebellum and brainstem; returns the distance below their surface."""
    window = points.window((0.0, 48.0, -34.0), 70)
    tissue = np.full(points.x.shape, -50, dtype=np.float32)
    if window is None:
        return tissue
    part, edge = points.part(window), points.edge_mm
    grain = cavity.grain[window]
    cerebellum = ellipsoid(part, (0.0, 63.0, -32.0), (55.0, 34.0, 30.0))
    cerebellum = np.minimum(cerebellum, np.minimum(below[window] - 1.5, cavity.depth[window] - 1.5))
    valley = np.hypot(part.x, np.maximum(78 - part.y, 0) * 0.5) - 2.0 - 2.0 * shape.atrophy
    cerebellum = np.minimum(cerebellum, valley)
    shells = np.sin(np.sqrt(part.x**2 * 0.35 + (part.y - 40) ** 2 + (part.z + 26) ** 2) * 1.25 + grain)
    folia = shells * (1.5 + 4 * shape.atrophy) * cover(9 - cerebellum, 5.0)
    paint(hu[window], cover(cerebellum, edge), shape.grey_hu - 1.5 + folia)
    paint(hu[window], cover(cerebellum - 13, 8.0), shape.white_hu + 3)
    stem = np.maximum(
        ellipsoid(part, (0.0, 22.0, -12.0), (15.5, 12.5, 16.0)), ellipsoid(part, (0.0, 24.0, -31.0), (17.0, 13.0, 14.0))
    )
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
    share = np.zeros(points.x.shape, dtype=np.float32)
    wide = shape.ventricles
    window = points.window((0.0, 18.0, 5.0), 62)
    if window is not None:
        part = points.part(window)
        lateral = np.full(part.x.shape, -50, dtype=np.float32)
        for side in (-1.0, 1.0):
            for line in (FRONTAL_HORN, BODY, OCCIPITAL_HORN, TEMPORAL_HORN):
                for start, end in zip(line[:-1], line[1:], strict=True):
                    lateral = np.maximum(lateral, capsule(part, _place(start, side, wide), _place(end, side, wide)))
        lateral = np.minimum(lateral, np.abs(part.x) - 1.0)
        third = ellipsoid(part, (0.0, 10.0, -1.0), (2.0 * wide, 19.0, 11.0))
        share[window] = cover(np.maximum(lateral, third), points.edge_mm)
    window = points.window((0.0, 45.0, -31.0), 14)
    if window is not None:
        fourth = ellipsoid(points.part(window), (0.0, 44.0, -31.0), (7.5 * wide**0.5, 5.5 * wide**0.5, 10.0))
        share[window] = np.maximum(share[window], cover(fourth, points.edge_mm))
    paint(hu, share, np.float32(shape.csf_hu))
    return share


def _place(knot: tuple[float, float, float, float], side: float, wide: float) -> tuple[float, ...]:
    grow = 1 + 0.18 * (wide - 1)
    return side * knot[0] * grow, knot[1], knot[2], knot[3] * wide


def _paint_falx(hu: Field, points: Points, cavity: Cavity, below: Field, maps: Maps) -> None:
    """Falx, tentorium and the venous sinuses."""
    y, z = (points.y - 8) / 62, (points.z - 2) / 33
    free = np.sqrt(y * y + z * z)
    leaf = np.minimum(np.float32(0.7) - np.abs(points.x), (free - 1) * 20)
    leaf = np.minimum(leaf, np.minimum(-below, cavity.depth))
    paint(hu, cover(leaf, points.edge_mm), 48.0)
    notch = (np.hypot(points.x / 21, (points.y - 26) / 24) - 1) * 20
    tent = np.minimum(np.float32(0.7) - np.abs(below), np.minimum(notch, cavity.depth))
    paint(hu, cover(tent, points.edge_mm), 48.0)
    sinus = np.float32(4.5) - cavity.depth - np.abs(points.x) * np.float32(0.9)
    sinus = np.minimum(np.minimum(sinus, cavity.depth), np.where(points.y > 40, -below + 4, points.z - 25))
    cross = np.float32(4.0) - np.hypot(cavity.depth - 2, below)
    cross = np.minimum(np.minimum(cross, cavity.depth), points.y - 40)
    paint(hu, cover(np.maximum(sinus, cross), points.edge_mm), 52.0)
