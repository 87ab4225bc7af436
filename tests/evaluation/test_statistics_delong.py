"""ROC areas and their covariance: against the definition over all pairs, against scikit-learn, and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from bregma.evaluation.delong import areas

PATIENT = np.array([0, 0, 1, 1, 2, 2, 3, 4, 5, 5])
TRUTH = np.array([1, 0, 1, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
SCORES = np.array([[5, 3, 4, 4, 2, 6, 1, 2, 3, 0.5], [1, 2, 5, 3, 4, 4, 2, 1, 0, 1]])


def kernel(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(A, B) 1 where the positive scores higher, one half for a tie."""
    gap = scores[truth][:, None] - scores[~truth][None, :]
    return (gap > 0) + 0.5 * (gap == 0)


def by_definition(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """DeLong's covariance from the whole kernel."""
    kernels = [kernel(row, truth) for row in scores]
    a, b = truth.sum(), (~truth).sum()
    v10 = np.array([k.mean(axis=1) for k in kernels])
    v01 = np.array([k.mean(axis=0) for k in kernels])
    return np.cov(v10) / a + np.cov(v01) / b


def test_areas_are_scikit_learns_and_their_covariance_is_the_definition() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.normal(truth * np.array([[1.0], [0.5], [0.2]])), 1)
    found = areas(scores, truth)
    assert found.values == pytest.approx([roc_auc_score(truth, row) for row in scores])
    assert found.covariance == pytest.approx(by_definition(scores, truth))
    assert found.method == "delong"


def test_four_cases_by_hand() -> None:
    # positives 3, 2; negatives 2, 1: kernel [[1, 1], [.5, 1]]; V10 = 1, .75; V01 = .75, 1; both variances 1/32
    found = areas(np.array([[3.0, 2.0, 2.0, 1.0]]), np.array([True, True, False, False]))
    assert found.values[0] == 0.875
    assert found.covariance[0, 0] == pytest.approx((1 / 32) / 2 + (1 / 32) / 2)


def test_patients_with_several_cases_after_obuchowski() -> None:
    """Equations of the paper written out with sums over patients, for two scores."""
    found = areas(SCORES, TRUTH, PATIENT)
    assert found.method == "delong over patients"
    kernels = [kernel(row, TRUTH) for row in SCORES]
    theta = [k.mean() for k in kernels]
    m, n = TRUTH.sum(), (~TRUTH).sum()
    x, y = np.zeros((2, 6)), np.zeros((2, 6))
    for r, k in enumerate(kernels):
        for place, patient in enumerate(PATIENT[TRUTH]):
            x[r, patient] += k[place].mean() - theta[r]
        for place, patient in enumerate(PATIENT[~TRUTH]):
            y[r, patient] += k[:, place].mean() - theta[r]
    with_positive, with_negative, everybody = 4, 5, 6
    expected = np.zeros((2, 2))
    for r in range(2):
        for s in range(2):
            s10 = with_positive / ((with_positive - 1) * m) * x[r] @ x[s]
            s01 = with_negative / ((with_negative - 1) * n) * y[r] @ y[s]
            s11 = everybody / (everybody - 1) * (x[r] @ y[s] + y[r] @ x[s])
            expected[r, s] = s10 / m + s01 / n + s11 / (m * n)
    assert found.covariance == pytest.approx(expected)


def test_copies_of_a_case_under_its_patient_change_nothing_but_under_new_ones_they_do() -> None:
    once = areas(SCORES, TRUTH, PATIENT)
    twice = np.tile(SCORES, 2), np.tile(TRUTH, 2)
    same = areas(*twice, np.tile(PATIENT, 2))
    assert same.values == pytest.approx(once.values)
    assert same.covariance == pytest.approx(once.covariance)
    assert areas(*twice).covariance[0, 0] < 0.6 * areas(SCORES, TRUTH).covariance[0, 0]


@given(st.permutations(range(10)), st.floats(0.1, 5.0), st.floats(-3, 3))
def test_order_and_scale_change_nothing(order: list[int], factor: float, shift: float) -> None:
    once, other = areas(SCORES, TRUTH, PATIENT), areas(factor * SCORES[:, order] + shift, TRUTH[order], PATIENT[order])
    assert other.values == pytest.approx(once.values)
    assert other.covariance == pytest.approx(once.covariance)


def test_relabelling_turns_the_area_round_and_keeps_its_spread() -> None:
    once, other = areas(SCORES, TRUTH, PATIENT), areas(SCORES, ~TRUTH, PATIENT)
    assert other.values == pytest.approx(1 - once.values)
    assert other.covariance == pytest.approx(once.covariance)


def test_a_difference_is_paired_and_its_interval_fits_its_p() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(200) < 0.4
    base = rng.normal(truth * 1.0)
    found = areas(np.stack([base, base + rng.normal(size=200) * 0.2, base]), truth)
    difference = found.difference(0, 1)
    unpaired = found.covariance[0, 0] + found.covariance[1, 1]
    assert difference.value == pytest.approx(found.values[1] - found.values[0])
    assert difference.interval is not None
    assert difference.interval.high - difference.interval.low < 0.5 * 2 * 1.96 * unpaired**0.5
    assert difference.p is not None
    assert (difference.p < 0.05) == (not difference.interval.low <= 0 <= difference.interval.high)
    same = found.difference(0, 2)
    assert (same.value, same.interval, same.p) == (0.0, None, 1.0)


def test_a_perfect_area_has_no_interval_and_others_stay_inside() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1], dtype=bool)
    assert areas(np.arange(6.0)[None], truth).interval() is None
    nearly = areas(np.array([[0.0, 1, 4, 3, 5, 6]]), truth).interval()
    assert nearly is not None
    assert 0 < nearly.low < 8 / 9 < nearly.high < 1


def test_perfect_against_worst_has_a_difference_without_p() -> None:
    truth = np.array([0, 0, 1, 1], dtype=bool)
    difference = areas(np.array([[0.0, 0, 1, 1], [1.0, 1, 0, 0]]), truth).difference(0, 1)
    assert (difference.value, difference.interval, difference.p) == (-1.0, None, None)


@pytest.mark.parametrize(
    ("scores", "truth", "codes", "words"),
    [
        (np.zeros(4), np.array([0, 0, 1, 1]), None, "expected one row of scores"),
        (np.full((1, 4), np.nan), np.array([0, 0, 1, 1]), None, "4 of 4 scores are not finite"),
        (np.zeros((1, 4)), np.array([0, 0, 0, 1]), None, "1 patients with a positive case and 3"),
        (np.zeros((1, 4)), np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]), "1 patients with a positive case and 2"),
    ],
)
def test_what_has_no_area_is_an_error(scores, truth, codes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        areas(scores, truth, codes)


def test_intervals_hold_the_true_area_about_95_times_in_100() -> None:
    """Binormal scores, one standard deviation apart: the true area is Phi(1 / sqrt(2)) = 0.7602."""
    rng = np.random.default_rng(11)
    for cases, share in ((60, 0.5), (300, 0.2)):
        held, rounds = 0, 500
        truth = np.arange(cases) < share * cases
        for _ in range(rounds):
            interval = areas(rng.normal(truth * 1.0)[None], truth).interval()
            held += interval is not None and interval.low <= 0.76025 <= interval.high
        assert 0.925 <= held / rounds <= 0.98


def test_clustered_intervals_hold_where_plain_ones_do_not() -> None:
    """Six slices of one patient share much of their score; truth goes by patient."""
    rng = np.random.default_rng(12)
    patients, slices, rounds = 60, 6, 300
    codes = np.repeat(np.arange(patients), slices)
    truth = np.repeat(np.arange(patients) < 25, slices)
    held = {True: 0, False: 0}
    for _ in range(rounds):
        scores = (np.repeat(rng.normal(size=patients), slices) + 0.5 * rng.normal(size=len(codes)))[None] + truth
        for clustered in held:
            interval = areas(scores, truth, codes if clustered else None).interval()
            # the difference of two scores has variance 2 x 1.25, so the true area is Phi(1 / sqrt(2.5)) = 0.7365
            held[clustered] += interval is not None and interval.low <= 0.7365 <= interval.high
    assert held[True] / rounds >= 0.91
    assert held[False] / rounds <= 0.8
