"""How deep each voxel of a slab lies in a tumour, in mm, positive inside; arrays are (planes, rows, columns).

Metastases sit in the brain, meningiomas broadly on the dura, schwannomas in the cerebellopontine angle with a stalk
into the internal auditory canal ("ice cream cone").
"""

from __future__ import annotations

import numpy as np

from bregma.phantom.brain import Spaces
from bregma.phantom.points import Field, Points, Window, capsule, ellipsoid
from bregma.phantom.skull import Cavity
from bregma.phantom.tumour_parameters import DrawnTumour

STALK_MM = 9.0
"""Length of the part in the canal, beyond the mouth of the canal."""

ROUGH = {"metastasis": 0.10, "meningioma": 0.07, "schwannoma": 0.05}
"""Depth of the outline's waves against the smallest half axis."""

TAIL_MM = 1.6
"""Thickness of dura that enhances beside a meningioma."""


def reach_mm(tumour: DrawnTumour) -> float:
    """How far from its centre anything of a tumour can be."""
    stalk = 2 * STALK_MM if tumour.kind == "schwannoma" else 12.0
    return max(tumour.radii_mm) * 1.25 + stalk + tumour.oedema_mm


def depth_in(tumour: DrawnTumour, points: Points, cavity: Cavity, spaces: Spaces) -> Field:
    """Signed distance into a tumour (mm): it stays on its side of falx and tentorium, and inside the skull.

    Args:
        tumour: what is drawn.
        points: of the window around it.
        cavity: the same window against the skull.
        spaces: what lies there.
    """
    rough = np.float32(ROUGH[tumour.kind] * min(tumour.radii_mm)) * _waves(points, tumour)
    if tumour.kind == "meningioma":
        body = _on_the_dura(tumour, points, cavity) + rough
    else:
        body = ellipsoid(points, tumour.centre, tumour.radii_mm) + rough
    leaf = spaces.above if _is_above(tumour, points, spaces) else -spaces.above
    body = np.minimum(body, np.minimum(leaf - np.float32(0.7), cavity.depth))
    if tumour.kind == "schwannoma":
        body = np.maximum(body, _stalk(tumour, points))
    return np.asarray(np.minimum(body, np.float32(tumour.side) * points.x - np.float32(0.8)), dtype=np.float32)


def tail_of(tumour: DrawnTumour, points: Points, cavity: Cavity) -> Field:
    """Signed distance into the dura beside a meningioma, which tapers off (mm)."""
    aside, _ = _along_the_dura(tumour, points)
    share = np.clip((tumour.radii_mm[0] * 1.2 + 10 - aside) / 10, 0, 1)
    return np.asarray(np.minimum(cavity.depth, TAIL_MM * share - cavity.depth), dtype=np.float32)


def _is_above(tumour: DrawnTumour, points: Points, spaces: Spaces) -> bool:
    """Whether a tumour's middle lies above the tentorium, by the nearest voxel; a schwannoma never does."""
    if tumour.kind == "schwannoma":
        return False
    middle = np.asarray(tumour.centre) + np.asarray(tumour.axis) * (
        tumour.radii_mm[2] / 2 if tumour.kind == "meningioma" else 0.0
    )
    away = np.square(points.x - middle[0]) + np.square(points.y - middle[1]) + np.square(points.z - middle[2])
    return bool(spaces.above.ravel()[int(np.argmin(away))] > 0)


def _along_the_dura(tumour: DrawnTumour, points: Points) -> tuple[Field, Field]:
    """Distance from the axis through the place of attachment, and along it (mm)."""
    x, y, z = (p - np.float32(c) for p, c in zip((points.x, points.y, points.z), tumour.centre, strict=True))
    inwards = sum((p * np.float32(a) for p, a in zip((x, y, z), tumour.axis, strict=True)), np.float32(0))
    aside = np.sqrt(np.maximum(x * x + y * y + z * z - inwards * inwards, 0))
    return np.asarray(aside, dtype=np.float32), np.asarray(inwards, dtype=np.float32)


def _on_the_dura(tumour: DrawnTumour, points: Points, cavity: Cavity) -> Field:
    """Half an ellipsoid whose flat side is the inner table."""
    aside, inwards = _along_the_dura(tumour, points)
    deep = np.maximum(cavity.depth, 0)
    far = np.hypot(aside / np.float32(tumour.radii_mm[0]), deep / np.float32(tumour.radii_mm[2]))
    near = inwards > -np.float32(tumour.radii_mm[0])  # not on the other side of the head
    return np.asarray(np.where(near, (1 - far) * np.float32(min(tumour.radii_mm)), -30), dtype=np.float32)


def _stalk(tumour: DrawnTumour, points: Points) -> Field:
    """The cone of the ice cream: from the middle of the tumour into the canal."""
    middle, axis, radius = np.asarray(tumour.centre), np.asarray(tumour.axis), tumour.radii_mm[0]
    end = middle + axis * (radius + STALK_MM)
    start = (*middle, max(0.75 * radius, 2.2))
    return capsule(points, tuple(float(one) for one in start), (*(float(one) for one in end), 1.6))


def _waves(points: Points, tumour: DrawnTumour) -> Field:
    """A lobed outline: a sum of three waves in directions of the tumour's own, of unit size."""
    rng = np.random.default_rng(tumour.seed)
    total = np.zeros(points.x.shape, dtype=np.float32)
    for _ in range(3):
        direction = rng.standard_normal(3)
        direction *= rng.uniform(1.8, 3.2) / np.linalg.norm(direction) / max(min(tumour.radii_mm), 2.0)
        phase = rng.uniform(0, 2 * np.pi)
        x, y, z = (np.float32(one) for one in direction)
        cx, cy, cz = (np.float32(one) for one in tumour.centre)
        total += np.sin((points.x - cx) * x + (points.y - cy) * y + (points.z - cz) * z + np.float32(phase))
    return total


def window_of(tumour: DrawnTumour, points: Points) -> Window | None:
    """The part of a slab that a tumour and its surroundings can touch; None when there is none."""
    return points.window(tumour.centre, reach_mm(tumour))
