"""Patches hold whole tumours, boxes follow, and what is larger than a patch has its rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.preprocessing.tumour_mirror import left_right_axis, mirrored_labels
from bregma.preprocessing.tumour_patch import (
    box_in_patch,
    clipped_box,
    covering_starts,
    cut_patch,
    mirrored_box,
    random_start,
)
from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Geometry


def inside(array: np.ndarray, box: VoxelBox) -> np.ndarray:
    return array[tuple(slice(low, high) for low, high in zip(box.start, box.stop, strict=True))]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[VoxelBox, tuple[int, int, int], tuple[int, int, int], int]:
    shape = draw(st.tuples(*[st.integers(1, 12)] * 3))
    start = tuple(draw(st.integers(0, length - 1)) for length in shape)
    stop = tuple(draw(st.integers(low + 1, length)) for low, length in zip(start, shape, strict=True))
    size = draw(st.tuples(*[st.integers(1, 12)] * 3))
    return VoxelBox(start, stop), shape, size, draw(st.integers(0, 1000))  # type: ignore[arg-type]


@given(scenes())
def test_a_random_patch_holds_the_tumour_or_lies_in_it_and_leaves_the_scan_only_where_it_must(scene) -> None:
    box, shape, size, seed = scene
    start = random_start(box, shape, size, np.random.default_rng(seed))
    for first, low, high, length, reach in zip(start, box.start, box.stop, shape, size, strict=True):
        if high - low <= reach:
            assert first <= low
            assert high <= first + reach
        else:
            assert low <= first
            assert first + reach <= high
        if length >= reach:
            assert 0 <= first <= length - reach
    assert box_in_patch(box, start, size) is not None


@given(scenes())
def test_what_the_box_in_the_patch_shows_is_what_the_box_in_the_scan_shows(scene) -> None:
    box, shape, size, seed = scene
    values = np.arange(1, np.prod(shape) + 1).reshape(shape)
    start = random_start(box, shape, size, np.random.default_rng(seed))
    moved = box_in_patch(box, start, size)
    assert moved is not None
    assert moved == clipped_box(box, start, size)
    seen = inside(cut_patch(values, start, size), moved)
    assert set(seen.ravel()) <= set(inside(values, box).ravel())
    if all(high - low <= reach for low, high, reach in zip(box.start, box.stop, size, strict=True)):
        np.testing.assert_array_equal(seen, inside(values, box))


@given(scenes())
def test_the_covering_patches_show_every_voxel_of_the_box_and_no_more_are_taken_than_needed(scene) -> None:
    box, shape, size, _ = scene
    values = np.arange(1, np.prod(shape) + 1).reshape(shape)
    starts = covering_starts(box, shape, size)
    seen = {
        value
        for start in starts
        for value in inside(cut_patch(values, start, size), clipped_box(box, start, size)).ravel()
    }
    assert seen == set(inside(values, box).ravel())
    needed = [-(-(high - low) // reach) for low, high, reach in zip(box.start, box.stop, size, strict=True)]
    assert len(starts) == np.prod(needed)


@given(scenes(), st.integers(0, 2))
def test_a_mirrored_box_shows_the_mirrored_values_and_twice_is_the_same(scene, axis: int) -> None:
    box, shape, _, _ = scene
    values = np.arange(np.prod(shape)).reshape(shape)
    mirrored = mirrored_box(box, shape, axis)
    np.testing.assert_array_equal(inside(np.flip(values, axis), mirrored), np.flip(inside(values, box), axis))
    assert mirrored_box(mirrored, shape, axis) == box


def test_every_place_that_fits_comes_up() -> None:
    box, rng = VoxelBox((0, 0, 4), (1, 1, 6)), np.random.default_rng(0)
    drawn = {random_start(box, (1, 1, 10), (1, 1, 4), rng)[2] for _ in range(200)}
    assert drawn == {2, 3, 4}


def test_a_half_cut_tumour_has_no_box_and_a_whole_neighbour_has_one() -> None:
    size = (4, 4, 4)
    assert box_in_patch(VoxelBox((2, 2, 2), (6, 4, 4)), (0, 0, 0), size) is None
    assert box_in_patch(VoxelBox((2, 2, 2), (4, 4, 4)), (1, 0, 0), size) == VoxelBox((1, 2, 2), (3, 4, 4))


def test_a_tumour_larger_than_the_patch_counts_where_it_fills_it_only() -> None:
    large = VoxelBox((0, 0, 2), (1, 1, 12))
    assert box_in_patch(large, (0, 0, 5), (1, 1, 4)) == VoxelBox((0, 0, 0), (1, 1, 4))
    assert box_in_patch(large, (0, 0, 0), (1, 1, 4)) is None
    assert covering_starts(large, (1, 1, 20), (1, 1, 4)) == [(0, 0, 2), (0, 0, 5), (0, 0, 8)]


def test_a_scan_smaller_than_the_patch_lies_in_its_middle() -> None:
    patch = cut_patch(np.ones((1, 2, 2)), (0, -1, -1), (1, 4, 4))
    assert random_start(VoxelBox((0, 0, 0), (1, 1, 1)), (1, 2, 2), (1, 4, 4), np.random.default_rng(0)) == (0, -1, -1)
    np.testing.assert_array_equal(patch[0], [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("along_row", "along_column", "axis"),
    [((1, 0, 0), (0, 1, 0), 2), ((0, 1, 0), (1, 0, 0), 1), ((0, 1, 0), (0, 0, -1), 0), ((-1, 0, 0), (0, 0, -1), 2)],
)
def test_left_and_right_are_exchanged_along_the_axis_that_runs_from_one_to_the_other(
    along_row: tuple[float, ...], along_column: tuple[float, ...], axis: int
) -> None:
    geometry = Geometry(2, 2, np.zeros((1, 3)), np.array(along_row, float), np.array(along_column, float), (1.0, 1.0))
    assert left_right_axis(geometry) == axis


def test_nobody_knows_left_without_a_geometry() -> None:
    assert left_right_axis(None) is None


def test_a_mirror_swaps_the_side_and_leaves_the_rest() -> None:
    labels = {"type": "schwannoma", "side": "left", "depth": "rear", "height": "lower"}
    assert mirrored_labels(labels) == {**labels, "side": "right"}
    assert mirrored_labels(mirrored_labels(labels)) == labels
    assert mirrored_labels({"type": "meningioma"}) == {"type": "meningioma"}
