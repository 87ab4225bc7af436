"""What an operation leaves in a head: a sawn-out bone flap under swollen scalp, a drain, air. None of it is a bleed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bregma.phantom.parameters import Operation
from bregma.phantom.points import Field, Points, capsule, cover, paint
from bregma.phantom.skull import Cavity

SAW_MM = 1.0
"""Half of a saw cut's width."""

HOLE_MM = 6.5
"""Radius of a burr hole."""

DRAIN_HU, DRAIN_MM = 170.0, 1.4
"""A silicone tube with barium, and its radius."""

ENTRY, TIP = (30.0, -62.0, 66.0), (9.0, -16.0, 13.0)
"""Of a drain: at Kocher's point above the skull, and in the frontal horn; left side, head frame mm."""

FRONT = (18.0, 26.0)
"""Middle (x, z) of the air that gathers under the frontal bone of a patient on his back, left side, head frame mm."""


def operate(points: Points, cavity: Cavity, operation: Operation | None) -> Cavity:
    """Saw a flap out of the vault, drill where cuts begin, and swell the scalp over it."""
    if operation is None or operation.flap_mm <= 0:
        return cavity
    x, y, z = (p - np.float32(c) for p, c in zip((points.x, points.y, points.z), operation.centre, strict=True))
    away = np.sqrt(x * x + y * y + z * z)
    cut = np.abs(away - np.float32(operation.flap_mm)) - np.float32(SAW_MM)
    turn = np.arctan2(z, y)
    for corner in (-2.1, 0.0, 2.1):
        hole = np.hypot(away - np.float32(operation.flap_mm), np.float32(operation.flap_mm) * (turn - corner))
        cut = np.minimum(cut, hole - np.float32(HOLE_MM))
    scalp = cavity.scalp + np.float32(5.0) * np.exp(-np.square(away / np.float32(operation.flap_mm + 12)))
    return replace(cavity, suture=np.minimum(cavity.suture, cut), scalp=scalp)


def paint_leftovers(hu: Field, points: Points, cavity: Cavity, operation: Operation | None) -> None:
    """Air below the skull and the drain, in place."""
    if operation is None:
        return
    if operation.air_mm > 0:
        flat = np.hypot(points.x - np.float32(operation.side * FRONT[0]), points.z - np.float32(FRONT[1]))
        deep = np.float32(operation.air_mm) * np.clip(1 - np.square(flat / 30), 0, 1)
        layer = np.minimum(cavity.vault, deep - cavity.vault) - np.maximum(points.y + 20, 0)
        paint(hu, cover(layer, points.edge_mm) * (deep > 0.3), -1000.0)
    if operation.drain:
        ends = ((operation.side * x, y, z, DRAIN_MM) for x, y, z in (ENTRY, TIP))
        paint(hu, cover(capsule(points, *ends), points.edge_mm), DRAIN_HU)
