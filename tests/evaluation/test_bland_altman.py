"""Limits of agreement: hand-computed, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bregma.evaluation.bland_altman import bland_altman, bland_altman_picture
from bregma.scan.errors import RequestError


def test_by_hand() -> None:
    found = bland_altman([11, 9, 14, 10], [10, 10, 12, 10])  # differences 1 -1 2 0: mean 0.5, variance 5/3
    spread = np.sqrt(5 / 3)
    assert found.bias == 0.5
    assert found.limits == pytest.approx((0.5 - 1.959964 * spread, 0.5 + 1.959964 * spread))
    assert found.means == (10.5, 9.5, 13.0, 10.0)
    assert found.bias_interval is not None
    assert found.bias_interval.high == pytest.approx(0.5 + stats.t.ppf(0.975, 3) * spread / 2)
    assert found.limit_intervals is not None
    lower, upper = found.limit_intervals
    assert lower.low < found.limits[0] < lower.high
    assert upper.low < found.limits[1] < upper.high
    assert upper.high - 0.5 == pytest.approx(0.5 - lower.low)


def test_exchanging_the_two_turns_the_sign() -> None:
    one, other = [3.0, 5.0, 9.0, 1.0], [2.0, 6.0, 7.0, 1.5]
    there, back = bland_altman(one, other), bland_altman(other, one)
    assert back.bias == -there.bias
    assert back.limits == pytest.approx((-there.limits[1], -there.limits[0]))


@pytest.mark.parametrize("pairs", [8, 40])
def test_intervals_hold_the_truth_19_times_in_20(pairs: int) -> None:
    rng, held = np.random.default_rng(pairs), np.zeros(3)
    truths = 2.0, 2.0 - 1.959964 * 3.0, 2.0 + 1.959964 * 3.0
    for _ in range(1000):
        found = bland_altman(rng.normal(2.0, 3.0, pairs), np.zeros(pairs))
        assert found.bias_interval is not None
        assert found.limit_intervals is not None
        intervals = (found.bias_interval, *found.limit_intervals)
        held += [one.low <= truth <= one.high for one, truth in zip(intervals, truths, strict=True)]
    assert ((held >= 930) & (held <= 970)).all()  # standard deviation of 1000 x 0.95 is 6.9


def test_the_same_difference_everywhere_has_no_interval() -> None:
    found = bland_altman([1, 2, 3], [2, 3, 4])
    assert (found.bias, found.limits, found.limit_intervals) == (-1.0, (-1.0, -1.0), None)
    assert bland_altman_picture(found).startswith(b"\x89PNG")


def test_wrong_pairs() -> None:
    with pytest.raises(RequestError, match="2 against 2 measurements"):
        bland_altman([1, 2], [1, 2])
    with pytest.raises(RequestError, match="leave the pair out"):
        bland_altman([1, 2, float("nan")], [1, 2, 3])


def test_the_picture_is_a_png() -> None:
    rng = np.random.default_rng(0)
    assert bland_altman_picture(bland_altman(rng.normal(10, 3, 30), rng.normal(10, 3, 30))).startswith(b"\x89PNG")
