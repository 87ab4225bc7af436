"""Calcified dots: of the falx, of the arteries at the base, and scattered in the brain. They are no bleeds."""

from __future__ import annotations

import numpy as np

from bregma.phantom.parameters import LookAlikes, Shape
from bregma.phantom.points import Field, Points, cover, ellipsoid, paint
from bregma.phantom.skull import Cavity

MOST = 9
"""Dots of a head with as many as there are."""

ARTERIES = ((11.0, -6.0, -24.0), (4.0, 12.0, -34.0), (14.0, 24.0, -46.0))
"""Siphons of the carotids, tip of the basilar artery, vertebral arteries: left side, head frame mm."""


def paint_specks(hu: Field, points: Points, cavity: Cavity, looks: LookAlikes, shape: Shape) -> None:
    """Dots of 1 to 3 mm, in place; where they lie follows `shape.seed`."""
    rng = np.random.default_rng([shape.seed, 5])
    for _ in range(round(MOST * looks.specks)):
        centre, radius = _place(rng), float(rng.uniform(0.5, 1.1 + 0.5 * looks.specks))
        value = float(rng.uniform(90, 420))
        window = points.window(centre, radius + 3)
        if window is not None:
            inside = ellipsoid(points.part(window), centre, (radius, radius * 1.2, radius * 1.5))
            within = cover(cavity.depth[window] - 2, points.edge_mm)
            paint(hu[window], cover(inside, points.edge_mm) * within, value)


def _place(rng: np.random.Generator) -> tuple[float, float, float]:
    kind, side = rng.random(), float(rng.choice([-1, 1]))
    if kind < 0.5:
        return float(rng.normal(0, 0.8)), float(rng.uniform(-60, 75)), float(rng.uniform(20, 78))
    if kind < 0.8:
        x, y, z = ARTERIES[int(rng.integers(len(ARTERIES)))]
        return side * x, y, z
    return float(side * rng.uniform(8, 55)), float(rng.uniform(-50, 80)), float(rng.uniform(-5, 60))
