"""ROC area, average precision and curves: by hand, against scikit-learn, and what must not change them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from bregma.evaluation.ranking import rank

graded = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60)


def arrays(cases: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, truth = zip(*cases, strict=True)
    return np.array(scores, dtype=float) / 6, np.array(truth, dtype=bool)


@pytest.mark.parametrize(
    ("scores", "truth", "auc", "ap"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75, (1 + 2 / 3) / 2),
        ([0.5, 0.5], [0, 1], 0.5, 0.5),  # a tie is half a win
        ([1, 2, 3, 4], [0, 0, 1, 1], 1.0, 1.0),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0.0, (1 / 3 + 2 / 4) / 2),
    ],
)
def test_by_hand(scores: list[float], truth: list[int], auc: float, ap: float) -> None:
    ranking = rank(np.array(scores, float), np.array(truth, bool))
    assert ranking.auc()[0] == pytest.approx(auc)
    assert ranking.average_precision()[0] == pytest.approx(ap)


@given(graded)
def test_scikit_learn_says_the_same(cases: list[tuple[int, bool]]) -> None:
    scores, truth = arrays(cases)
    assume(truth.any() and not truth.all())
    ranking = rank(scores, truth)
    assert ranking.auc()[0] == pytest.approx(roc_auc_score(truth, scores))
    assert ranking.average_precision()[0] == pytest.approx(average_precision_score(truth, scores))
    false, hits = (rates[0] for rates in ranking.roc())
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert false == pytest.approx(fpr)
    assert hits == pytest.approx(tpr)


@given(graded, st.randoms(use_true_random=False))
def test_weights_are_copies_of_cases(cases: list[tuple[int, bool]], random) -> None:
    scores, truth = arrays(cases)
    assume(truth.any() and not truth.all())
    copies = np.array([random.randint(0, 3) for _ in cases])
    assume(copies[truth].sum() and copies[~truth].sum())
    weighted = rank(scores, truth)
    copied = rank(np.repeat(scores, copies), np.repeat(truth, copies))
    assert weighted.auc(copies[None].astype(float))[0] == pytest.approx(copied.auc()[0])
    assert weighted.average_precision(copies[None].astype(float))[0] == pytest.approx(copied.average_precision()[0])


@given(graded, st.randoms(use_true_random=False))
def test_order_duplication_and_monotone_scores_change_nothing(cases: list[tuple[int, bool]], random) -> None:
    scores, truth = arrays(cases)
    assume(truth.any() and not truth.all())
    plain = rank(scores, truth)
    for other in (random.sample(cases, len(cases)), cases * 3, [(score**3 - 5, there) for score, there in cases]):
        changed = rank(*arrays(other))
        assert changed.auc()[0] == pytest.approx(plain.auc()[0])
        assert changed.average_precision()[0] == pytest.approx(plain.average_precision()[0])


@given(graded)
def test_relabelling_mirrors_the_area(cases: list[tuple[int, bool]]) -> None:
    scores, truth = arrays(cases)
    assume(truth.any() and not truth.all())
    assert rank(scores, ~truth).auc()[0] == pytest.approx(1 - rank(scores, truth).auc()[0])
    assert rank(-scores, ~truth).auc()[0] == pytest.approx(rank(scores, truth).auc()[0])


@pytest.mark.parametrize("truth", [[1, 1], [0, 0]])
def test_one_kind_of_case_has_no_area(truth: list[int]) -> None:
    ranking = rank(np.array([0.1, 0.2]), np.array(truth, bool))
    assert np.isnan(ranking.auc()[0])
    assert np.isnan(ranking.average_precision()[0]) == (not any(truth))


def test_thresholds_fall_and_end_each_tie() -> None:
    ranking = rank(np.array([0.2, 0.9, 0.2, 0.5]), np.array([1, 1, 0, 0], bool))
    assert ranking.thresholds.tolist() == [0.9, 0.5, 0.2]
    assert ranking.cases == 4


def test_no_case_at_all() -> None:
    assert np.isnan(rank(np.empty(0), np.empty(0, bool)).auc()[0])


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
        rank(np.array([0.1, np.nan]), np.array([True, False]))
    with pytest.raises(ValueError, match="one score per case"):
        rank(np.array([0.1]), np.array([True, False]))
