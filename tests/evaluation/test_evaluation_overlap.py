"""Lesions found, missed and imagined."""

import numpy as np
import pytest

from bregma.evaluation.overlap import Overlap, overlap


def masks() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((3, 8, 8), bool), np.zeros((3, 8, 8), bool)


def test_one_found_one_missed_one_imagined() -> None:
    predicted, truth = masks()
    truth[0:2, 1:3, 1:3] = True  # 8 pixels
    truth[2, 6, 6] = True
    predicted[0, 2:4, 2:4] = True  # 4 pixels, 1 shared
    predicted[2, 1, 1] = True
    # Dice: 2 x 1 / (9 + 5)
    assert overlap(predicted, truth) == Overlap(lesions=2, found=1, false=1, dice=pytest.approx(2 / 14))


def test_lesions_that_touch_by_a_corner_are_one() -> None:
    predicted, truth = masks()
    truth[0, 0, 0] = truth[1, 1, 1] = True
    predicted[0, 0, 0] = True
    assert overlap(predicted, truth).lesions == 1
    assert overlap(predicted, truth).found == 1


def test_nothing_there_and_nothing_found_has_no_dice() -> None:
    assert overlap(*masks()) == Overlap(0, 0, 0, None)


def test_two_findings_on_one_bleed_are_not_false() -> None:
    predicted, truth = masks()
    truth[0, 0] = True
    predicted[0, 0, 0] = predicted[0, 0, 5] = True
    assert overlap(predicted, truth) == Overlap(1, 1, 0, pytest.approx(2 * 2 / 10))


def test_masks_of_two_grids_are_an_error() -> None:
    with pytest.raises(ValueError, match="one grid"):
        overlap(np.zeros((1, 2, 2), bool), np.zeros((1, 2, 3), bool))
