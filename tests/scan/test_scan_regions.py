from __future__ import annotations

import numpy as np
import pytest

from bregma.scan.regions import box_of_mask, side_of_mask, volume_ml
from bregma.scan.volume import Geometry


def head(*, mirrored: bool = False) -> Geometry:
    """3 slices 5 mm apart, 100 x 100 pixels of 2 mm; x from -99 to 99, or the same stored from left to right."""
    sign = -1.0 if mirrored else 1.0
    origins = np.array([[-99.0 * sign, -99.0, 5.0 * i] for i in range(3)])
    return Geometry(100, 100, origins, np.array([sign, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), (2.0, 2.0))


def mask(columns: slice) -> np.ndarray:
    drawn = np.zeros((3, 100, 100), bool)
    drawn[1:, 40:60, columns] = True
    return drawn


def test_a_box_reaches_to_the_outer_edges_of_its_pixels() -> None:
    box = box_of_mask(mask(slice(10, 20)), head())
    # columns 10..19 are centred at -79..-61; edges one millimetre further out
    assert box.low_mm == pytest.approx((-80, -20, 5))
    assert box.high_mm == pytest.approx((-60, 20, 10))


def test_volume_counts_each_slice_by_its_reach() -> None:
    # 2 slices x 20 rows x 10 columns x 2 x 2 x 5 mm
    assert volume_ml(mask(slice(10, 20)), head()) == pytest.approx(2 * 200 * 20 / 1000)


@pytest.mark.parametrize(
    ("columns", "side"),
    [(slice(10, 20), "right"), (slice(80, 90), "left"), (slice(47, 53), "midline"), (slice(5, 95), "both")],
)
def test_side_comes_from_geometry_alone(columns: slice, side: str) -> None:
    assert side_of_mask(mask(columns), head(), midline_x_mm=0.0) == side
    flipped = mask(columns)[:, :, ::-1]
    assert side_of_mask(flipped, head(mirrored=True), midline_x_mm=0.0) == side


def test_a_lesion_well_over_the_midline_is_on_both_sides() -> None:
    assert side_of_mask(mask(slice(30, 80)), head(), midline_x_mm=0.0) == "both"
