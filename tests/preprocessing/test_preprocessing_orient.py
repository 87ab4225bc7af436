"""Turning slices: exact, and the same patient comes out of every way to store it."""

import numpy as np
import pytest

from bregma.preprocessing.orient import AS_STORED, Orientation, canonical_orientation, turn, turn_back
from bregma.scan.volume import Geometry

LEFT, BACK, UP = np.eye(3)


def geometry(along_row: np.ndarray, along_column: np.ndarray) -> Geometry:
    return Geometry(4, 4, np.zeros((1, 3)), along_row, along_column, (1.0, 1.0))


@pytest.mark.parametrize(
    ("along_row", "along_column", "expected"),
    [
        (LEFT, BACK, Orientation()),
        (-LEFT, BACK, Orientation(flip_columns=True)),
        (LEFT, -BACK, Orientation(flip_rows=True)),
        (-LEFT, -BACK, Orientation(flip_rows=True, flip_columns=True)),
        (BACK, LEFT, Orientation(transposed=True)),
        (-BACK, LEFT, Orientation(transposed=True, flip_rows=True)),
        (BACK, -LEFT, Orientation(transposed=True, flip_columns=True)),
        (-BACK, -LEFT, Orientation(transposed=True, flip_rows=True, flip_columns=True)),
    ],
)
def test_all_eight_ways(along_row: np.ndarray, along_column: np.ndarray, expected: Orientation) -> None:
    assert canonical_orientation(geometry(along_row, along_column)) == expected


@pytest.mark.parametrize("degrees", [-25, 18.5, 30])
def test_tilt_and_a_turned_head_change_nothing(degrees: float) -> None:
    angle = np.radians(degrees)
    tilted = np.cos(angle) * BACK - np.sin(angle) * UP
    assert canonical_orientation(geometry(LEFT, tilted)) == AS_STORED
    turned = np.cos(angle) * LEFT + np.sin(angle) * BACK
    assert canonical_orientation(geometry(turned, np.cos(angle) * BACK - np.sin(angle) * LEFT)) == AS_STORED


def test_without_geometry_slices_stay_as_they_are() -> None:
    assert canonical_orientation(None) == AS_STORED


def test_a_turn_by_hand() -> None:
    stored = np.array([[1, 2, 3], [4, 5, 6]])
    assert turn(stored, Orientation(transposed=True, flip_rows=True)).tolist() == [[3, 6], [2, 5], [1, 4]]


@pytest.mark.parametrize("bits", range(8))
def test_turning_back_undoes_turning(bits: int) -> None:
    orientation = Orientation(bool(bits & 1), bool(bits & 2), bool(bits & 4))
    stored = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(turn_back(turn(stored, orientation), orientation), stored)
