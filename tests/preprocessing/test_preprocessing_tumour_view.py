"""A prepared scan: values on a common scale, voxels of a common size, boxes that hold the same tissue."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bregma.preprocessing.mr_intensity import MrIntensity, normalise
from bregma.preprocessing.tumour_view import (
    PreparedMr,
    TumourView,
    prepare_mr,
    prepared_box,
    prepared_map,
)
from bregma.scan.errors import RecipeError, RequestError
from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Geometry, Volume


def volume(values: np.ndarray, *, gap_mm: float = 4.0, pixel_mm: float = 1.0) -> Volume:
    origins = np.array([[0.0, 0.0, gap_mm * z] for z in range(len(values))])
    geometry = Geometry(*values.shape[1:], origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (pixel_mm, pixel_mm))
    return Volume(values.astype(np.int16), geometry)


def view(voxel_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> TumourView:
    return TumourView(MrIntensity(), voxel_mm, (4, 8, 8))


def ramp(*shape: int) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[-1]) * 10, shape)


def test_without_a_wanted_size_the_scan_is_only_normalised() -> None:
    values = np.random.default_rng(0).integers(0, 500, (3, 10, 12))
    prepared = prepare_mr(volume(values), view())
    np.testing.assert_array_equal(prepared.values, normalise(values, MrIntensity()))
    assert prepared.steps == (1.0, 1.0, 1.0)


def test_voxels_are_brought_to_the_wanted_size_and_thick_slices_stay() -> None:
    prepared = prepare_mr(volume(ramp(3, 20, 40), pixel_mm=0.5), view((0.0, 1.0, 1.0)))
    assert prepared.shape == (3, 10, 20)
    assert prepared.steps == (1.0, 2.0, 2.0)


def test_a_ramp_stays_a_ramp_when_it_shrinks_and_when_it_grows() -> None:
    stored = normalise(ramp(2, 8, 40), MrIntensity(0.0, 100.0))
    for voxel_mm, step in ((2.0, 2.0), (0.5, 0.5)):
        prepared = prepare_mr(volume(ramp(2, 8, 40)), TumourView(MrIntensity(0, 100), (0, 0, voxel_mm), (1, 1, 1)))
        middles = (np.arange(prepared.shape[2]) + 0.5) * step - 0.5
        expected = np.interp(middles, np.arange(40), stored[0, 0])
        inner = (expected > 0.1) & (middles < 36)  # away from the clip at 0, and from the edge
        assert inner.sum() > 8
        np.testing.assert_allclose(prepared.values[0, 0, inner], expected[inner], atol=1e-5)


def test_slices_are_interpolated_where_the_recipe_asks_for_it() -> None:
    prepared = prepare_mr(volume(ramp(5, 8, 8), gap_mm=4.0), view((2.0, 0.0, 0.0)))
    assert prepared.shape == (10, 8, 8)


def test_a_single_slice_keeps_its_one_slice_and_an_unknown_geometry_its_voxels() -> None:
    assert prepare_mr(volume(ramp(1, 8, 8)), view((1.0, 2.0, 2.0))).shape == (1, 4, 4)
    assert prepare_mr(Volume(ramp(1, 8, 8).astype(np.int16), None), view((1.0, 2.0, 2.0))).shape == (1, 8, 8)


def test_a_box_takes_in_every_voxel_that_it_touches() -> None:
    prepared = PreparedMr(np.zeros((3, 5, 5), np.float32), (1.0, 2.0, 2.0))
    assert prepared_box(VoxelBox((1, 3, 4), (2, 4, 7)), prepared) == VoxelBox((1, 1, 2), (2, 2, 4))


def test_a_box_beyond_the_scan_is_refused_in_stored_voxels() -> None:
    prepared = PreparedMr(np.zeros((3, 5, 5), np.float32), (1.0, 2.0, 2.0))
    with pytest.raises(RequestError, match=r"\(0, 0, 0\) to \(1, 12, 4\) reaches beyond the scan of \[3, 10, 10\]"):
        prepared_box(VoxelBox((0, 0, 0), (1, 12, 4)), prepared)


def test_a_map_has_the_number_at_the_middle_of_each_prepared_voxel() -> None:
    numbers = np.zeros((1, 1, 6), np.uint8)
    numbers[0, 0, 2:4] = 7
    prepared = PreparedMr(np.zeros((1, 1, 3), np.float32), (1.0, 1.0, 2.0))
    np.testing.assert_array_equal(prepared_map(numbers, prepared)[0, 0], [0, 7, 0])


def test_a_view_survives_json() -> None:
    one = TumourView(MrIntensity(2.0, 98.0), (0.0, 1.3, 1.3), (1, 96, 96))
    assert TumourView.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize(
    "change", [{"patch": [0, 8, 8]}, {"patch": 3}, {"voxel_mm": [-1.0, 1.0, 1.0]}, {"windows": 1}, {"patch": [1, 8]}]
)
def test_a_view_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"expected|cannot be used"):
        TumourView.from_dict({**view().to_dict(), **change})
