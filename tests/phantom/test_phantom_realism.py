"""What is no bleed and what the scanner adds: each changes what it is about, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bregma.phantom import HeadParameters, LookAlikes, Phantom, Scanner, Shape, draw

SCANNER = Scanner(size=96, slices=24, spacing_mm=6.0, thickness_mm=5.0, noise_hu=0.0, table=False, hardening=0.0)
HEAD = HeadParameters(Shape(seed=7), LookAlikes(0.0, 0.0, 0.0, 0.0, 0.0), scanner=SCANNER, seed=3)


def changed(**scanner: float) -> tuple[Phantom, np.ndarray]:
    """The head under another scanner setting, and (D, H, W) what that changed in HU."""
    phantom = draw(replace(HEAD, scanner=replace(SCANNER, **scanner)))  # type: ignore[arg-type]
    return phantom, phantom.volume.values.astype(int) - draw(HEAD).volume.values


@pytest.mark.parametrize("looks", [{"infarct": 0.8}, {"lacunes": 1.0}])
def test_an_old_infarct_darkens_brain_and_is_no_bleed(looks: dict[str, float]) -> None:
    plain = draw(HEAD).volume.values.astype(int)
    phantom = draw(replace(HEAD, look_alikes=replace(HEAD.look_alikes, **looks)))
    difference = phantom.volume.values - plain
    touched = np.abs(difference) > 3
    assert touched.any()
    assert difference[touched].max() < 0
    assert ((plain[touched] > 15) & (plain[touched] < 60)).mean() > 0.9
    assert not any(mask.any() for mask in phantom.masks.values())


def test_a_large_infarct_is_tens_of_millilitres_on_one_side() -> None:
    """An ellipsoid of 32 mm and its 0.8 and 1.1 fold is 121 mL; about half of it lies in brain and on this grid."""
    plain = draw(HEAD)
    phantom = draw(replace(HEAD, look_alikes=replace(HEAD.look_alikes, infarct=1.0)))
    dark = plain.volume.values.astype(int) - phantom.volume.values > 5
    millilitres = dark.sum() * 2.5**2 * 6.0 / 1000
    assert 30 < millilitres < 140
    x = np.argwhere(dark)[:, 2] - 47.5
    assert max((x > 0).mean(), (x < 0).mean()) > 0.9


def test_a_head_at_rest_is_drawn_as_before() -> None:
    _, difference = changed(motion_mm=0.0, streaks=0.0)
    assert not difference.any()


def test_a_moving_head_is_blurred_on_some_slices_only() -> None:
    _, difference = changed(motion_mm=2.0)
    moved = np.abs(difference).max(axis=(1, 2)) > 20
    assert 0 < moved.sum() < len(moved)


def test_metal_is_bright_and_throws_rays_of_either_sign_near_it() -> None:
    phantom, difference = changed(streaks=1.0)
    assert phantom.volume.values.max() > 1500
    assert (difference > 10).any()
    assert (difference < -10).any()
    touched = np.abs(difference).max(axis=(1, 2)) > 5
    assert 0 < touched.sum() < len(touched)
    outside = draw(HEAD).volume.values < -600
    assert np.abs(difference[outside & (phantom.volume.values < -600)]).max() <= 60
