"""Cut-outs of hand-made slices, whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.preprocessing.crop import Square, crop, square_around, uncrop

SIDES = st.integers(-6, 22)


def region(rows: slice, columns: slice, size: int = 32) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[rows, columns] = True
    return mask


def test_the_square_lies_around_the_region_with_its_context() -> None:
    # rows 10..13, columns 4..7: side 4, one side of context each way makes 12, middle at (12, 6)
    assert square_around(region(slice(10, 14), slice(4, 8)), context=1.0, least=1) == Square(6, 0, 12)


def test_a_speck_is_seen_with_its_surroundings() -> None:
    assert square_around(region(slice(16, 17), slice(16, 17)), context=0.0, least=9) == Square(12, 12, 9)


def test_a_crop_holds_the_pixels_of_its_square_and_air_outside() -> None:
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert crop(image, Square(1, 1, 2), 2).tolist() == [[5.0, 6.0], [9.0, 10.0]]
    assert crop(image, Square(-1, 3, 2), 2, fill=-1.0).tolist() == [[-1.0, -1.0], [3.0, -1.0]]


def test_a_smaller_crop_is_a_mean_of_areas() -> None:
    image = np.array([[1, 3], [5, 7]], np.float32)
    assert crop(image, Square(0, 0, 2), 1).tolist() == [[4.0]]


def test_a_square_beside_the_slice_is_empty() -> None:
    assert not crop(np.ones((4, 4), np.float32), Square(10, 10, 3), 3).any()
    assert not uncrop(np.ones((3, 3), np.float32), Square(10, 10, 3), (4, 4)).any()


@given(row=SIDES, column=SIDES, side=st.integers(1, 12))
def test_uncropping_undoes_cropping(row: int, column: int, side: int) -> None:
    image = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    square = Square(row, column, side)
    back = uncrop(crop(image, square, side), square, image.shape, fill=-1.0)
    inside = np.zeros(image.shape, bool)
    inside[max(row, 0) : max(row + side, 0), max(column, 0) : max(column + side, 0)] = True
    assert np.array_equal(back[inside], image[inside])
    assert (back[~inside] == -1.0).all()


@given(row=SIDES, column=SIDES, side=st.integers(1, 40), size=st.integers(1, 40), at=st.floats(-5, 45))
def test_places_go_there_and_back(row: int, column: int, side: int, size: int, at: float) -> None:
    square, places = Square(row, column, side), np.array([[at, 3.0]])
    assert square.to_cut(square.to_slice(places, size), size) == pytest.approx(places, abs=1e-9)


def test_the_first_pixel_of_a_cut_out_covers_its_share_of_the_slice() -> None:
    # a square of 4 pixels shown on 2: pixel 0 is the mean of rows 10 and 11, whose middle is 10.5
    assert Square(10, 20, 4).to_slice(np.array([0.0, 1.0]), 2).tolist() == [10.5, 22.5]
