"""A lesion's place in the patient, so that it survives resampling.

Frame: LPS millimetres. A box is closed: it reaches to the outer edges of its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.scan.volume import Geometry

Mask = NDArray[np.bool_]

MIDLINE_MM = 5.0
"""A lesion whose centre lies nearer than this to the head's midline is on neither side."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box in patient space.

    Attributes:
        low_mm: least x, y, z in LPS mm.
        high_mm: greatest x, y, z in LPS mm.
    """

    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]


def box_of_mask(mask: Mask, geometry: Geometry) -> Box:
    """The smallest patient-aligned box around a mask's pixels.

    Args:
        mask: (D, H, W), at least one pixel set.
        geometry: of the same shape.
    """
    slices, rows, columns = np.nonzero(mask)
    corners = [
        np.stack([slices, rows + dr, columns + dc], axis=1).astype(np.float64)
        for dr in (-0.5, 0.5)
        for dc in (-0.5, 0.5)
    ]
    points = np.concatenate([geometry.to_patient(corner) for corner in corners])
    low, high = points.min(axis=0), points.max(axis=0)
    return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def volume_ml(mask: Mask, geometry: Geometry) -> float:
    """Volume of a mask in mL; NaN for a single slice, whose thickness nobody knows."""
    return float(mask.sum(axis=(1, 2)) @ geometry.voxel_ml)


def side_of_mask(mask: Mask, geometry: Geometry, *, midline_x_mm: float) -> str:
    """The patient's "left", "right", "both" or "midline", from geometry alone.

    Args:
        mask: (D, H, W), at least one pixel set.
        geometry: of the same shape.
        midline_x_mm: LPS x of the head's middle.
    """
    index = np.argwhere(mask).astype(np.float64)
    x = geometry.to_patient(index)[:, 0] - midline_x_mm
    left = float((x > 0).mean())
    if abs(float(x.mean())) < MIDLINE_MM:
        return "midline" if float(np.abs(x).max()) < 3 * MIDLINE_MM else "both"
    if min(left, 1 - left) > 0.25:
        return "both"
    return "left" if left > 0.5 else "right"
