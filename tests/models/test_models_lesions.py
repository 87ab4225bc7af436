from __future__ import annotations

import numpy as np
import pytest

from bregma.models.lesions import find_lesions, lesion_on_slice, mask_of_lesions
from bregma.scan.regions import box_of_mask
from bregma.scan.volume import Geometry
from tiny_models import head_scan

GEOMETRY = head_scan(slices=6, gap_mm=5.0).volume.geometry
"""80 x 80 pixels of 2 mm: a pixel on a slice is 0.02 mL. Column 39.5 is the middle."""


def empty() -> np.ndarray:
    return np.zeros((6, 80, 80), dtype=np.float32)


def test_two_bleeds_the_largest_first() -> None:
    maps = empty()
    maps[1:3, 40:45, 50:60] = 0.9
    maps[4, 10:20, 5:10] = 0.7
    first, second = find_lesions(maps, GEOMETRY, midline_x_mm=0.0)
    assert (first.id, first.volume_ml, first.slices) == ("L1", pytest.approx(2.0), (1, 2))
    assert (second.id, second.volume_ml, second.slices) == ("L2", pytest.approx(1.0), (4,))
    assert (first.side, second.side) == ("left", "right")
    assert first.probabilities == {"any": pytest.approx(0.9)}
    assert first.box_mm is not None
    assert first.box_mm.low_mm == pytest.approx((20.0, 0.0, 5.0))
    assert first.box_mm.high_mm == pytest.approx((40.0, 10.0, 10.0))


@pytest.mark.parametrize("turned", [False, True])
def test_the_box_is_that_of_all_its_pixels(turned: bool) -> None:
    angle = np.radians(20.0) if turned else 0.0
    across, down = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0])
    assert GEOMETRY is not None
    geometry = Geometry(80, 80, GEOMETRY.origins, across, down, (2.0, 2.0))
    rng = np.random.default_rng(0)
    maps = np.zeros((6, 80, 80), dtype=np.float32)
    maps[1:4, 20:40, 30:60] = rng.random((3, 20, 30)) > 0.3
    lesions = find_lesions(maps, geometry, least_ml=1.0)
    assert len(lesions) == 1
    box, expected = lesions[0].box_mm, box_of_mask(mask_of_lesions(lesions, (6, 80, 80)), geometry)
    assert box is not None
    assert (*box.low_mm, *box.high_mm) == pytest.approx((*expected.low_mm, *expected.high_mm))


def test_what_touches_by_a_corner_or_across_slices_is_one() -> None:
    maps = empty()
    maps[1, 40:45, 50:55] = 0.9
    maps[2, 45:50, 55:60] = 0.9
    assert [lesion.slices for lesion in find_lesions(maps, GEOMETRY)] == [(1, 2)]


def test_specks_are_dropped() -> None:
    maps = empty()
    maps[1, 40, 40:44] = 1.0
    maps[3, 40, 40:45] = 1.0
    assert [lesion.volume_ml for lesion in find_lesions(maps, GEOMETRY, least_ml=0.1)] == [pytest.approx(0.1)]


def test_without_geometry_nothing_is_said_in_millimetres() -> None:
    maps = empty()
    maps[1, 40:45, 50:54] = 0.8
    maps[3, 40, 40:59] = 0.8
    (lesion,) = find_lesions(maps, None, midline_x_mm=None)
    assert (lesion.volume_ml, lesion.box_mm, lesion.side) == (None, None, None)
    assert lesion.slices == (1,)


def test_a_single_slice_has_a_place_but_no_volume() -> None:
    geometry = head_scan(slices=1).volume.geometry
    maps = np.zeros((1, 80, 80), dtype=np.float32)
    maps[0, 40:50, 50:60] = 0.8
    (lesion,) = find_lesions(maps, geometry, midline_x_mm=0.0)
    assert lesion.volume_ml is None
    assert lesion.side == "left"


def test_an_empty_map_has_no_lesions() -> None:
    assert find_lesions(empty(), GEOMETRY) == []
    assert not mask_of_lesions([], (6, 80, 80)).any()


def test_lesions_come_back_to_the_whole_grid() -> None:
    maps = empty()
    maps[1:3, 40:45, 50:60] = 0.9
    maps[4, 10:20, 5:10] = 0.7
    lesions = find_lesions(maps, GEOMETRY)
    assert np.array_equal(mask_of_lesions(lesions, (6, 80, 80)), maps >= 0.5)
    part = find_lesions(maps[4:], GEOMETRY, first_slice=4)
    assert part[0].slices == (4,)
    assert np.array_equal(lesion_on_slice(part[0], 4, (80, 80)), maps[4] >= 0.5)
    assert not lesion_on_slice(part[0], 5, (80, 80)).any()
    assert not lesion_on_slice(part[0], 0, (80, 80)).any()
