"""Neighbouring slices as channels."""

import numpy as np
import pytest

from bregma.preprocessing.neighbours import with_neighbours


def numbered(*slices: int) -> np.ndarray:
    """A slice of one pixel per number, in two channels: n and 10 n."""
    return np.array([[[[n]], [[10 * n]]] for n in slices], np.uint8)


def test_the_lowest_comes_first_and_the_outermost_repeat_themselves() -> None:
    seen = with_neighbours(numbered(1, 2, 3), 1)
    assert seen.shape == (3, 6, 1, 1)
    assert seen[..., 0, 0].tolist() == [[1, 10, 1, 10, 2, 20], [1, 10, 2, 20, 3, 30], [2, 20, 3, 30, 3, 30]]


def test_further_neighbours_of_a_short_scan_repeat_too() -> None:
    assert with_neighbours(numbered(1, 2), 2)[:, ::2, 0, 0].tolist() == [[1, 1, 1, 2, 2], [1, 1, 2, 2, 2]]


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_grey_stays_grey_and_floats_stay_floats(kind: type) -> None:
    assert with_neighbours(numbered(1, 2).astype(kind), 3).dtype == kind


def test_without_neighbours_nothing_is_copied() -> None:
    images = numbered(1)
    assert with_neighbours(images, 0) is images
