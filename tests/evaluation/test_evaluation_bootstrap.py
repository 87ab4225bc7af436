"""Resampling patients: what is drawn, that it repeats, and that intervals hold what they promise."""

import numpy as np
import pytest

from bregma.evaluation import bootstrap as module
from bregma.evaluation.bootstrap import (
    METHOD,
    bootstrap,
    both,
    paired_difference,
    patient_codes,
    per_patient,
    percentile_interval,
    resamples,
)
from bregma.evaluation.ranking import rank


def test_patients_are_numbered_as_they_appear() -> None:
    assert patient_codes(["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]


def test_a_patient_is_drawn_with_all_his_slices_or_not_at_all() -> None:
    codes = np.array([0, 0, 0, 1, 2, 2])
    weights = np.concatenate(list(resamples(3, np.random.default_rng(0), replicates=50)))
    assert weights.shape == (50, 3)
    assert (weights.sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx([1.0, 1.0, 1.0], abs=0.4)
    slices = per_patient(np.ones((6, 1)), codes)
    assert slices.tolist() == [[3.0], [1.0], [2.0]]
    drawn = bootstrap(lambda w: w @ slices[:, 0], codes, np.random.default_rng(0), replicates=50)
    assert drawn.tolist() == (3 * weights[:, 0] + weights[:, 1] + 2 * weights[:, 2]).tolist()


def test_draws_repeat_with_the_seed_however_they_are_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resamples(7, np.random.default_rng(5), replicates=40)))
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 64)
    parts = list(resamples(7, np.random.default_rng(5), replicates=40, cases=21))
    assert len(parts) > 5
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_resampled_area_is_the_area_of_the_copied_cases() -> None:
    rng = np.random.default_rng(3)
    codes, truth = np.repeat(np.arange(20), 4), rng.random(80) < 0.4
    scores = np.round(rng.normal(truth.astype(float)), 1)
    draws = bootstrap(rank(scores, truth, codes).both, codes, np.random.default_rng(1), replicates=10)
    weights = np.concatenate(list(resamples(20, np.random.default_rng(1), replicates=10))).astype(int)
    for draw, copies in zip(draws, weights[:, codes], strict=True):
        copied = rank(np.repeat(scores, copies), np.repeat(truth, copies))
        assert draw.tolist() == pytest.approx([copied.auc()[0], copied.average_precision()[0]])


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one of each"):
        bootstrap(lambda w: w.mean(axis=1), np.empty(0, dtype=np.intp), np.random.default_rng(0))


def test_an_interval_is_the_middle_of_the_draws() -> None:
    interval = percentile_interval(np.linspace(0.0, 1.0, 1001))
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(0.025), pytest.approx(0.975))
    assert interval.method == METHOD


@pytest.mark.parametrize("draws", [[np.nan] * 4, [1.0] * 9, [0.4, 0.6, np.nan, np.nan]])
def test_draws_that_measure_nothing_give_no_interval(draws: list[float]) -> None:
    assert percentile_interval(np.array(draws)) is None


def test_area_intervals_never_leave_the_unit_square() -> None:
    scores, truth = np.array([0.1, 0.2, 0.3, 0.4, 0.25]), np.array([0, 0, 1, 1, 1], bool)
    interval = percentile_interval(bootstrap(rank(scores, truth).auc, np.arange(5), np.random.default_rng(2)))
    assert interval is None or 0 <= interval.low <= interval.high <= 1


def test_a_difference_is_taken_on_the_same_resamples() -> None:
    rng = np.random.default_rng(4)
    truth, codes = rng.random(200) < 0.5, np.arange(200)
    scores = rng.normal(truth * 1.0)
    same = both(rank(scores, truth).auc, rank(scores, truth).auc)
    assert paired_difference(bootstrap(same, codes, np.random.default_rng(0), replicates=50)) is None  # all 0
    better = both(rank(scores, truth).auc, rank(scores + 0.5 * truth, truth).auc)
    interval = paired_difference(bootstrap(better, codes, np.random.default_rng(0), replicates=400))
    assert interval is not None
    assert interval.low > 0


def _simulated(rng: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients of 4 cases that resemble each other: scores are N(0, 1) in total, half of the variance the patient's."""
    codes = np.repeat(np.arange(patients), 4)
    truth = np.repeat(rng.random(patients) < 0.4, 4)
    noise = np.sqrt(0.5) * (rng.normal(size=patients)[codes] + rng.normal(size=4 * patients))
    return codes, truth, noise + truth * 1.0


def test_intervals_of_clustered_cases_cover_what_they_promise() -> None:
    true_area = 0.7602  # Phi(1 / sqrt 2)
    rng, covered, as_if_independent = np.random.default_rng(11), 0, 0
    studies = 200
    for _ in range(studies):
        codes, truth, scores = _simulated(rng, 60)
        by_patient = percentile_interval(bootstrap(rank(scores, truth, codes).auc, codes, rng, replicates=300))
        alone = np.arange(len(codes))
        by_case = percentile_interval(bootstrap(rank(scores, truth).auc, alone, rng, replicates=300))
        assert by_patient is not None
        assert by_case is not None
        covered += by_patient.low <= true_area <= by_patient.high
        as_if_independent += by_case.low <= true_area <= by_case.high
    assert 0.90 <= covered / studies <= 0.98
    assert as_if_independent / studies < 0.85  # what drawing slices instead of patients would promise in vain
