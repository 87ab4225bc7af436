"""Dense things that are no bleed, swelling around a clot, and the push that a bleed gives the brain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bregma.phantom.brain import Spaces
from bregma.phantom.parameters import Bleed, LookAlikes
from bregma.phantom.points import Field, Points, capsule, cover, ellipsoid, paint
from bregma.phantom.skull import Cavity

EDEMA_HU = 19.0


def push(points: Points, bleeds: Sequence[Bleed]) -> Points:
    """Where the brain's tissue at each point came from: large bleeds push the middle aside."""
    total = sum(bleed.side * midline_shift_mm(bleed) for bleed in bleeds)
    if abs(total) < 0.5:
        return points
    near = np.exp(-np.square(points.x / 50) - np.square((points.y - 8) / 60) - np.square((points.z - 12) / 45))
    return replace(points, x=points.x + np.float32(total) * near, slack_mm=abs(total))


def midline_shift_mm(bleed: Bleed) -> float:
    """How far a bleed pushes the midline: none below 15 mL, some 8 mm at 80 mL."""
    if bleed.subtype not in ("epidural", "subdural", "intraparenchymal") or bleed.place in (
        "falx",
        "tentorium",
        "pons",
    ):
        return 0.0
    return float(np.clip((bleed.volume_ml - 15) * 0.12, 0, 9))


def paint_edema(hu: Field, order_mm: Field, level: float, spaces: Spaces, bleed: Bleed) -> None:
    """A dark ring around a clot, strongest at its edge, in place."""
    if bleed.edema_mm <= 0:
        return
    ring = np.clip(1 - (order_mm - np.float32(level)) / np.float32(bleed.edema_mm), 0, 1)
    ring = np.sqrt(ring) * cover(spaces.tissue - 1, 1.0) * (1 - spaces.ventricle) * (hu < 45) * (hu > EDEMA_HU)
    paint(hu, ring * np.float32(0.9), EDEMA_HU)


def paint_look_alikes(hu: Field, points: Points, cavity: Cavity, looks: LookAlikes) -> None:
    """Calcified pineal, choroid plexus, falx and pallida, in place."""
    _spot(hu, points, (0.4, 31.0, 3.0), 1.0 + 2.6 * looks.pineal, 140 + 260 * looks.pineal, looks.pineal)
    for side in (-1.0, 1.0):
        _spot(hu, points, (side * 25, 39.0, 11.0), 3.6, 42.0, 1.0)
        _spot(hu, points, (side * 25, 40.0, 10.5), 1.0 + 2.6 * looks.choroid, 90 + 200 * looks.choroid, looks.choroid)
        _spot(hu, points, (side * 20, -1.0, 1.0), 2.0 + 2.5 * looks.basal_ganglia, 75.0, looks.basal_ganglia)
        _rod(hu, points, (side * 10, 1.0, -15.0, 1.4), (side * 36, -9.0, -9.0, 1.2), 38 + 16 * looks.sinuses)
    _rod(hu, points, (0.0, 11.0, -34.0, 1.8), (0.0, 12.0, -17.0, 1.6), 40 + 18 * looks.sinuses)
    _rod(hu, points, (0.0, 44.0, 4.0, 1.6), (0.0, 90.0, -12.0, 2.2), 46 + 12 * looks.sinuses)
    for k, y in enumerate((-45.0, -20.0, 30.0)):
        if looks.falx > 0.25 * (k + 1):
            _plaque(hu, points, cavity, y, looks.falx)


def _spot(
    hu: Field, points: Points, centre: tuple[float, float, float], radius: float, value: float, amount: float
) -> None:
    if amount <= 0.05:
        return
    window = points.window(centre, radius + 10)
    if window is not None:
        inside = ellipsoid(points.part(window), centre, (radius * 0.8, radius * 1.2, radius))
        paint(hu[window], cover(inside, points.edge_mm), value)


def _rod(hu: Field, points: Points, start: tuple[float, ...], end: tuple[float, ...], value: float) -> None:
    """A vessel full of blood: an artery of the base or the straight sinus."""
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    window = points.window(
        middle, float(np.hypot(end[1] - start[1], end[0] - start[0])) / 2 + abs(end[2] - start[2]) / 2 + 4
    )
    if window is not None:
        paint(hu[window], cover(capsule(points.part(window), start, end), points.edge_mm), value)


def _plaque(hu: Field, points: Points, cavity: Cavity, y: float, amount: float) -> None:
    inside = np.minimum(1.2 + amount - np.abs(points.x), 7 - np.hypot((points.y - y) * 0.8, points.z - 58))
    paint(hu, cover(np.minimum(inside, cavity.depth - 3), points.edge_mm), 220.0 + 200 * amount)
