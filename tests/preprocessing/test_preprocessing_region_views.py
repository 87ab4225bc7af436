"""A region's two views: grey where it lies, untouched elsewhere, the same whatever the lesion looks like."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.preprocessing.orient import Orientation
from bregma.preprocessing.pipeline import Preprocessing, place, prepare
from bregma.preprocessing.region_views import RegionSettings, RegionViews, view_region
from bregma.scan.errors import RecipeError, RequestError
from bregma.scan.volume import Geometry, Volume

SIZE = 96
SMALL = RegionSettings(
    slices=Preprocessing(pixel_mm=2.0, field_of_view_mm=192.0), local_size=32, global_size=48, least_mm=40.0
)


def head(pixel_mm: float = 2.0) -> Volume:
    """A round head of 36 HU with a dark middle, on one slice of 96 x 96."""
    row, column = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    away = np.hypot(row, column)
    hu = np.where(away < 40, 36, -1000) + np.where(away < 8, -30, 0)
    geometry = Geometry(
        SIZE, SIZE, np.zeros((1, 3)), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (pixel_mm, pixel_mm)
    )
    return Volume(hu[None].astype(np.int16), geometry)


def blob() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[30:41, 52:60] = True
    mask[33, 47:52] = True
    return mask


def seen(volume: Volume, region: np.ndarray, chosen: RegionSettings = SMALL) -> RegionViews:
    return view_region(volume.values[0], region, place(volume, chosen.slices), chosen)


def test_the_region_is_grey_and_the_rest_is_the_prepared_slice() -> None:
    volume, chosen = head(), dataclasses.replace(SMALL, global_size=96)
    whole, shown = seen(volume, blob(), chosen).whole, prepare(volume, chosen.slices).images[0, 0]
    changed = whole != shown
    assert changed.sum() == blob().sum()  # the grid of the prepared slice is the stored one here
    assert np.allclose(whole[changed], chosen.grey)


def test_the_local_crop_is_centred_on_the_region() -> None:
    views = seen(head(), blob())
    # rows 30..40, columns 47..59 of 2 mm: 26 mm, one context each side makes 39 pixels
    assert views.square.side == 39
    assert (views.square.row + 19.5, views.square.column + 19.5) == pytest.approx((35.5, 53.5), abs=0.51)
    assert views.local.shape == (32, 32)
    assert views.whole.shape == (48, 48)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), pixel_mm=st.sampled_from([0.47, 1.3, 2.0, 2.9]))
def test_the_views_do_not_depend_on_the_texture_of_the_lesion(seed: int, pixel_mm: float) -> None:
    plain, region = head(pixel_mm), blob()
    rng = np.random.default_rng(seed)
    values = plain.values.copy()
    values[0, region] = rng.integers(-1024, 3071, region.sum())
    # where the field of view lies is decided by the outline of the head, not by this region
    placement = place(plain, SMALL.slices)
    one, other = (view_region(hu[0], region, placement, SMALL) for hu in (plain.values, values))
    assert np.array_equal(one.local, other.local)
    assert np.array_equal(one.whole, other.whole)


def test_a_slice_stored_another_way_round_gives_the_same_views() -> None:
    volume, region = head(), blob()
    placement = place(volume, SMALL.slices)
    turned = dataclasses.replace(
        placement, orientation=Orientation(transposed=True), rows=placement.rows, columns=placement.columns
    )
    one = view_region(volume.values[0], region, placement, SMALL)
    other = view_region(volume.values[0].T, region.T, turned, SMALL)
    assert np.array_equal(one.whole, other.whole)
    assert one.square == other.square


def test_the_slice_itself_is_left_as_it_is() -> None:
    volume = head()
    before = volume.values.copy()
    seen(volume, blob())
    assert np.array_equal(volume.values, before)


def test_a_region_outside_the_field_of_view_is_an_error() -> None:
    chosen = RegionSettings(slices=Preprocessing(pixel_mm=2.0, field_of_view_mm=64.0))
    region = np.zeros((SIZE, SIZE), bool)
    region[0, 0] = True
    with pytest.raises(RequestError, match="outside the 64 mm"):
        seen(head(), region, chosen)


def test_settings_go_to_plain_data_and_back() -> None:
    assert RegionSettings.from_dict(SMALL.to_dict()) == SMALL
    assert RegionSettings.from_dict({}) == RegionSettings()
    digests = {dataclasses.replace(SMALL, **change).digest for change in ({}, {"grey": 0.5}, {"local_size": 64})}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"gray": 0.5}, "no key 'gray'; did you mean 'grey'"),
        ({"grey": 1.5}, "grey is 1.5"),
        ({"least_mm": 0}, "above 0 mm"),
        ({"local_size": 8}, "expected 16 or more"),
        ({"local_size": 33.5}, "expected a whole number"),
        ({"slices": {"windows": ["brain", "bone"]}}, "regions are shown in one window"),
    ],
)
def test_settings_that_make_no_sense_are_errors(data: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        RegionSettings.from_dict(data)
