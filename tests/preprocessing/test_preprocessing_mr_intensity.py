"""MR values on a common scale: known percentiles, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.preprocessing.mr_intensity import MrIntensity, background_level, normalise
from bregma.scan.errors import RecipeError, RefusedError


def _head(air: int = 4000) -> np.ndarray:
    """Air of 0 to 4 around a head of 100, 101 ... 200, each value ten times."""
    head = np.repeat(np.arange(100, 201), 10)
    return np.concatenate([np.arange(air) % 5, head]).astype(np.float64)


def test_percentiles_of_the_head_become_0_and_1() -> None:
    out = normalise(_head(), MrIntensity(0.0, 100.0))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out[4000::10], np.linspace(0.0, 1.0, 101), atol=1e-6)
    assert (out[:4000] == 0.0).all()


def test_the_default_percentiles_leave_one_percent_on_each_side() -> None:
    out = normalise(_head(), MrIntensity())
    low, high = np.percentile(np.repeat(np.arange(100, 201), 10), (1, 99))
    assert out[4000 + 500] == pytest.approx((150 - low) / (high - low))
    assert out.max() == pytest.approx((200 - low) / (high - low))
    assert out.max() > 1.0


def test_how_much_air_there_is_does_not_matter() -> None:
    np.testing.assert_allclose(
        normalise(_head(2000), MrIntensity())[2000:], normalise(_head(9000), MrIntensity())[9000:]
    )


def test_what_outshines_the_head_is_clipped() -> None:
    values = np.append(_head(), 100000.0)
    assert normalise(values, MrIntensity())[-1] == np.float32(1.5)


@given(scale=st.floats(0.01, 1000), shift=st.floats(-500, 500))
def test_scale_and_shift_of_the_scanner_fall_out(scale: float, shift: float) -> None:
    """As for a z-scored scan, whose air is a constant below zero."""
    values = _head()
    np.testing.assert_allclose(
        normalise(values * scale + shift, MrIntensity()), normalise(values, MrIntensity()), atol=2e-3
    )


def test_dark_fluid_is_head_and_a_constant_background_is_not() -> None:
    """A skull-stripped, z-scored scan: -4 outside, fluid near -2, brain near 0, vessels near 2."""
    values = np.concatenate([np.full(6000, -4.0), np.full(300, -2.0), np.zeros(2000), np.full(200, 2.0)])
    assert -4.0 < background_level(values) < -2.0
    out = normalise(values, MrIntensity(0.0, 100.0))
    assert (out[0], out[6000], out[6300], out[-1]) == (0.0, 0.0, 0.5, 1.0)


def test_a_blank_scan_and_an_empty_one_stay_blank() -> None:
    assert (normalise(np.full((2, 3, 4), 7, np.int16), MrIntensity()) == 0.0).all()
    assert normalise(np.zeros((0, 3, 4), np.int16), MrIntensity()).shape == (0, 3, 4)


def test_a_head_of_one_value_is_1() -> None:
    out = normalise(np.array([0.0] * 50 + [9.0] * 50), MrIntensity())
    assert out.tolist() == [0.0] * 50 + [1.0] * 50


def test_whole_numbers_are_not_changed_in_place() -> None:
    values = _head().astype(np.int16)
    before = values.copy()
    normalise(values, MrIntensity())
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_no_number_is_refused(wrong: float) -> None:
    values = _head()
    values[3] = wrong
    with pytest.raises(RefusedError, match="1 value of the scan") as caught:
        normalise(values, MrIntensity())
    assert caught.value.code == "not_a_number"


def test_one_wrong_value_between_those_that_are_sampled_is_found() -> None:
    values = np.tile(_head(), 700).astype(np.float32)
    values[1] = np.nan
    with pytest.raises(RefusedError, match="no number"):
        normalise(values, MrIntensity())


@pytest.mark.parametrize(("low", "high"), [(-1.0, 99.0), (50.0, 50.0), (1.0, 101.0), (float("nan"), 99.0)])
def test_percentiles_must_rise(low: float, high: float) -> None:
    with pytest.raises(RecipeError, match="percentile"):
        MrIntensity(low, high)
