"""Calcified dots, swollen scalp and dense dura look like blood, lie where they should, and are none."""

from dataclasses import replace

import numpy as np
import pytest

from bregma.phantom import HeadParameters, LookAlikes, Scanner, Shape, draw
from bregma.phantom.draw import Phantom
from bregma.phantom.parameters import Bleed
from bregma.phantom.placing import make_placing

SCANNER = Scanner(size=128, slices=32, spacing_mm=5.0, thickness_mm=2.5, noise_hu=1.0, table=False)
NO_LOOKS = LookAlikes(0.0, 0.0, 0.0, 0.0, 0.0)
PLAIN = HeadParameters(Shape(seed=7), NO_LOOKS, scanner=SCANNER, seed=3)


def with_looks(looks: LookAlikes, *, seed: int = 7) -> tuple[np.ndarray, np.ndarray, Phantom]:
    """(D, H, W) what look-alikes change in HU, (D, H, W, 3) head frame mm of the pixels, and the head with them."""
    plain = replace(PLAIN, shape=Shape(seed=seed))
    before, after = draw(plain), draw(replace(plain, look_alikes=looks))
    difference = after.volume.values.astype(int) - before.volume.values
    places = np.moveaxis(np.indices(difference.shape), 0, -1).astype(float)
    return difference, make_placing(plain).to_head(after.geometry.to_patient(places)), after


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_dots_are_small_bright_and_inside_the_skull(seed: int) -> None:
    difference, at, head = with_looks(replace(NO_LOOKS, specks=1.0), seed=seed)
    bright = difference > 25
    pixel_ml = (SCANNER.field_of_view_mm / SCANNER.size) ** 2 * SCANNER.spacing_mm / 1000
    assert 0 < bright.sum() * pixel_ml < 3
    assert (np.abs(at[bright][:, 0]) < 62).all()
    assert (difference > -25).all(), "nothing gets darker"
    assert not any(mask.any() for mask in head.masks.values())


def test_few_dots_are_fewer_than_many() -> None:
    few, many = (with_looks(replace(NO_LOOKS, specks=amount))[0] for amount in (0.3, 1.0))
    assert (few > 25).sum() < (many > 25).sum()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bruise_swells_the_scalp_over_whole_bone(seed: int) -> None:
    difference, _, head = with_looks(replace(NO_LOOKS, bruise=1.0), seed=seed)
    swollen = difference > 500
    assert swollen.sum() > 100, "skin where there was air"
    values = head.volume.values
    was_bone = (values - difference) > 700
    assert (values[was_bone] > 500).mean() > 0.99, "no crack runs through it"
    assert not any(mask.any() for mask in head.masks.values())


def test_dura_may_be_denser_or_thinner_in_the_blood() -> None:
    """The falx stands out by more HU in the head of whom the blood is dense."""
    _, at, dense = with_looks(replace(NO_LOOKS, sinuses=1.0))
    falx = (np.abs(at[..., 0]) < 1.2) & (np.abs(at[..., 1] - 60) < 15) & (np.abs(at[..., 2] - 40) < 12)
    pale = draw(PLAIN).volume.values[falx].mean()
    assert 6 < dense.volume.values[falx].mean() - pale < 26


def test_the_same_crescent_may_be_thin_and_wide_or_thick_and_narrow() -> None:
    """Both hold the volume that was asked for; only the area over which they lie differs."""
    areas, volumes = [], []
    for seed in range(6):
        bleed = Bleed("subdural", "convexity", 1, (70.0, 10.0, 30.0), 20.0, seed=seed)
        mask = draw(replace(PLAIN, bleeds=(bleed,))).masks["subdural"]
        volumes.append(mask.sum() * (SCANNER.field_of_view_mm / SCANNER.size) ** 2 * SCANNER.spacing_mm / 1000)
        areas.append(int(mask.any(axis=2).sum()))
    assert max(areas) > 1.15 * min(areas)
    assert all(12 < volume < 24 for volume in volumes)
