"""Intervals of ROC areas of few cases: by hand, at the edges, over patients, and by simulation."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.evaluation.auc_interval import CLUSTERED, DIFFERENCE, ENOUGH, auc_difference, auc_interval
from bregma.evaluation.delong import areas
from bregma.evaluation.newcombe_auc import METHOD, newcombe_auc, worth

Z = 1.959963985


def binormal(positives: int, negatives: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth = np.arange(positives + negatives) < positives
    rng = np.random.default_rng(seed)
    return rng.normal(truth * np.array([[1.0], [0.7]])), truth, np.arange(len(truth))


def test_a_perfect_area_of_two_cases_is_wilsons_one_of_one() -> None:
    # one pair: (1 - a)^2 = z^2 a (1 - a), so a = 1 / (1 + z^2)
    assert newcombe_auc(1.0, 1, 1).low == pytest.approx(1 / (1 + Z**2))
    assert newcombe_auc(1.0, 1, 1).high == 1.0
    assert newcombe_auc(0.0, 1, 1).high == pytest.approx(Z**2 / (1 + Z**2))


@pytest.mark.parametrize(("positives", "negatives"), [(8, 12), (3, 40)])
def test_one_half_is_left_out_exactly_when_mann_and_whitney_would(positives: int, negatives: int) -> None:
    """Under no difference U / (mn) has variance (m + n + 1) / (12 mn)."""
    area = 0.5 + Z * sqrt((positives + negatives + 1) / (12 * positives * negatives))
    assert newcombe_auc(area, positives, negatives).low == pytest.approx(0.5, abs=1e-8)


@given(st.floats(0, 1), st.integers(1, 60), st.integers(1, 60))
def test_ends_stay_inside_and_turn_round_with_the_area(area: float, positives: int, negatives: int) -> None:
    one, other = newcombe_auc(area, positives, negatives), newcombe_auc(1 - area, positives, negatives)
    assert 0 <= one.low <= area <= one.high <= 1
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-6)


@pytest.mark.parametrize(("area", "positives"), [(1.2, 3), (0.7, 0)])
def test_what_is_no_area_is_an_error(area: float, positives: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1 and both"):
        newcombe_auc(area, positives, 5)


def test_few_cases_have_newcombes_and_many_delongs() -> None:
    scores, truth, codes = binormal(ENOUGH - 1, 200)
    area = areas(scores[:1], truth).values[0]
    few, expected = auc_interval(scores[0], truth, codes), newcombe_auc(float(area), ENOUGH - 1, 200)
    assert few is not None
    assert (few.low, few.high, few.method) == (pytest.approx(expected.low), pytest.approx(expected.high), METHOD)
    scores, truth, codes = binormal(ENOUGH, 200)
    assert auc_interval(scores[0], truth, codes) == areas(scores[:1], truth).interval()
    assert auc_interval(scores[0], np.zeros_like(truth), codes) is None
    perfect = auc_interval(truth * 1.0, truth, codes)
    assert perfect is not None
    assert (perfect.method, perfect.high) == (METHOD, 1.0)


def test_slices_are_worth_no_more_than_cases_and_no_less_than_patients() -> None:
    scores, truth, codes = binormal(10, 20)
    thrice = np.repeat(scores[0], 3), np.repeat(truth, 3), np.repeat(codes, 3)
    once, copies = auc_interval(scores[0], truth, codes), auc_interval(*thrice)
    assert copies is not None
    assert once is not None
    assert copies.method == CLUSTERED
    as_if_new = auc_interval(*thrice[:2], np.arange(90))
    assert as_if_new is not None
    width = [one.high - one.low for one in (as_if_new, copies, once)]
    assert width[0] < 0.75 * width[1] < 0.8 * width[2]
    same = auc_interval(np.repeat(truth, 3) * 1.0, *thrice[1:])
    assert same is not None
    assert same.low == newcombe_auc(1.0, 10, 20).low  # nothing varies: each patient is one case


def test_cases_are_worth_as_many_as_vary_like_them() -> None:
    # at one half the variance of m and n cases is (m + n + 1) / (12 mn): for 6 and 14 of 12 and 28 it is 21 / 1008
    assert worth(0.5, 12, 28, 21 / 1008) == pytest.approx(0.5)


def test_a_difference_of_few_is_squared_and_added_and_keeps_delongs_p() -> None:
    """Against a perfect first, which does not vary: nothing is shared, and its interval reaches down only."""
    scores, truth, codes = binormal(8, 60)
    found, both = auc_difference(np.stack([truth * 1.0, scores[1]]), truth, codes)
    perfect, other, area = newcombe_auc(1.0, 8, 60), auc_interval(scores[1], truth, codes), float(both.values[1])
    assert found.interval is not None
    assert other is not None
    assert found.interval.method == DIFFERENCE
    assert found.interval.low == pytest.approx(other.low - 1.0)
    assert found.interval.high == pytest.approx(area - 1.0 + sqrt((other.high - area) ** 2 + (1.0 - perfect.low) ** 2))
    assert (found.value, found.p) == (both.difference(0, 1).value, both.difference(0, 1).p)


def test_a_difference_of_scores_that_order_alike_or_of_many_is_delongs() -> None:
    scores, truth, codes = binormal(8, 60)
    alike, _ = auc_difference(np.stack([scores[0], 2 * scores[0]]), truth, codes)
    assert (alike.value, alike.interval, alike.p) == (0.0, None, 1.0)
    scores, truth, codes = binormal(ENOUGH, 60)
    many, both = auc_difference(scores, truth, codes)
    assert many == both.difference(0, 1)


def test_intervals_hold_with_five_positive_cases_where_delongs_do_not() -> None:
    """The true area is Phi(1 / sqrt(2)) = 0.7602 for the first; research.coverage measures more."""
    held = {"ours": 0, "delong": 0}
    for seed in range(500):
        scores, truth, codes = binormal(5, 60, seed)
        for name, one in (("ours", auc_interval(scores[0], truth, codes)), ("delong", areas(scores, truth).interval())):
            held[name] += one is not None and one.low <= 0.76025 <= one.high
    assert 0.93 <= held["ours"] / 500 <= 0.98
    assert held["delong"] / 500 < 0.92
