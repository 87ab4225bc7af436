"""Augmentation: the record says what was done, all slices alike, and it can be undone."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.preprocessing.augment import (
    Augmentation,
    AugmentationSettings,
    apply_augmentation,
    apply_to_grey,
    display_tables,
    draw_augmentation,
    move,
    move_back,
)
from bregma.preprocessing.window import PRESETS
from bregma.scan.errors import RecipeError

EVERYTHING = AugmentationSettings(
    rotation_degrees=15,
    flip_horizontal=0.5,
    flip_vertical=0.5,
    quarter_turn=0.5,
    crop=0.5,
    scale=0.1,
    shift_pixels=5,
    contrast=0.1,
    brightness=0.1,
    sharpness=0.5,
)


def blob(row: float, column: float, size: int = 64) -> np.ndarray:
    grid = np.mgrid[:size, :size]
    return np.exp(-((grid[0] - row) ** 2 + (grid[1] - column) ** 2) / 18).astype(np.float32)


def centroid(weights: np.ndarray) -> list[float]:
    grid = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return [(axis * weights).sum() / weights.sum() for axis in grid]


def test_flips_by_hand() -> None:
    maps = np.array([[[1, 2], [3, 4]]], np.float32)
    assert move(maps, Augmentation(flip_horizontal=True)).tolist() == [[[2, 1], [4, 3]]]
    assert move(maps, Augmentation(flip_vertical=True)).tolist() == [[[3, 4], [1, 2]]]


def test_quarter_turns_by_hand() -> None:
    """The patient's left (columns) goes to the back (rows): clockwise as the slice is looked at."""
    maps = np.array([[[1, 2], [3, 4]]], np.float32)
    assert move(maps, Augmentation(quarter_turns=1)).tolist() == [[[3, 1], [4, 2]]]
    assert move(maps, Augmentation(quarter_turns=3)).tolist() == [[[2, 4], [1, 3]]]
    assert move(maps, Augmentation(flip_horizontal=True, quarter_turns=1)).tolist() == [[[4, 2], [3, 1]]]


def test_a_quarter_turn_is_a_turn_by_ninety_degrees() -> None:
    maps = np.stack([blob(20, 40), blob(50, 30)])
    turned = move(maps, Augmentation(rotation_degrees=90))
    np.testing.assert_allclose(move(maps, Augmentation(quarter_turns=1)), turned, atol=0.01)


@pytest.mark.parametrize(
    "record", [Augmentation(h, v, turns) for h in (False, True) for v in (False, True) for turns in range(4)]
)
def test_flips_are_exact_both_ways(record: Augmentation) -> None:
    images = np.random.default_rng(0).random((3, 2, 16, 16)).astype(np.float32)
    before = images.copy()
    moved, _ = apply_augmentation(images, None, record)
    assert moved.flags.c_contiguous
    assert record.is_exact
    np.testing.assert_array_equal(move_back(moved, record), before)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Augmentation(shift=(4.0, -2.5)), (24.0, 37.5)),
        (Augmentation(rotation_degrees=90), (40.0, 43.0)),  # from the left towards the back
        (Augmentation(scale=1.5), (14.25, 44.25)),
        (Augmentation(flip_horizontal=True, shift=(0.0, 1.0)), (20.0, 24.0)),
        (Augmentation(flip_vertical=True, rotation_degrees=180), (20.0, 23.0)),
    ],
)
def test_a_blob_lands_where_it_should(record: Augmentation, expected: tuple[float, float]) -> None:
    """From (20, 40); the middle of 64 pixels is 31.5."""
    images, mask = blob(20, 40)[None, None], blob(20, 40)[None]
    moved, moved_mask = apply_augmentation(images, mask, record)
    np.testing.assert_allclose(centroid(moved[0, 0]), expected, atol=0.05)
    np.testing.assert_allclose(centroid(moved_mask[0]), expected, atol=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_moving_back_undoes_moving(seed: int) -> None:
    record = draw_augmentation(np.random.default_rng(seed), EVERYTHING, size=64)
    maps = np.stack([blob(30, 33), blob(33, 30)])
    moved = move(maps, record)
    back = move_back(moved, record)
    assert np.abs(back - maps).max() < 0.2
    for found, true in zip(back, maps, strict=True):
        np.testing.assert_allclose(centroid(found), centroid(true), atol=0.3)


def test_all_slices_and_channels_get_the_same() -> None:
    record = draw_augmentation(np.random.default_rng(3), EVERYTHING, size=32)
    plane = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    moved, _ = apply_augmentation(np.broadcast_to(plane, (3, 2, 32, 32)), None, record)
    assert moved.shape == (3, 2, 32, 32)
    assert (moved == moved[0, 0]).all()


def test_grey_by_hand_and_masks_keep_theirs() -> None:
    images = np.full((1, 1, 8, 8), 0.75, np.float32)
    masks = np.full((1, 8, 8), 0.75, np.float32)
    moved, moved_masks = apply_augmentation(images, masks, Augmentation(contrast=2.0, brightness=-0.25))
    assert (moved == 0.75).all()
    assert (moved_masks == 0.75).all()
    assert apply_augmentation(images, None, Augmentation(brightness=0.5))[0].max() == 1.0


def test_sharpness_by_hand() -> None:
    """An edge between 0.4 and 0.6: a blur takes from one side what it gives to the other; what is flat stays."""
    images = np.full((1, 1, 16, 16), 0.4, np.float32)
    images[..., 8:] = 0.6
    sharper, softer = (apply_augmentation(images, None, Augmentation(sharpness=way))[0] for way in (0.5, -0.5))
    np.testing.assert_allclose(sharper + softer, 2 * images, atol=1e-6)
    assert softer[0, 0, 4, 7] > 0.42
    assert sharper[0, 0, 4, 8] > 0.62
    np.testing.assert_allclose(sharper[0, 0, 4, [0, 15]], [0.4, 0.6], atol=1e-6)
    assert (apply_augmentation(np.ones((1, 1, 8, 8), np.float32), None, Augmentation(sharpness=0.9))[0] == 1).all()


def test_the_same_generator_draws_the_same_record() -> None:
    first, second = (draw_augmentation(np.random.default_rng(7), EVERYTHING, size=256) for _ in range(2))
    assert first == second


def test_settings_do_not_disturb_what_is_drawn_next() -> None:
    rngs = [np.random.default_rng(7) for _ in range(2)]
    draw_augmentation(rngs[0], EVERYTHING, size=256)
    draw_augmentation(rngs[1], AugmentationSettings(), size=256)
    assert rngs[0].random() == rngs[1].random()


def test_the_defaults_change_nothing() -> None:
    assert draw_augmentation(np.random.default_rng(0), AugmentationSettings(), size=256) == Augmentation()


def test_draws_follow_the_settings() -> None:
    """1,000 draws: shares within three standard errors, amounts within their limits."""
    asked = AugmentationSettings(
        rotation_degrees=15, flip_horizontal=0.25, flip_vertical=0.1, quarter_turn=0.4, crop=0.25, crop_share=0.8
    )
    rng = np.random.default_rng(0)
    records = [draw_augmentation(rng, asked, size=256) for _ in range(1000)]
    for share, flags in (
        (0.25, [r.flip_horizontal for r in records]),
        (0.10, [r.flip_vertical for r in records]),
        (0.20, [r.quarter_turns == 1 for r in records]),
        (0.20, [r.quarter_turns == 3 for r in records]),
        (0.25, [r.scale > 1 for r in records]),
    ):
        assert abs(np.mean(flags) - share) < 3 * np.sqrt(share * (1 - share) / 1000)
    assert max(abs(r.rotation_degrees) for r in records) <= 15
    assert max(r.scale for r in records) <= 1.25


def test_a_crop_that_is_resized_back_stays_inside_the_slice() -> None:
    asked = AugmentationSettings(crop=1.0, crop_share=0.5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = move(np.ones((1, 64, 64), np.float32), draw_augmentation(rng, asked, size=64))
        assert moved[0, 1:-1, 1:-1].min() > 0.999


def test_a_crop_by_hand() -> None:
    """The lower right 2 x 2 of 4 x 4 at twice the size: places 0.25 apart from the pixels, so quarters of the steps."""
    plane = np.zeros((1, 4, 4), np.uint8)
    plane[0, 2:, 2:] = [[0, 40], [80, 120]]
    record = Augmentation(scale=2.0, shift=(-2.0, -2.0))
    assert record.square(4) == (2, 2, 2)
    expected = [[0, 10, 30, 40], [20, 30, 50, 60], [60, 70, 90, 100], [80, 90, 110, 120]]
    assert move(plane, record)[0].tolist() == expected
    assert move(plane.astype(np.float32), record)[0].tolist() == expected
    flipped = dataclasses.replace(record, flip_horizontal=True, flip_vertical=True)
    assert move(np.ascontiguousarray(plane[:, ::-1, ::-1]), flipped)[0].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_a_drawn_crop_is_a_square_of_whole_pixels_and_its_matrix_says_the_same(seed: int) -> None:
    asked = AugmentationSettings(flip_horizontal=0.5, flip_vertical=0.5, crop=1.0, crop_share=0.6)
    record = draw_augmentation(np.random.default_rng(seed), asked, size=48)
    top, left, side = record.square(48) or pytest.fail("no square")
    assert 29 <= side <= 48
    assert min(top, left) >= 0
    assert max(top, left) + side <= 48
    corners = np.array([[left - 0.5, top - 0.5, 1], [left + side - 0.5, top + side - 0.5, 1]])
    np.testing.assert_allclose(corners @ record.matrix(48).T, [[-0.5, -0.5], [47.5, 47.5]], atol=1e-9)


@pytest.mark.parametrize(
    "record",
    [
        Augmentation(scale=2.0, shift=(-2.0, -2.0), rotation_degrees=1.0),
        Augmentation(scale=2.0, shift=(-2.5, -2.0)),  # the square begins at 2.25
        Augmentation(scale=2.0, shift=(-4.0, 0.0)),  # and here ends outside
        Augmentation(scale=1.0, shift=(1.0, 0.0)),
        Augmentation(scale=0.5),
        Augmentation(scale=1.5),  # 2.67 pixels
    ],
)
def test_what_is_no_crop_is_no_square(record: Augmentation) -> None:
    assert record.square(4) is None


def test_what_does_not_change_is_given_back_as_it_is() -> None:
    images, masks = np.ones((1, 2, 4, 4), np.uint8), np.ones((1, 4, 4), np.uint8)
    moved, moved_masks = apply_to_grey(images, masks, Augmentation())
    assert moved is images
    assert moved_masks is masks


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"rotation": 3}, "no key 'rotation'; did you mean 'rotation_degrees'"),
        ({"rotation_degrees": 181}, "rotation_degrees is 181.0; expected 0 to 180"),
        ({"flip_horizontal": 1.1}, "flip_horizontal is 1.1"),
        ({"flip_vertical": -0.1}, "flip_vertical is -0.1"),
        ({"quarter_turn": 2}, "quarter_turn is 2"),
        ({"sharpness": 1.5}, "sharpness is 1.5; expected 0 to 1"),
        ({"scale": 0.6}, "scale is 0.6"),
        ({"crop_share": 0.05}, "crop_share is 0.05"),
        ({"shift_pixels": float("inf")}, "shift_pixels is inf"),
        ({"crop": "often"}, "crop is 'often'"),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        AugmentationSettings.from_dict(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_grey_is_moved_as_floats_are(seed: int) -> None:
    """Half a step of rounding and cv2's grid of 1/32 pixel apart; a block in black, so that most is left out."""
    rng = np.random.default_rng(seed)
    images = np.zeros((2, 3, 48, 48), np.uint8)
    top, left = rng.integers(0, 30, 2)
    images[:, :, top : top + 17, left : left + 12] = rng.integers(100, 160, (2, 3, 17, 12))
    masks = np.ascontiguousarray(images[:, 0])
    record = draw_augmentation(rng, EVERYTHING, size=48)
    moved, moved_masks = apply_to_grey(images, masks, record)
    floats, float_masks = apply_augmentation(images / np.float32(255), masks / np.float32(255), record)
    assert (moved.dtype, moved.shape) == (np.uint8, images.shape)
    assert np.abs(moved - floats * 255).max() < 8
    assert np.abs(moved - floats * 255).mean() < 0.5
    np.testing.assert_allclose(moved_masks, float_masks * 255, atol=8)


@pytest.mark.parametrize("record", [Augmentation(h, v) for h in (False, True) for v in (False, True)])
def test_flips_of_grey_are_exact(record: Augmentation) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 9, 9)).astype(np.uint8)
    before = images.copy()
    moved, _ = apply_to_grey(images, None, record)
    np.testing.assert_array_equal(moved, move(images.astype(np.float32), record))
    np.testing.assert_array_equal(images, before)


def test_grey_that_leaves_the_slice_is_gone_and_black_stays_black() -> None:
    images = np.zeros((1, 2, 16, 16), np.uint8)
    images[0, 1, :3, :3] = 200
    moved, masks = apply_to_grey(images, images[:, 0], Augmentation(shift=(-40.0, 0.0)))
    assert moved.max() == 0
    assert masks.max() == 0


def test_contrast_of_grey_by_hand() -> None:
    """0.8 about 0.5 with factor 2 is 1.1, less 0.2 is 0.9: 229.5 of 255 rounds to 230."""
    images = np.full((1, 1, 4, 4), 204, np.uint8)
    moved, masks = apply_to_grey(images, images[:, 0], Augmentation(contrast=2.0, brightness=-0.2))
    assert np.unique(moved).tolist() == [230]
    assert np.unique(masks).tolist() == [204]


def test_a_displayed_picture_knows_nothing_beyond_its_window() -> None:
    """0 to 80 HU seen through -20 to 180 and -150 to 230: black is 0 HU, white 80 HU, whatever bone was."""
    tables = display_tables((PRESETS["brain"], PRESETS["subdural"], PRESETS["soft_tissue"]))
    assert tables[0].tolist() == list(range(256))
    assert (tables[1][0], tables[1][255]) == (round(255 * 20 / 200), round(255 * 100 / 200))
    assert (tables[2][0], tables[2][255]) == (round(255 * 150 / 380), round(255 * 230 / 380))


def test_how_often_a_picture_is_displayed_is_kept_and_changes_no_other_number() -> None:
    always, never = (dataclasses.replace(EVERYTHING, displayed=share) for share in (1.0, 0.0))
    for seed in range(20):
        one, other = (draw_augmentation(np.random.default_rng(seed), some, size=64) for some in (always, never))
        assert (one.displayed, other.displayed) == (True, False)
        assert dataclasses.replace(one, displayed=False) == other
