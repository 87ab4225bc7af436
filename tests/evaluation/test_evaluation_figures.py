"""Log loss, sensitivity at a specificity, Holm's correction, intervals over seeds: against numbers worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.cases import Cases, only, pooled
from bregma.evaluation.figures import OF_SCORES, score_figures
from bregma.evaluation.holm import holm, p_value
from bregma.evaluation.levels import Point, measure_level
from bregma.evaluation.ranking import rank
from bregma.evaluation.seeds import difference_over_seeds, mean_over_seeds
from bregma.scan.terms import FINDINGS

SIX = tuple(term.name for term in FINDINGS)


def cases(finding: str, scores: list[float], truth: list[int]) -> Cases:
    keys = tuple((f"scan{i}", 0) for i in range(len(scores)))
    patients = tuple(f"p{i}" for i in range(len(scores)))
    return Cases("slice", finding, keys, patients, np.array(scores), np.array(truth, bool))


def two_slices_of_six() -> list[Cases]:
    """Slice 0 bleeds below the dura, slice 1 does not bleed."""
    said = {"any": [0.8, 0.3], "subdural": [0.6, 0.1]}
    there = {"any": [1, 0], "subdural": [1, 0]}
    return [cases(name, said.get(name, [0.25, 0.25]), there.get(name, [0, 0])) for name in SIX]


def figure(of: Cases, name: str, specificity: float = 0.9) -> float:
    codes = patient_codes(of.patients)
    once = np.ones((1, int(codes.max()) + 1))
    return float(score_figures(of, codes, specificity=specificity)(once)[0, OF_SCORES.index(name)])


def test_rsna_log_loss_by_hand() -> None:
    any_loss = (-math.log(0.8) - math.log(0.7)) / 2
    subdural = (-math.log(0.6) - math.log(0.9)) / 2
    silent = -math.log(0.75)
    by_hand = (2 * any_loss + subdural + 4 * silent) / 7
    assert by_hand == pytest.approx(0.291234, abs=1e-6)
    assert figure(pooled(two_slices_of_six()), "log_loss") == pytest.approx(by_hand)


def test_a_coin_has_a_log_loss_of_ln_2_as_the_challenge_s_sample_submission_had() -> None:
    coin = [cases(name, [0.5, 0.5], [1, 0]) for name in SIX]
    assert figure(pooled(coin), "log_loss") == pytest.approx(math.log(2))


def test_any_counts_twice_only_when_all_six_are_there() -> None:
    six = two_slices_of_six()
    five = pooled(six[:5])
    assert five.counts is None
    losses = [-math.log(0.8), -math.log(0.7), *[-math.log(0.75)] * 8]
    assert figure(five, "log_loss") == pytest.approx(sum(losses) / 10)
    rng = np.random.default_rng(0)
    names = [
        measure_level(part, [Point("rule", 0.5, "")], rng, replicates=20).measures[4].name
        for part in (pooled(six), five, six[0])
    ]
    assert names == ["weighted_log_loss", "log_loss", "log_loss"]


def test_a_certain_error_is_clipped_as_the_challenge_did() -> None:
    assert figure(cases("any", [1.0, 0.0], [0, 1]), "log_loss") == pytest.approx(-math.log(1e-15))


@pytest.mark.parametrize(
    ("specificity", "sensitivity"),
    [(0.99, 1 / 4), (0.90, 2 / 4), (0.81, 2 / 4), (0.80, 3 / 4), (0.61, 3 / 4), (0.60, 1.0)],
)
def test_sensitivity_at_a_specificity_by_hand(specificity: float, sensitivity: float) -> None:
    # ten negatives; positives above all of them, above nine, above eight, and one tied with the fourth highest
    negatives = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.5, 0.6, 0.8]
    positives = [0.9, 0.7, 0.55, 0.35]
    known = cases("any", [*positives, *negatives], [1] * 4 + [0] * 10)
    assert figure(known, "sensitivity_at_specificity", specificity) == pytest.approx(sensitivity)


def test_every_resample_reads_its_own_curve() -> None:
    ranking = rank(np.array([0.9, 0.5, 0.7, 0.1]), np.array([1, 1, 0, 0], bool))
    weights = np.array([[1, 1, 1, 1], [1, 1, 0, 2], [0, 2, 2, 0], [0, 0, 1, 1], [2, 2, 0, 0]], float)
    found = ranking.sensitivity(0.9, weights)
    assert found[:3].tolist() == [0.5, 1.0, 0.0]
    assert np.isnan(found[3:]).all()
    assert np.isnan(rank(np.array([]), np.array([], bool)).sensitivity(0.9)).all()


def test_only_keeps_the_cases_asked_for_in_the_order_of_their_keys() -> None:
    some = only(cases("any", [0.1, 0.2, 0.3], [0, 1, 0]), {("scan2", 0), ("scan1", 0)})
    assert some.keys == (("scan1", 0), ("scan2", 0))
    assert some.scores.tolist() == [0.2, 0.3]
    assert some.patients == ("p1", "p2")


def test_p_value_is_twice_the_share_beyond_nothing() -> None:
    draws = np.array([0.1] * 97 + [-0.1] * 2)
    assert p_value(draws) == pytest.approx(2 * 3 / 100)
    assert p_value(np.ones(99)) == pytest.approx(2 / 100)  # 99 resamples cannot tell less
    assert p_value(np.zeros(99)) == 1.0
    assert p_value(np.array([0.1, np.nan, np.nan])) is None
    assert p_value(-draws) == p_value(draws)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, None]) == pytest.approx((0.03, 0.06, 0.06, None))  # type: ignore[arg-type]
    assert holm([0.9, 0.6]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(after is not None and before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    assert [a for _, a in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)  # type: ignore[type-var]


def test_mean_over_seeds_is_students_t() -> None:
    interval = mean_over_seeds([0.90, 0.92, 0.94])
    assert interval is not None
    half = 4.302653 * 0.02 / math.sqrt(3)  # t of 2 degrees of freedom
    assert (interval.low, interval.high) == pytest.approx((0.92 - half, 0.92 + half), abs=1e-6)
    assert interval.method == "t over seeds"
    cut = mean_over_seeds([0.9, 0.99], floor=0.0, ceiling=1.0)
    assert cut is not None
    assert cut.high == 1.0
    assert mean_over_seeds([0.9]) is None
    assert mean_over_seeds([0.9, 0.9]) is None


def test_difference_over_seeds_is_welchs() -> None:
    interval = difference_over_seeds([0.80, 0.82, 0.84], [0.90, 0.92, 0.94])
    assert interval is not None
    half = 2.776445 * math.sqrt(2 * 0.02**2 / 3)  # equal spread and size: 4 degrees of freedom
    assert (interval.low, interval.high) == pytest.approx((0.1 - half, 0.1 + half), abs=1e-6)
    assert difference_over_seeds([0.8], [0.9, 0.8]) is None
    assert difference_over_seeds([0.8, 0.8], [0.9, 0.9]) is None
