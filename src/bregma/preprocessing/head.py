"""Where the middle of the head lies in the slices, from Hounsfield units alone.

Arrays are (slices, rows, columns); a place in a slice is (row, column), whole numbers at pixel centres.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TISSUE_HU = -300
"""Above this is head, below it air, foam and most headrests (skin starts at about -200)."""

COARSE_MM = 4.0
"""The head is looked for on every so many mm: it is 150 mm wide, and this is quick."""

LARGEST_HEAD_MM2 = 40_000.0
"""Larger cross-sections are shoulders; the largest heads have about 200 x 250 mm, an ellipse of 39,000 mm2."""

NEAR_LARGEST = 0.8
"""Slices with at least this share of the largest cross-section say where the middle is."""

TAILS = (0.02, 0.98)
"""Between these shares of a cross-section lies the head; outside: nose, ears, tubes, what is left of a headrest."""


def find_head_centre(hu: NDArray[np.int16], pixel_mm: tuple[float, float]) -> tuple[float, float]:
    """The middle of the head in the slices, one place for the whole scan.

    Args:
        hu: (D, H, W) Hounsfield units; padding at or below -1000 is air.
        pixel_mm: (row_mm, column_mm).

    Returns:
        (row, column), fractional; the middle of the image where there is nothing to see.
    """
    step = tuple(max(1, round(COARSE_MM / mm)) for mm in pixel_mm)
    coarse = hu[:, :: step[0], :: step[1]]
    # Images that were saved through a window have no air below -300: there the head is what is not black.
    tissue = (coarse > max(TISSUE_HU, int(coarse.min()))).astype(np.uint8)
    found = [cross_section for plane in tissue if (cross_section := _largest_piece(plane)) is not None]
    if not found:
        return (hu.shape[1] - 1) / 2, (hu.shape[2] - 1) / 2
    cell_mm2 = step[0] * pixel_mm[0] * step[1] * pixel_mm[1]
    area = np.array([piece.sum() for piece in found], dtype=np.float64)
    usable = area * cell_mm2 <= LARGEST_HEAD_MM2
    if not usable.any():
        usable[:] = True
    near_largest = usable & (area >= NEAR_LARGEST * area[usable].max())
    middles = np.array([_middle(piece) for piece, use in zip(found, near_largest, strict=True) if use])
    row, column = np.median(middles, axis=0)
    return float(row) * step[0], float(column) * step[1]


def _largest_piece(tissue: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """The largest connected part of one slice's tissue, without what is thinner than three coarse pixels."""
    opened = cv2.morphologyEx(tissue, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray(labels == largest)


def _middle(piece: NDArray[np.bool_]) -> tuple[float, float]:
    """Half-way between the tails of a cross-section, along rows and along columns."""
    rows, columns = (_half_way(piece.sum(axis=axis)) for axis in (1, 0))
    return rows, columns


def _half_way(profile: NDArray[np.int_]) -> float:
    share = np.cumsum(profile) / profile.sum()
    low, high = (float(np.searchsorted(share, tail)) for tail in TAILS)
    return (low + high) / 2
