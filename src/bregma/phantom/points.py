"""Where the voxels of a slab lie in the head, and how soft edges are painted on them.

A slab is a few planes of one scan; arrays are (planes, rows, columns) float32, positions are head frame mm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Vector = NDArray[np.float64]
Window = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A regular grid in the head frame.

    Attributes:
        x: to the left, in mm.
        y: to the back, in mm.
        z: up, in mm.
        steps: (3, 3) head frame mm from one plane, row and column to the next (one step a row).
        origin: (3,) head frame mm of the first voxel.
        inverse: (3, 3) the inverse of `steps`.
        slack_mm: how far x, y, z may be off the regular grid where tissue was pushed aside.
    """

    x: Field
    y: Field
    z: Field
    steps: Vector
    origin: Vector
    inverse: Vector
    slack_mm: float = 0.0

    @property
    def edge_mm(self) -> float:
        """Width over which an edge fades: one pixel."""
        return float(np.linalg.norm(self.steps[2]))

    def window(self, centre: tuple[float, float, float], reach_mm: float) -> Window | None:
        """The part of the grid within reach of a point; None when there is none."""
        middle = (np.asarray(centre) - self.origin) @ self.inverse
        spans = []
        for axis, (place, size) in enumerate(zip(middle, self.x.shape, strict=True)):
            half = (reach_mm + self.slack_mm) / float(np.linalg.norm(self.steps[axis])) * 1.1 + 1.0
            low, high = max(int(np.floor(place - half)), 0), min(int(np.ceil(place + half)) + 1, size)
            if low >= high:
                return None
            spans.append(slice(low, high))
        return spans[0], spans[1], spans[2]

    def part(self, window: Window) -> Points:
        """The same grid, cut to a window (views)."""
        return replace(
            self,
            x=self.x[window],
            y=self.y[window],
            z=self.z[window],
            origin=self.origin + np.array([span.start or 0 for span in window]) @ self.steps,
        )


def make_points(origin: Vector, steps: Vector, shape: tuple[int, int, int]) -> Points:
    """Lay a grid: voxel (p, r, c) is at origin + p * steps[0] + r * steps[1] + c * steps[2]."""
    planes, rows, columns = (np.arange(n, dtype=np.float64) for n in shape)
    axes = []
    for k in range(3):
        lines = origin[k] + planes[:, None] * steps[0, k] + rows[None, :] * steps[1, k]
        axes.append((lines[:, :, None] + columns * steps[2, k]).astype(np.float32))
    return Points(axes[0], axes[1], axes[2], steps, origin, np.asarray(np.linalg.inv(steps), dtype=np.float64))


def wave(points: Points, along: tuple[float, float, float], phase: float) -> Field:
    """Sine of x * along[0] + y * along[1] + z * along[2] + phase on the regular grid (a push is left out)."""
    rise = points.steps @ np.asarray(along)
    start = float(points.origin @ np.asarray(along)) + phase
    planes, rows, columns = points.x.shape
    slow = start + np.arange(planes)[:, None] * rise[0] + np.arange(rows)[None, :] * rise[1]
    fast = np.arange(columns) * rise[2]
    total = np.sin(slow).astype(np.float32)[:, :, None] * np.cos(fast).astype(np.float32)
    total += np.cos(slow).astype(np.float32)[:, :, None] * np.sin(fast).astype(np.float32)
    return np.asarray(total, dtype=np.float32)


def cover(distance: Field, edge_mm: float) -> Field:
    """Share of a voxel that lies inside, from the signed distance to the edge (positive inside)."""
    share = distance * np.float32(1.0 / edge_mm)
    share += np.float32(0.5)
    return np.clip(share, 0.0, 1.0, out=share)


def paint(hu: Field, share: Field, value: Field | float) -> None:
    """Lay a tissue over what is there, in place."""
    hu += share * (value - hu)


def ellipsoid(
    points: Points,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    turn_degrees: float = 0.0,
) -> Field:
    """Signed distance to an ellipsoid in mm, positive inside; `turn_degrees` turns it about z."""
    x, y, z = points.x - np.float32(centre[0]), points.y - np.float32(centre[1]), points.z - np.float32(centre[2])
    if turn_degrees:
        c, s = np.float32(np.cos(np.radians(turn_degrees))), np.float32(np.sin(np.radians(turn_degrees)))
        x, y = c * x + s * y, c * y - s * x
    square = np.zeros(x.shape, dtype=np.float32)
    slope = np.full(x.shape, 1e-9, dtype=np.float32)
    for axis, radius in zip((x, y, z), radii, strict=True):
        axis *= axis
        axis *= np.float32(1 / radius**2)
        square += axis
        axis *= np.float32(1 / radius**2)
        slope += axis
    distance: Field = np.sqrt(square)
    distance -= square
    distance /= np.sqrt(slope, out=slope)
    return distance


def capsule(points: Points, start: tuple[float, ...], end: tuple[float, ...]) -> Field:
    """Signed distance to a tapered rod from (x, y, z, radius) to (x, y, z, radius), positive inside."""
    axis = np.subtract(end[:3], start[:3]).astype(np.float32)
    x, y, z = points.x - np.float32(start[0]), points.y - np.float32(start[1]), points.z - np.float32(start[2])
    along = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / np.float32(axis @ axis), 0, 1)
    x -= along * axis[0]
    y -= along * axis[1]
    z -= along * axis[2]
    radius = np.float32(start[3]) + along * np.float32(end[3] - start[3])
    distance: Field = radius - np.sqrt(x * x + y * y + z * z)
    return distance
