"""Outside the brain: scalp, skull, its base and its air, the orbits and the face."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bregma.phantom.maps import Maps, directions, sample_base, sample_direction, sample_grain
from bregma.phantom.parameters import Shape
from bregma.phantom.points import Field, Points, Window, cover, ellipsoid, paint
from bregma.phantom.tissues import CT, Tissues

PETROUS = 1500.0
"""HU of the densest bone there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Cavity:
    """Where a slab's voxels lie against the skull, all (P, H, W) in mm.

    Attributes:
        depth: below the inner table of vault and base, positive inside.
        vault: the same against the vault alone.
        column: column in the textures by direction.
        row: row in the textures by direction.
        suture: distance to the nearest suture.
        skull: thickness of the vault.
        scalp: thickness of the scalp.
        floor: height above the floor of the skull.
        floor_mm: thickness of that floor.
        tent: height of the tentorium, were it there.
        grain: smooth noise of unit deviation.
    """

    depth: Field
    vault: Field
    column: Field
    row: Field
    suture: Field
    skull: Field
    scalp: Field
    floor: Field
    floor_mm: Field
    tent: Field
    grain: Field

    def part(self, window: Window) -> Cavity:
        """The same measures, cut to a window (views)."""
        return Cavity(**{field.name: getattr(self, field.name)[window] for field in fields(self)})


def find_cavity(maps: Maps, points: Points) -> Cavity:
    """Measure every voxel against the inner table."""
    radius, column, row = directions(points)
    inner, skull, scalp, suture = sample_direction(maps.shell, column, row)
    floor_z, floor_mm, tent, grain = sample_base(maps, points)
    vault = (inner - radius) * np.float32(0.96)
    floor = points.z - floor_z
    depth = np.minimum(vault, floor * np.float32(0.85))
    return Cavity(depth, vault, column, row, suture, skull, scalp, floor, floor_mm, tent, grain)


def paint_head(points: Points, cavity: Cavity, maps: Maps, shape: Shape, tissues: Tissues = CT) -> Field:
    """Air, scalp, face and skull; the cavity is left as cerebrospinal fluid."""
    hu = np.full(points.x.shape, tissues.air, dtype=np.float32)
    edge = points.edge_mm
    outside = _outside(points, cavity)
    low = np.clip((-points.z - 12) / 20, 0, 1) * np.clip((cavity.floor + 60) / 30, 0, 1)
    paint(hu, cover(outside, edge), tissues.skin)
    paint(hu, cover(outside - np.float32(2.5), edge), tissues.fat)
    if low.any():
        grain = sample_grain(maps, points, 2.6)
        planes = np.abs(sample_grain(maps, points, 1.5))
        meat = np.clip((grain + 1.0) * 3, 0, 1) * np.clip((planes - 0.06) * 8, 0.25, 1)
        meat *= low * cover(outside - 6 - 2 * grain, 4.0)
        paint(hu, meat, tissues.muscle)
    _paint_temporal_muscle(hu, points, cavity, tissues)
    _paint_face(hu, points, cavity, shape, tissues)
    _paint_vault(hu, points, cavity, shape, tissues)
    paint(hu, cover(cavity.depth, edge), shape.csf_hu)
    return hu


def _outside(points: Points, cavity: Cavity) -> Field:
    """Depth below the skin."""
    vault = cavity.vault + cavity.skull + cavity.scalp
    if points.z.min() > -8:
        return vault
    upper = vault - np.maximum(np.float32(-30) - points.z, 0) * np.float32(1.2)
    face = ellipsoid(points, (0.0, -26.0, -62.0), (69.0, 64.0, 72.0))
    neck = ellipsoid(points, (0.0, 36.0, -90.0), (68.0, 72.0, 80.0))
    nose = ellipsoid(points, (0.0, -90.0, -58.0), (13.0, 17.0, 24.0))
    return np.maximum(_blend(_blend(upper, face), neck), nose)


def _blend(first: Field, second: Field, reach_mm: float = 14.0) -> Field:
    """Union of two bodies with a rounded seam."""
    near = np.maximum(np.float32(reach_mm) - np.abs(first - second), 0)
    return np.asarray(np.maximum(first, second) + near * near * np.float32(1 / (4 * reach_mm)), dtype=np.float32)


def _paint_temporal_muscle(hu: Field, points: Points, cavity: Cavity, tissues: Tissues) -> None:
    """The temporal muscle, a flat lens in the scalp above the ear."""
    place = ((points.y + 18) / 42) ** 2 + ((points.z + 8) / 38) ** 2
    thick = np.float32(9.0) * np.clip(1 - place, 0, 1)
    above = -cavity.vault - cavity.skull
    share = cover(np.minimum(above, thick - above), points.edge_mm)
    share *= (np.abs(points.x) > 25) & (thick > 0.5)
    paint(hu, share, tissues.muscle)


def _paint_vault(hu: Field, points: Points, cavity: Cavity, shape: Shape, tissues: Tissues) -> None:
    """Outer table, diploe and inner table of the vault, and the plate of the base."""
    edge = points.edge_mm
    above = -cavity.vault
    bone = np.minimum(above, cavity.skull - above)
    seam = cover(np.float32(0.5) - cavity.suture, edge) * np.float32(0.6)
    marrow = tissues.diploe + 90 * tissues.bone_scale * cavity.grain
    density = tissues.cortical - (tissues.cortical - marrow) * cover(bone - np.float32(1.7), 1.2)
    low = cover(cavity.floor + cavity.floor_mm, edge)
    paint(hu, cover(bone, edge) * low * (1 - seam), density)
    if shape.sinus_air > 0.1 and points.y.min() < -60:
        flat = np.hypot(points.x / (10 + 22 * shape.sinus_air), (points.z + 8) / (8 + 12 * shape.sinus_air))
        sinus = np.minimum((1 - flat) * 14, bone - np.float32(1.6)) - np.clip(points.y + 50, 0, 50)
        sinus = np.minimum(sinus, np.abs(points.x - 2) - np.float32(0.6))
        paint(hu, cover(sinus, edge), tissues.air)
    below = -cavity.floor
    plate = np.minimum(np.minimum(below, cavity.floor_mm - below), cavity.vault + np.float32(3))
    if plate.max() > -edge:
        solid = np.clip(380 + 180 * cavity.grain + 55 * cavity.floor_mm, 300, PETROUS + 200)
        paint(hu, cover(plate, edge), tissues.bone_level + np.float32(tissues.bone_scale) * solid)


def _paint_face(hu: Field, points: Points, cavity: Cavity, shape: Shape, tissues: Tissues) -> None:
    """Orbits, nose, jaw bones and the air of the sinuses."""
    for side in (-1.0, 1.0):
        _paint_orbit(hu, points, side, tissues)
        _blob(hu, points, (side * 30, -52, -64), (14, 17, 17), tissues.bone(600.0))
        _blob(hu, points, (side * 30, -52, -64), (12.5, 15, 15.5), tissues.air)
        _blob(hu, points, (side * 54, -36, -55), (4, 24, 5), tissues.bone(800.0))
        _paint_ethmoid(hu, points, cavity, side, tissues)
        _paint_mastoid(hu, points, cavity, side, shape, tissues)
    _blob(hu, points, (0, -58, -62), (11, 26, 17), tissues.muscle)
    for side in (-1.0, 1.0):
        _blob(hu, points, (side * 5, -56, -62), (3.2, 26, 15), tissues.air)
    _blob(hu, points, (0, -16, -38), (13, 14, 9), tissues.bone(700.0))
    _blob(hu, points, (0, -17, -38), (11.5, 12, 7.5), tissues.air)
    _blob(hu, points, (0, -5, -75), (14, 10, 22), tissues.air)


def _paint_ethmoid(hu: Field, points: Points, cavity: Cavity, side: float, tissues: Tissues) -> None:
    """Air cells between the orbits, with thin walls."""
    window = points.window((side * 6, -48, -39), 30)
    if window is None:
        return
    part, grain = points.part(window), cavity.grain[window]
    cells = ellipsoid(part, (side * 6.5, -48, -39), (7.5, 25, 13))
    paint(hu[window], cover(cells, points.edge_mm), tissues.bone(600.0))
    walls = np.sin(part.y * 0.62 + 2.5 * grain) + 0.5 * np.sin(part.z * 0.7 + part.x * 0.5)
    paint(hu[window], cover(np.minimum(cells - 0.8, (1.15 - walls) * 1.2), points.edge_mm), tissues.air)


def _paint_orbit(hu: Field, points: Points, side: float, tissues: Tissues) -> None:
    _blob(hu, points, (side * 30, -46, -36), (18.3, 29, 15.8), tissues.bone(600.0), turn=-side * 18)
    _blob(hu, points, (side * 31, -49, -36), (17.0, 29, 14.7), tissues.fat, turn=-side * 18)
    _blob(hu, points, (side * 28, -44, -37), (2.0, 24, 2.0), tissues.nerve, turn=-side * 22)
    for bend in (-9.0, 9.0):
        _blob(hu, points, (side * 29 + bend, -44, -37), (1.8, 18, 4), tissues.eye_muscle, turn=-side * 18 + bend)
    _blob(hu, points, (side * 33, -65, -37), (12.3, 12.3, 12.3), tissues.sclera)
    _blob(hu, points, (side * 33, -65, -37), (11.2, 11.2, 11.2), tissues.vitreous)
    _blob(hu, points, (side * 33, -74.0, -37), (4.6, 2.0, 4.6), tissues.lens)
    _blob(hu, points, (side * 76, 26, -40), (3.5, 11, 18), tissues.skin + 25, turn=side * 25)


def _paint_mastoid(hu: Field, points: Points, cavity: Cavity, side: float, shape: Shape, tissues: Tissues) -> None:
    """Petrous bone with its air cells, and the ear canal."""
    window = points.window((side * 52, 38, -42), 36)
    if window is None:
        return
    part, grain = points.part(window), cavity.grain[window]
    bone = ellipsoid(part, (side * 53, 37, -42), (12, 19, 20), -side * 20)
    paint(hu[window], cover(bone + 1.5 * grain, points.edge_mm), tissues.bone(800.0))
    phase = np.sin(part.x * 1.1 + 3 * grain) + np.sin(part.y * 0.9 + part.z * 0.4) + np.sin(part.z * 0.9 - 2 * grain)
    cells = cover(np.minimum(bone - 2.5, (phase - 1.6 + 2.4 * shape.sinus_air) * 1.3), points.edge_mm)
    paint(hu[window], cells * np.float32(0.85), tissues.air)
    canal = np.minimum(
        3.5 - np.hypot(part.y - 20 - 0.3 * (np.abs(part.x) - 60), part.z + 38), 14 - np.abs(part.x - side * 66)
    )
    paint(hu[window], cover(canal, points.edge_mm), tissues.air)


def _blob(
    hu: Field,
    points: Points,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    value: float,
    turn: float = 0.0,
) -> None:
    """Paint an ellipsoid of one density where the slab meets it."""
    window = points.window(centre, max(radii) + 1)
    if window is not None:
        share = cover(ellipsoid(points.part(window), centre, radii, turn), points.edge_mm)
        paint(hu[window], share, value)
