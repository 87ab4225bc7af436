"""How far apart the surfaces of two masks lie, in patient mm, so that uneven and tilted slices need no special case.

Masks are (D, H, W) in one grid; D slices. A surface pixel has a face that is not in the mask; beyond the scan is not in
the mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from bregma.evaluation.metrics import Floats
from bregma.scan.regions import Mask
from bregma.scan.volume import Geometry

PERCENTILE = 95.0


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Distances from each surface pixel of one mask to the nearest surface pixel of the other.

    Attributes:
        mean_mm: over the surface pixels of both masks (average symmetric surface distance).
        hausdorff95_mm: the larger of the two directed 95th percentiles.
        hausdorff_mm: the largest of all.
    """

    mean_mm: float
    hausdorff95_mm: float
    hausdorff_mm: float


def surface_distances(predicted: Mask, truth: Mask, geometry: Geometry) -> SurfaceDistances | None:
    """Compare two surfaces (definitions: Taha and Hanbury 2015; Maier-Hein et al. 2024).

    Args:
        predicted: (D, H, W).
        truth: (D, H, W).
        geometry: of the same shape.

    Returns:
        None when a mask is empty: then there is no distance, not an infinite one.

    Raises:
        ValueError: when shapes differ.
    """
    if not predicted.shape == truth.shape == geometry.shape:
        raise ValueError(f"masks {predicted.shape} and {truth.shape} in a grid of {geometry.shape}; expected one grid")
    if not predicted.any() or not truth.any():
        return None
    points = [_surface_mm(mask, geometry) for mask in (predicted, truth)]
    there, back = _to_nearest(points[0], points[1]), _to_nearest(points[1], points[0])
    return SurfaceDistances(
        mean_mm=float(np.concatenate([there, back]).mean()),
        hausdorff95_mm=float(max(np.percentile(there, PERCENTILE), np.percentile(back, PERCENTILE))),
        hausdorff_mm=float(max(there.max(), back.max())),
    )


def _surface_mm(mask: Mask, geometry: Geometry) -> Floats:
    """(n, 3) LPS mm of the centres of surface pixels."""
    inside = ndimage.binary_erosion(mask)
    return geometry.to_patient(np.argwhere(mask & ~inside).astype(np.float64))


def _to_nearest(points: Floats, others: Floats) -> Floats:
    distances: Floats = KDTree(others).query(points)[0]
    return distances
