"""Operating points, decision curves, parts of the Brier score and subgroups: worked by hand."""

import numpy as np
import pytest

from bregma.evaluation.decision_curve import decision_curve
from bregma.evaluation.intervals import Interval
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import Counts
from bregma.evaluation.murphy import brier_parts
from bregma.evaluation.operating_points import Aim, Hold, choose, choose_by_site, kept
from bregma.evaluation.ranking import rank
from bregma.evaluation.subgroups import subgroups, too_few
from bregma.scan.errors import RequestError

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
TRUTH = np.array([1, 1, 0, 1, 0, 1, 0, 0, 0, 0], dtype=bool)
PATIENTS = [f"p{i}" for i in range(10)]


def chosen(hold: Hold, least: float):
    return choose(SCORES, TRUTH, PATIENTS, Aim(hold, least), np.random.default_rng(0), replicates=300)


def test_sensitivity_at_a_specificity_by_hand() -> None:
    """Of six negatives one may be called at 0.8: down to 0.6, where three of four positives are found."""
    found = chosen(Hold.SPECIFICITY, 0.8)
    assert found.threshold == 0.6
    assert found.counts == Counts(3, 1, 1, 5)
    assert (found.measure.name, found.measure.value) == ("sensitivity_at_specificity", 0.75)
    assert kept(found) == pytest.approx(5 / 6)
    assert found.measure.interval is not None


def test_specificity_at_a_sensitivity_by_hand() -> None:
    found = chosen(Hold.SENSITIVITY, 1.0 - 1e-9)
    assert (found.threshold, found.counts) == (0.4, Counts(4, 2, 0, 4))
    assert (found.measure.name, found.measure.value) == ("specificity_at_sensitivity", pytest.approx(4 / 6))
    assert kept(found) == 1.0


def test_a_specificity_that_no_threshold_keeps_calls_nothing() -> None:
    found = choose(np.array([0.1, 0.9]), np.array([True, False]), ["a", "b"], Aim(Hold.SPECIFICITY, 0.9),
                   np.random.default_rng(0), replicates=100)  # fmt: skip
    assert found.threshold == np.inf
    assert found.counts == Counts(0, 0, 1, 1)


def test_each_site_has_its_own_threshold() -> None:
    """Site b scores 0.3 higher throughout, so its threshold is 0.3 higher."""
    scores, truth = np.concatenate([SCORES, SCORES + 0.3]), np.tile(TRUTH, 2)
    patients = [f"p{i}" for i in range(20)]
    found = choose_by_site(
        scores, truth, patients, ["a"] * 10 + ["b"] * 10, Aim(Hold.SPECIFICITY, 0.8), np.random.default_rng(0),
        replicates=100,
    )  # fmt: skip
    assert {site: one.threshold for site, one in found.items()} == pytest.approx({"a": 0.6, "b": 0.9})
    assert found["a"].measure.value == found["b"].measure.value == 0.75


def test_one_kind_of_case_has_no_operating_point() -> None:
    found = choose(SCORES, np.ones(10, bool), PATIENTS, Aim(Hold.SPECIFICITY, 0.9), np.random.default_rng(0))
    assert (found.threshold, found.counts, found.measure.value, kept(found)) == (None, None, None, None)
    assert "both kinds of case" in found.measure.reason


@pytest.mark.parametrize("least", [0.0, 1.0, 1.2])
def test_an_aim_is_a_share(least: float) -> None:
    with pytest.raises(RequestError, match="specificity is"):
        Aim(Hold.SPECIFICITY, least)


def test_the_ranking_reads_specificity_off_too() -> None:
    ranking = rank(SCORES, TRUTH)
    assert ranking.specificity(0.5)[0] == 1.0
    assert ranking.specificity(0.75)[0] == pytest.approx(5 / 6)
    nothing = rank(np.zeros(0), np.zeros(0, bool))
    assert np.isnan(nothing.specificity(0.5)).all()
    assert np.isnan(rank(SCORES, np.ones(10, bool)).specificity(0.5)).all()


def test_net_benefit_by_hand() -> None:
    """At 0.5: 3 true and 2 false alerts of 10; a false one costs as much as a true one is worth: 0.1."""
    codes = np.arange(10)
    at_half, at_quarter = decision_curve(
        SCORES, TRUTH, codes, np.random.default_rng(0), thresholds=(0.5, 0.25), replicates=200
    )
    assert at_half.value == pytest.approx(0.1)
    assert at_half.of_all == pytest.approx(0.4 - 0.6)
    assert at_quarter.value == pytest.approx(0.4 - 0.3 / 3)
    assert at_half.interval is not None
    assert at_half.interval.low <= 0.1 <= at_half.interval.high


def test_calling_everybody_is_worth_what_the_curve_says_of_all() -> None:
    (one,) = decision_curve(
        np.ones(10), TRUTH, np.arange(10), np.random.default_rng(0), thresholds=(0.2,), replicates=99
    )
    assert one.value == pytest.approx(one.of_all)


def test_a_threshold_of_one_has_no_price() -> None:
    with pytest.raises(ValueError, match=r"threshold 1.0 has no price"):
        decision_curve(SCORES, TRUTH, np.arange(10), np.random.default_rng(0), thresholds=(1.0,))


def test_parts_of_the_brier_score_by_hand() -> None:
    """Two forecasts: 0.2 (one of four came true) and 0.8 (three of four): Murphy's three parts, nothing within bins."""
    said = np.repeat([0.2, 0.8], 4)
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    parts = brier_parts(said, truth)
    assert parts.reliability == pytest.approx(0.05**2)
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.uncertainty == pytest.approx(0.25)
    assert parts.within_bins == pytest.approx(0.0)
    assert parts.brier == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty)


def test_the_parts_add_up_for_any_probabilities() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(400)
    parts = brier_parts(said, rng.random(400) < said)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert whole == pytest.approx(parts.brier)
    assert abs(parts.within_bins) > 1e-5
    assert brier_parts(np.zeros(0), np.zeros(0, bool)) is None


def test_bands_words_and_numbers() -> None:
    facts = [{"age": 64}, {"age": 65.0, "scanner": "B"}, {"age": "17"}, {}, {"age": 130, "scanner": "A"}, {"age": -1}]
    found = {group.name: group.places for group in subgroups("age", facts)}
    assert found == {"below 0": (5,), "0 to 18": (2,), "40 to 65": (0,), "65 to 80": (1,), "120 and more": (4,)}
    assert [group.name for group in subgroups("scanner", facts)] == ["A", "B"]
    assert [group.name for group in subgroups("kv", [{"kv": 120}, {"kv": 80.0}, {"kv": ""}])] == ["80", "120"]


def test_few_cases_say_little() -> None:
    assert too_few(Measure("recall", 0.9, Interval(0.8, 0.95, "wilson"))) is None
    assert too_few(Measure("recall", 0.9, Interval(0.5, 0.95, "wilson"))) == (
        "recall: too few cases, its interval spans 45 points"
    )
    assert too_few(Measure("recall", None, reason="nothing")) == "recall: no interval, too few cases"
