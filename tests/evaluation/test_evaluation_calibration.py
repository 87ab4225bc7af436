"""Calibration by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from bregma.evaluation.calibration import brier, expected_calibration_error, reliability


def test_bins_by_hand() -> None:
    said = np.array([0.05, 0.15, 0.15, 0.95, 1.0])
    there = np.array([0, 0, 1, 1, 1], bool)
    bins = reliability(said, there)
    assert [(b.low, b.cases, b.positives) for b in bins] == [(0.0, 1, 0), (0.1, 2, 1), (0.9, 2, 2)]
    assert bins[1].observed == 0.5
    assert bins[2].mean_probability == pytest.approx(0.975)
    # 1 x 0.05 + 2 x |0.15 - 0.5| + 2 x |0.975 - 1| over 5
    assert expected_calibration_error(bins) == pytest.approx((0.05 + 0.7 + 0.05) / 5)
    assert brier(said, there) == pytest.approx((0.05**2 + 0.15**2 + 0.85**2 + 0.05**2) / 5)


def test_bins_have_intervals_of_their_shares() -> None:
    (only,) = reliability(np.full(10, 0.5), np.arange(10) < 5)
    assert only.interval.low < only.observed < only.interval.high


def test_no_case_no_figure() -> None:
    assert reliability(np.empty(0), np.empty(0, bool)) == ()
    assert expected_calibration_error(()) is None
    assert brier(np.empty(0), np.empty(0, bool)) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_brier_is_scikit_learns_and_bins_lose_no_case(cases: list[tuple[float, bool]]) -> None:
    said, there = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    assert brier(said, there) == pytest.approx(brier_score_loss(there, said, pos_label=True))
    bins = reliability(said, there)
    assert sum(b.cases for b in bins) == len(cases)
    assert sum(b.positives for b in bins) == there.sum()


@pytest.mark.parametrize(
    ("said", "words"), [([1.2], "1 probabilities are outside"), ([np.nan], "outside"), ([0.1, 0.2], "one per case")]
)
def test_what_is_no_probability_is_an_error(said: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reliability(np.array(said), np.array([True]))
