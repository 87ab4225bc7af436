"""Entries of an index from a scan's outlines: sizes, and the slice on which each is best seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.entry import Entry
from bregma.scan.regions import Mask, volume_ml
from bregma.scan.tumour import TumourScan
from bregma.scan.volume import Geometry

ANGLES = 180
"""Directions in which a lesion is measured; half a degree beside the longest loses 4 in 100,000."""


def entries_of(scan: TumourScan, *, modality: str) -> list[Entry]:
    """An entry for every tumour of a scan, by number.

    Args:
        scan: outlined.
        modality: DICOM modality.
    """
    found = []
    for tumour in scan.tumours:
        mask = scan.map == tumour.number
        found.append(
            Entry(
                case=scan.series_uid,
                number=tumour.number,
                patient=scan.patient,
                modality=modality,
                box=tumour.box,
                best_slice=best_slice(mask),
                labels=dict(tumour.labels),
                volume_ml=known_volume_ml(mask, scan.volume.geometry),
                longest_mm=longest_mm(mask, scan.volume.geometry),
                date=scan.date,
            )
        )
    return found


def best_slice(mask: Mask) -> int:
    """The slice with most pixels of a mask (D, H, W); of several, as in a box, the middle one, the lower of two."""
    sizes = mask.sum(axis=(1, 2))
    largest = np.flatnonzero(sizes == sizes.max())
    return int(largest[(len(largest) - 1) // 2])


def known_volume_ml(mask: Mask, geometry: Geometry | None) -> float | None:
    """Volume in mL; None without positions and for a scan of one slice."""
    if geometry is None:
        return None
    found = volume_ml(mask, geometry)
    return found if math.isfinite(found) else None


def longest_mm(mask: Mask, geometry: Geometry | None) -> float | None:
    """The longest diameter within a slice, from outer edge to outer edge (RECIST 1.1); None without positions.

    Args:
        mask: (D, H, W), at least one pixel set.
        geometry: of the same shape.
    """
    if geometry is None:
        return None
    angle = np.arange(ANGLES) * np.pi / ANGLES
    across = np.stack([np.sin(angle) * geometry.pixel_mm[0], np.cos(angle) * geometry.pixel_mm[1]])
    edges = np.abs(across).sum(axis=0)
    return max(_widest(one, across, edges) for one in mask if one.any())


def _widest(mask: NDArray[np.bool_], across: NDArray[np.float64], edges: NDArray[np.float64]) -> float:
    along = np.argwhere(mask) @ across
    return float((along.max(axis=0) - along.min(axis=0) + edges).max())
