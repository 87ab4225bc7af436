"""What an operation leaves lies where it should, and none of it counts as a bleed."""

from dataclasses import replace

import numpy as np
import pytest

from bregma.phantom import HeadParameters, LookAlikes, Operation, Scanner, Shape, draw, sample_head
from bregma.phantom.placing import make_placing

SCANNER = Scanner(size=128, slices=32, spacing_mm=5.0, thickness_mm=2.5, noise_hu=1.0, table=False)
NO_LOOKS = LookAlikes(0.0, 0.0, 0.0, 0.0, 0.0)
PLAIN = HeadParameters(Shape(seed=7), NO_LOOKS, scanner=SCANNER, seed=3)
FLAP = Operation(1, (66.0, 10.0, 30.0), flap_mm=30.0)


def changed(operation: Operation) -> tuple[np.ndarray, np.ndarray]:
    """The head after an operation; (D, H, W) what it changed in HU, and (D, H, W, 3) head frame mm of the pixels."""
    before, after = draw(PLAIN), draw(replace(PLAIN, operation=operation))
    difference = after.volume.values.astype(int) - before.volume.values
    places = np.moveaxis(np.indices(difference.shape), 0, -1).astype(float)
    return difference, make_placing(PLAIN).to_head(after.geometry.to_patient(places))


def test_a_flap_is_sawn_out_of_one_side_and_swells_the_scalp() -> None:
    difference, at = changed(FLAP)
    bone_lost, swollen = difference < -150, difference > 500
    assert bone_lost.sum() > 100
    assert (at[bone_lost][:, 0] > 20).all(), "the right side was not touched"
    away = np.linalg.norm(at[bone_lost] - FLAP.centre, axis=1)
    assert 22 < np.median(away) < 42, "the cut runs around the flap"
    assert swollen.sum() > 100, "skin where there was air"
    assert (at[swollen][:, 0] > 0).all()


def test_air_lies_in_front_on_its_side_and_is_as_deep_as_asked() -> None:
    difference, at = changed(Operation(-1, FLAP.centre, air_mm=12.0, drain=False))
    air = difference < -700
    volume_ml = air.sum() * (SCANNER.field_of_view_mm / SCANNER.size) ** 2 * SCANNER.spacing_mm / 1000
    assert 5 < volume_ml < 30
    assert np.median(at[air][:, 0]) < -8
    assert (at[air][:, 1] < -20).all()


@pytest.mark.parametrize("side", [1, -1])
def test_a_drain_runs_from_the_skull_to_the_frontal_horn_of_its_side(side: int) -> None:
    difference, at = changed(Operation(side, FLAP.centre, drain=True))
    tube = (difference > 40) & (difference < 250)
    assert (side * at[tube][:, 0] > 4).all()
    heights = at[tube][:, 2]
    assert heights.min() < 18
    assert heights.max() > 50
    for place in at[tube]:
        assert (
            np.linalg.norm(np.cross(place - (side * 9, -16, 13), (side * 21, -46, 53))) / np.hypot(21, np.hypot(46, 53))
            < 6
        )


def test_what_an_operation_leaves_is_no_bleed() -> None:
    after = draw(replace(PLAIN, operation=replace(FLAP, drain=True, air_mm=10.0)))
    assert not any(mask.any() for mask in after.masks.values())
    assert not any(label.value > 0 for label in after.labels)


def test_some_sampled_heads_were_operated_on_and_some_bleed_where_they_were_struck() -> None:
    """Of 400 heads: 12 % operated, 15 % of the bleeding ones struck, within three standard errors."""
    heads = [sample_head(np.random.default_rng(number), scanner=SCANNER) for number in range(400)]
    assert abs(np.mean([head.operation is not None for head in heads]) - 0.12) < 0.05
    struck = [any(bleed.place == "contusion" for bleed in head.bleeds) for head in heads]
    assert abs(np.mean(struck) - 0.15) < 0.054
    for head in heads:
        contusions = [bleed for bleed in head.bleeds if bleed.place == "contusion"]
        assert len(contusions) <= 3
        assert len({bleed.side for bleed in contusions}) <= 1
    free = [sample_head(np.random.default_rng(number), bleeds=(), scanner=SCANNER) for number in range(100)]
    assert all(head.bleeds == () for head in free)
