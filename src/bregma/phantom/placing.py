"""From the scanner's pixels to the head frame and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from bregma.phantom.parameters import HeadParameters, Pose, Scanner, Shape
from bregma.scan.volume import Geometry

Vector = NDArray[np.float64]

MIDDLE = (0.0, 16.0, 11.0)
"""The point of the head frame that lies in the middle of the scanned range."""


@dataclass(frozen=True, slots=True, eq=False)
class Placing:
    """Head frame to patient frame: patient = turn @ (scale * (head - MIDDLE)) + shift, all in mm."""

    turn: Vector
    scale: Vector
    shift: Vector

    def to_patient(self, head_mm: Vector) -> Vector:
        """LPS mm of (..., 3) head frame mm."""
        return np.asarray(((np.asarray(head_mm) - MIDDLE) * self.scale) @ self.turn.T + self.shift, dtype=np.float64)

    def to_head(self, patient_mm: Vector) -> Vector:
        """Head frame mm of (..., 3) LPS mm."""
        return np.asarray(((np.asarray(patient_mm) - self.shift) @ self.turn) / self.scale + MIDDLE, dtype=np.float64)

    def steps_to_head(self, steps_mm: Vector) -> Vector:
        """The same for differences between points."""
        return np.asarray((np.asarray(steps_mm) @ self.turn) / self.scale, dtype=np.float64)


def make_placing(parameters: HeadParameters) -> Placing:
    """How the head lies in the scanner."""
    return placing_of(parameters.pose, parameters.shape)


def placing_of(pose: Pose, shape: Shape) -> Placing:
    """How a head of this shape lies in this pose."""
    turn = Rotation.from_euler("xyz", pose.turn_degrees, degrees=True).as_matrix()
    return Placing(turn, np.asarray(shape.scale), np.asarray(pose.shift_mm))


def make_geometry(scanner: Scanner) -> Geometry:
    """Where the slices lie: the table moves along z, the gantry tilts about x (the image's middle stays at x=y=0)."""
    gaps = scanner.spacing_mm if isinstance(scanner.spacing_mm, tuple) else (scanner.spacing_mm,) * (scanner.slices - 1)
    z = np.concatenate([[0.0], np.cumsum(gaps)])
    z -= z[-1] / 2
    tilt = np.radians(scanner.tilt_degrees)
    along_row, along_column = np.array([1.0, 0.0, 0.0]), np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    pixel = scanner.field_of_view_mm / scanner.size
    corner = -(scanner.size - 1) / 2 * pixel * (along_row + along_column)
    origins = corner + z[:, None] * np.array([0.0, 0.0, 1.0])
    return Geometry(scanner.size, scanner.size, origins, along_row, along_column, (pixel, pixel))
