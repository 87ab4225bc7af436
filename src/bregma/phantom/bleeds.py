"""Where each kind of blood may lie and in what order it fills its space.

Every bleed is an order (mm-like, low is filled first) over the voxels that it may take; the level up to which it fills
is found from the volume that was asked for, so all kinds and shapes keep their volume in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bregma.phantom.brain import Spaces
from bregma.phantom.maps import CENTRE
from bregma.phantom.parameters import Bleed
from bregma.phantom.points import Field, Points, cover, wave
from bregma.phantom.skull import Cavity

PLACES = {
    "epidural": ("temporal", "parietal", "frontal", "occipital"),
    "subdural": ("convexity", "falx", "tentorium"),
    "subarachnoid": ("sulci", "sylvian", "cisterns", "diffuse"),
    "intraparenchymal": ("ganglia", "thalamus", "lobar", "cerebellum", "pons", "contusion"),
    "intraventricular": ("dependent", "cast", "third", "fourth"),
}
"""The places of each subtype, by the words of `Bleed.place`."""

FULL_MM = 1.0
NEVER = np.float32(1e6)


def sutures(x: Field, y: Field, z: Field) -> tuple[Field, Field]:
    """Signed mm to the coronal (positive behind) and lambdoid suture (positive behind) from head frame mm."""
    dx, dy, dz = x - np.float32(CENTRE[0]), y - np.float32(CENTRE[1]), z - np.float32(CENTRE[2])
    scale = np.float32(76.0) / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-6))
    dx, dy, dz = dx * scale, dy * scale, dz * scale
    coronal = dy + np.float32(21.0) + np.float32(0.10) * dz
    lambdoid = dy - np.float32(40.0) - np.float32(0.30) * np.abs(dx) + np.float32(-0.25) * dz
    return np.asarray(coronal, dtype=np.float32), np.asarray(lambdoid, dtype=np.float32)


def order(points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """(order, share): in what order a bleed takes the voxels, and how much of each it may take; both (P, H, W)."""
    return _ORDERS[bleed.subtype](points, cavity, spaces, bleed)


def fill(order_mm: Field, share: Field, level: float, edge_mm: float) -> Field:
    """Share of each voxel that is blood when the bleed has filled up to `level`."""
    return share * cover(np.float32(level) - order_mm, edge_mm)


def find_level(order_mm: Field, share: Field, voxel_ml: float, volume_ml: float) -> float:
    """The level at which a bleed reaches its volume; the highest there is when its space is too small."""
    may = (share > 0.05) & (order_mm < NEVER / 2)
    if not may.any():
        return -float(NEVER)
    values, weights = order_mm[may], share[may]
    by = np.argsort(values)
    total = np.cumsum(weights[by], dtype=np.float64) * voxel_ml
    return float(values[by][min(int(np.searchsorted(total, volume_ml)), len(by) - 1)])


def ripple(points: Points, seed: int, wave_mm: float) -> Field:
    """Smooth irregularity of about unit deviation, a sum of a few plane waves."""
    rng = np.random.default_rng(seed)
    total = np.zeros(points.x.shape, dtype=np.float32)
    for _ in range(5):
        along = rng.standard_normal(3)
        along *= 2 * np.pi / wave_mm / np.linalg.norm(along) * rng.uniform(0.6, 1.6)
        total += wave(points, (float(along[0]), float(along[1]), float(along[2])), float(rng.uniform(0, 6.3)))
    return total * np.float32(0.63)


def _away(points: Points, centre: tuple[float, float, float]) -> Field:
    x, y, z = points.x - np.float32(centre[0]), points.y - np.float32(centre[1]), points.z - np.float32(centre[2])
    distance: Field = np.sqrt(x * x + y * y + z * z)
    return distance


def _epidural(points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """A lens on the inner table, within one bone."""
    reach = (1000 * bleed.volume_ml / (0.19 * np.pi)) ** (1 / 3) + 3
    along = np.square(_away(points, bleed.centre)) - np.square(np.maximum(cavity.depth, 0)) * np.float32(0.5)
    profile = np.clip(1 - along * np.float32(1 / reach**2), 0, 1)
    here = sutures(*(np.full((1, 1, 1), value, dtype=np.float32) for value in bleed.centre))
    for line, middle in zip(sutures(points.x, points.y, points.z), here, strict=True):
        profile *= np.clip((line * np.sign(middle) - 2) / 8, 0, 1)
    profile *= np.clip((points.x * bleed.side - 3) / 8, 0, 1)
    order_mm = np.where(profile > 0.03, cavity.vault / np.maximum(profile, 0.03), NEVER)
    return order_mm, cover(cavity.depth, points.edge_mm) * (spaces.above > 0)


def _subdural(points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """A crescent over a hemisphere, a band along the falx, or a sheet on the tentorium."""
    side = points.x * np.float32(bleed.side)
    over = cover(spaces.above, points.edge_mm) * cover(cavity.depth, points.edge_mm)
    if bleed.place == "falx":
        reach = np.maximum(np.abs(points.y - np.float32(bleed.centre[1])) / 40, np.abs(points.z - 48) / 30)
        profile = np.clip(1 - reach, 0, 1) ** 0.5
        order_mm = (side - np.float32(0.7)) / np.maximum(profile, 0.05)
        return np.where((profile > 0.05) & (side > 0), order_mm, NEVER), over * cover(side - 0.5, points.edge_mm)
    if bleed.place == "tentorium":
        profile = np.clip(1 - np.hypot((side - 30) / 34, (points.y - 58) / 42), 0, 1) ** 0.5
        order_mm = spaces.above / np.maximum(profile, 0.05)
        return np.where((profile > 0.05) & (side > 6) & (spaces.above > 0), order_mm, NEVER), over
    x, y, z = (points.x - bleed.centre[0]), (points.y - bleed.centre[1]), (points.z - bleed.centre[2])
    wide = (14 + 8.0 * np.log2(max(bleed.volume_ml, 3.0))) * _spread(bleed)
    profile = np.clip(1 - (x / 60) ** 2 - (y / wide) ** 2 - (z / (0.72 * wide)) ** 2, 0, 1)
    profile = profile**0.7 * (1 + 0.12 * ripple(points, bleed.seed, 45)) * np.clip((side - 4) / 6, 0, 1)
    order_mm = np.where(profile > 0.04, cavity.vault / np.maximum(profile, 0.04), NEVER)
    return order_mm, over


def _spread(bleed: Bleed) -> float:
    """How widely a crescent lies for its volume: 0.8 of the usual to 1.5, thin as a film."""
    return float(np.exp(np.random.default_rng([bleed.seed, 1]).uniform(-0.2, 0.4)))


def _subarachnoid(points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """Blood in the water around the brain, spreading from one place."""
    order_mm = _away(points, bleed.centre) + np.float32(7) * ripple(points, bleed.seed, 30)
    order_mm += np.float32(3) * np.maximum(2.5 - cavity.depth, 0)
    return order_mm, spaces.sulcal


def _intraparenchymal(points: Points, cavity: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """A clot with a lobed outline."""
    rng = np.random.default_rng(bleed.seed)
    stretch = (np.exp(rng.normal(0, 0.18, 3)) * (0.9, 1.15, 1.0)).astype(np.float32)
    x, y, z = (p - np.float32(c) for p, c in zip((points.x, points.y, points.z), bleed.centre, strict=True))
    radius = np.float32((bleed.volume_ml * 1000 * 0.239) ** (1 / 3))
    order_mm = np.sqrt((x / stretch[0]) ** 2 + (y / stretch[1]) ** 2 + (z / stretch[2]) ** 2)
    order_mm += radius * np.float32(0.14) * ripple(points, bleed.seed, float(radius) * 1.7 + 4)
    return order_mm, cover(cavity.depth - 2, 2.0) * (1 - spaces.ventricle)


def _intraventricular(points: Points, _: Cavity, spaces: Spaces, bleed: Bleed) -> tuple[Field, Field]:
    """Blood in the ventricles: lying at the back, or filling them from one place."""
    share = np.clip(spaces.ventricle * np.float32(1.1), 0, 1)
    if bleed.place == "dependent":
        away = np.float32(80) - points.y + np.float32(0.25) * np.abs(points.z - 6)
        away += np.float32(12) * (points.x * bleed.side < 0)
        return np.where(points.z > -14, away, away + 60), share
    return _away(points, bleed.centre) + np.float32(2) * ripple(points, bleed.seed, 12), share


_ORDERS: dict[str, Callable[[Points, Cavity, Spaces, Bleed], tuple[Field, Field]]] = {
    "epidural": _epidural,
    "intraparenchymal": _intraparenchymal,
    "intraventricular": _intraventricular,
    "subarachnoid": _subarachnoid,
    "subdural": _subdural,
}
