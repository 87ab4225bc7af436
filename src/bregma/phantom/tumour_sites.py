"""Where tumours of each type arise in one head: the grey-white border and the dura, found on a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.phantom.brain import paint_brain
from bregma.phantom.maps import Maps
from bregma.phantom.parameters import Shape
from bregma.phantom.points import make_points
from bregma.phantom.skull import find_cavity
from bregma.phantom.tumour_parameters import Vector3

STEP_MM = 3.0
LOW, HIGH = np.array([-74.0, -75.0, -66.0]), np.array([74.0, 108.0, 82.0])
"""Head frame x, y, z (mm) between which the inside of the skull lies."""

BORDER_MM = (1.5, 7.0)
"""Depth below the folded surface at which metastases lodge: the cortex is 3.3 mm thick."""

DEEP_SHARE = 0.12
"""Share of metastases elsewhere in the brain: nuclei, brainstem, deep white matter."""

ASIDE_MM = 6.0
"""No tumour begins nearer to the middle plane: its side would be open to doubt."""

FOLD_MM = 4.0
"""Nor nearer to the tentorium."""


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """Places in one head, head frame mm.

    Attributes:
        border: (N, 3) at the grey-white border.
        deep: (N, 3) anywhere else in the brain.
        dura: (N, 3) on the inner side of skull and base.
        inwards: (N, 3) unit vectors at right angles to it.
    """

    border: NDArray[np.float64]
    deep: NDArray[np.float64]
    dura: NDArray[np.float64]
    inwards: NDArray[np.float64]

    def in_brain(self, rng: np.random.Generator) -> Vector3:
        """A place for a metastasis."""
        return _point(_near(rng, self.deep if rng.random() < DEEP_SHARE else self.border))

    def on_dura(self, rng: np.random.Generator) -> tuple[Vector3, Vector3]:
        """A place for a meningioma, and the direction in which it grows."""
        chosen = int(rng.integers(len(self.dura)))
        return _point(self.dura[chosen]), _point(self.inwards[chosen])


def find_sites(maps: Maps, shape: Shape) -> Sites:
    """Look at one head every 3 mm."""
    count = np.ceil((HIGH - LOW) / STEP_MM).astype(int)
    steps = np.diag([STEP_MM] * 3)[[2, 1, 0]]
    points = make_points(LOW, steps, (int(count[2]), int(count[1]), int(count[0])))
    cavity = find_cavity(maps, points)
    spaces = paint_brain(np.zeros(points.x.shape, dtype=np.float32), points, cavity, maps, shape)
    places = np.stack([points.x, points.y, points.z], axis=-1).astype(np.float64)
    aside = (np.abs(points.x) > ASIDE_MM) & (np.abs(spaces.above) > FOLD_MM)
    inside = aside & (cavity.depth > 3) & (spaces.ventricle < 0.01) & (points.z > -58)
    border = inside & (spaces.tissue > BORDER_MM[0]) & (spaces.tissue < BORDER_MM[1])
    slope = np.stack(list(np.gradient(cavity.depth, STEP_MM))[::-1], axis=-1)
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True) + 1e-6
    cord = (np.abs(points.x) < 24) & (points.y > 0) & (points.z < -34)
    dura = aside & (np.abs(cavity.depth - 1.5) < 1.5) & (points.z > -48) & ~cord & (np.abs(points.x) > 9)
    return Sites(
        places[border], places[inside & (spaces.tissue >= BORDER_MM[1])], places[dura], slope[dura].astype(np.float64)
    )


def _near(rng: np.random.Generator, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """One of several places on a grid, and up to half a step beside it."""
    return np.asarray(places[int(rng.integers(len(places)))] + rng.uniform(-STEP_MM / 2, STEP_MM / 2, 3))


def _point(place: NDArray[np.float64]) -> Vector3:
    return float(place[0]), float(place[1]), float(place[2])
