"""One level in one go: what must not change its figures, and what its curve and bins hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from bregma.evaluation.cases import Cases
from bregma.evaluation.curves import POINTS
from bregma.evaluation.intervals import wilson
from bregma.evaluation.levels import Level, Point, measure_level
from bregma.evaluation.measure import Measure
from bregma.evaluation.newcombe_auc import newcombe_auc

POINT = Point("rule", 0.5, "")


def cases(scores: np.ndarray, truth: np.ndarray, patients: list[str]) -> Cases:
    keys = tuple((patient, i) for i, patient in enumerate(patients))
    return Cases("slice", "any", keys, tuple(patients), np.asarray(scores, float), np.asarray(truth, bool))


def measured(*parts, replicates: int = 100) -> Level:
    return measure_level(cases(*parts), [POINT], np.random.default_rng(1), replicates=replicates)


def figures(level: Level) -> list[tuple[str, float | None, float | None, float | None]]:
    def numbers(one: Measure) -> tuple[str, float | None, float | None, float | None]:
        low, high = (one.interval.low, one.interval.high) if one.interval else (None, None)
        return one.name, one.value, low, high

    return [numbers(one) for one in (*level.measures, *level.points[0].measures)]


def drawn(patients: int, slices: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    truth = rng.random(patients * slices) < 0.3
    scores = np.round(1 / (1 + np.exp(-rng.normal(2.0 * truth - 1))), 2)
    return scores, truth, [f"p{i // slices}" for i in range(patients * slices)]


def test_slices_scanned_twice_say_nothing_new() -> None:
    """Patients whose slices resemble each other, so that no figure takes a slice for as good as a patient."""
    rng = np.random.default_rng(0)
    of_patients = np.repeat(rng.normal(size=90), 5)
    patients = [f"p{i // 5}" for i in range(450)]
    truth = np.repeat(rng.random(90) < 0.4, 5)
    scores = np.round(1 / (1 + np.exp(-(1.2 * truth - 0.6 + of_patients + 0.3 * rng.normal(size=450)))), 2)
    once = figures(measured(scores, truth, patients))
    twice = figures(measured(np.repeat(scores, 2), np.repeat(truth, 2), [p for p in patients for _ in range(2)]))
    for one, two in zip(once, twice, strict=True):
        assert one[0] == two[0]
        assert one[1:] == pytest.approx(two[1:])  # drawing slices instead of patients would narrow the interval


def test_names_of_patients_do_not_matter() -> None:
    scores, truth, patients = drawn(8, 3)
    assert figures(measured(scores, truth, patients)) == figures(measured(scores, truth, [p[::-1] for p in patients]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_values_are_scikit_learns_and_lie_in_their_intervals(seed: int) -> None:
    scores, truth, patients = drawn(15, 4, seed)
    truth[:2] = True, False
    level = measured(scores, truth, patients)
    assert level.measures[0].value == pytest.approx(roc_auc_score(truth, scores))
    for name, value, low, high in figures(level):
        assert value is not None, name
        assert low is None or 0 <= low <= high
        assert low is None or high <= 1 or name == "log_loss"
    assert sum(n for n, _ in level.histogram) == (~truth).sum()
    assert sum(p for _, p in level.histogram) == truth.sum()


def test_a_long_curve_is_thinned_and_still_ends_in_the_corners() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(3000) < 0.5
    level = measured(rng.random(3000), truth, [f"p{i // 10}" for i in range(3000)], replicates=30)
    assert level.roc is not None
    assert len(level.roc.recall) == POINTS + 1
    assert (level.roc.false_positive_rate[0], level.roc.recall[0]) == (0.0, 0.0)
    assert (level.roc.false_positive_rate[-1], level.roc.recall[-1]) == (1.0, 1.0)
    assert list(level.roc.recall) == sorted(level.roc.recall)
    assert all(0 <= low <= high <= 1 for _, low, high in level.roc.band)


def test_one_patient_is_one_case_however_many_slices_he_has() -> None:
    scores, truth, _ = drawn(1, 40)
    auc, precision = measured(scores, truth, ["only"] * 40).measures[:2]
    assert auc.value is not None
    assert auc.interval == newcombe_auc(auc.value, 1, 1, method="newcombe, method 5, over patients")
    assert precision.interval is None
    assert precision.reason is not None


def test_one_scan_a_patient_has_the_intervals_of_independent_cases() -> None:
    """As `bregma compare` gives them."""
    scores, truth, patients = drawn(200, 1)
    level = measured(scores, truth, patients)
    of_shares = {m.name: m.interval.method for m in level.points[0].measures if m.interval}
    assert of_shares == {**dict.fromkeys(("accuracy", "recall", "specificity", "precision"), "wilson"),
                         "f1": "wilson of the Jaccard index"}  # fmt: skip
    assert [m.interval.method for m in level.measures[:2] if m.interval] == ["delong", "logit, patient bootstrap"]
    counts = level.points[0].counts
    recall = wilson(counts.tp, counts.positives)
    assert level.points[0].measures[1].interval == recall
