"""Old infarcts: dark wedges of the cortex and small holes in the deep nuclei, which are no bleeds."""

from __future__ import annotations

import numpy as np

from bregma.phantom.bleeds import ripple
from bregma.phantom.brain import Spaces
from bregma.phantom.parameters import LookAlikes, Shape
from bregma.phantom.points import Field, Points, cover, ellipsoid, paint

TERRITORIES = ((46.0, -14.0, 22.0), (48.0, 26.0, 24.0), (30.0, 70.0, 10.0), (26.0, -48.0, 30.0), (34.0, 62.0, -38.0))
"""Middles of what one artery feeds, left side, head frame mm."""

NUCLEI = ((24.0, -4.0, 6.0), (26.0, 8.0, 4.0), (12.0, 16.0, 8.0), (18.0, -8.0, 20.0))
"""Where lacunes lie, left side."""

REACH_MM = 14.0
"""How far the ragged edge reaches beyond the radius."""


def paint_infarcts(hu: Field, points: Points, spaces: Spaces, looks: LookAlikes, shape: Shape) -> None:
    """Darken tissue that died long ago, in place; its place and age follow `shape.seed`."""
    rng = np.random.default_rng([shape.seed, 3])
    side, where, age = float(rng.choice([-1, 1])), TERRITORIES[int(rng.integers(len(TERRITORIES)))], rng.random()
    value = float(shape.csf_hu + (shape.white_hu - 4 - shape.csf_hu) * (0.2 + 0.7 * age))
    if looks.infarct > 0:
        _darken(hu, points, spaces, (side * where[0], where[1], where[2]), 8 + 24 * looks.infarct, value, shape.seed)
    for place in NUCLEI[: round(4 * looks.lacunes)]:
        side = float(rng.choice([-1, 1]))
        centre = (side * place[0], place[1], place[2])
        _darken(hu, points, spaces, centre, float(rng.uniform(2.0, 5.0)), shape.csf_hu + 6, shape.seed)


def _darken(
    hu: Field,
    points: Points,
    spaces: Spaces,
    centre: tuple[float, float, float],
    radius: float,
    value: float,
    seed: int,
) -> None:
    """One ragged patch of brain at another density; water and ventricles stay as they are."""
    window = points.window(centre, radius + REACH_MM)
    if window is None:
        return
    part = points.part(window)
    inside = ellipsoid(part, centre, (radius * 0.8, radius * 1.1, radius))
    inside += np.float32(0.16 * radius) * ripple(part, seed, radius + 4)
    tissue = cover(spaces.tissue[window], points.edge_mm) * (1 - spaces.ventricle[window])
    paint(hu[window], cover(inside, max(points.edge_mm, 3.0)) * tissue, value)
