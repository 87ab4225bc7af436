"""Where the middle of the head lies in the slices, and whether it lies sideways, from Hounsfield units alone.

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

MOST_SLICES = 16
"""No more slices than this are looked at, evenly spread: all the large cross-sections say the same."""

LARGEST_HEAD_MM2 = 40_000.0
"""Larger cross-sections are shoulders; the largest heads have about 200 x 250 mm, an ellipse of 39,000 mm2."""

NEAR_LARGEST = 0.8
"""Slices with at least this share of the largest cross-section say where the middle is."""

TAILS = (0.02, 0.98)
"""Between these shares of a cross-section lies the head; outside: nose, ears, tubes, what is left of a headrest."""


LYING = 1.03
"""A head is longer from front to back than across, by a sixth on average; one that is longer across lies sideways."""


def find_head_centre(hu: NDArray[np.int16], pixel_mm: tuple[float, float]) -> tuple[float, float]:
    """The middle of the head in the slices, one place for the whole scan.

    Args:
        hu: (D, H, W) Hounsfield units; padding at or below -1000 is air.
        pixel_mm: (row_mm, column_mm).

    Returns:
        (row, column), fractional; the middle of the image where there is nothing to see.
    """
    step_rows, step_columns = _steps(pixel_mm)
    largest = _largest_sections(hu, pixel_mm)
    if not len(largest):
        return (hu.shape[1] - 1) / 2, (hu.shape[2] - 1) / 2
    row, column = (float(np.median(np.mean(_ends(largest.sum(axis=axis)), axis=0))) for axis in (2, 1))
    return row * step_rows, column * step_columns


def lies_sideways(hu: NDArray[np.int16], pixel_mm: tuple[float, float]) -> bool:
    """Whether the head is clearly longer along the columns than along the rows, as no upright head is.

    Args:
        hu: (D, H, W) Hounsfield units.
        pixel_mm: (row_mm, column_mm); only their ratio counts where they were assumed.
    """
    largest = _largest_sections(hu, pixel_mm)
    if not len(largest):
        return False
    (top, bottom), (left, right) = (_ends(largest.sum(axis=axis)) for axis in (2, 1))
    step_rows, step_columns = _steps(pixel_mm)
    tall = np.median(bottom - top + 1) * step_rows * pixel_mm[0]
    return bool(np.median(right - left + 1) * step_columns * pixel_mm[1] > LYING * tall)


def _steps(pixel_mm: tuple[float, float]) -> tuple[int, int]:
    step_rows, step_columns = (max(1, round(COARSE_MM / mm)) for mm in pixel_mm)
    return step_rows, step_columns


def _largest_sections(hu: NDArray[np.int16], pixel_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """(N, rows, columns) coarse cross-sections of the head where it is largest; none where there is nothing to see."""
    step_rows, step_columns = _steps(pixel_mm)
    coarse = np.ascontiguousarray(hu[:: -(-len(hu) // MOST_SLICES), ::step_rows, ::step_columns])
    # Images that were saved through a window have no air below -300: there the head is what is not black.
    tissue = (coarse > max(TISSUE_HU, int(coarse.min()))).view(np.uint8)
    pieces = _largest_pieces(tissue)
    area = pieces.sum(axis=(1, 2), dtype=np.float64)
    if not area.any():
        return pieces[:0]
    cell_mm2 = step_rows * pixel_mm[0] * step_columns * pixel_mm[1]
    no_shoulders = np.where(area * cell_mm2 <= LARGEST_HEAD_MM2, area, 0.0)
    usable = no_shoulders if no_shoulders.any() else area
    largest: NDArray[np.bool_] = pieces[usable >= NEAR_LARGEST * usable.max()]
    return largest


def _largest_pieces(tissue: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The largest connected part of each slice's tissue, without what is thinner than three coarse pixels.

    All slices are searched at once, as one tall image with a row of air below each.
    """
    slices, height, width = tissue.shape
    tall = np.pad(tissue, ((0, 0), (0, 1), (0, 0))).reshape(-1, width)
    opened = cv2.morphologyEx(tall, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    by_size = 1 + np.argsort(stats[1:, cv2.CC_STAT_AREA], kind="stable")
    largest = np.full(slices, -1)
    largest[stats[by_size, cv2.CC_STAT_TOP] // (height + 1)] = by_size  # the last one of a slice stays
    return np.asarray(labels.reshape(slices, height + 1, width)[:, :height] == largest[:, None, None])


def _ends(profiles: NDArray[np.int_]) -> NDArray[np.int_]:
    """(2, D): where each of several profiles (D, length) begins and ends, without its tails."""
    share = np.cumsum(profiles, axis=1) / profiles.sum(axis=1, keepdims=True)
    return np.stack([(share < tail).sum(axis=1) for tail in TAILS])
