"""Intervals and tests of counts: printed examples, scipy, and coverage computed exactly over all outcomes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bregma.evaluation.benjamini_hochberg import benjamini_hochberg
from bregma.evaluation.f1_interval import f1_interval
from bregma.evaluation.false_alerts import expected_day
from bregma.evaluation.holm import holm
from bregma.evaluation.intervals import clopper_pearson, two_sided_p, wilson
from bregma.evaluation.koopman import koopman
from bregma.evaluation.likelihood_ratios import likelihood_ratios
from bregma.evaluation.mcnemar import MCNEMAR, chi_squared, exact, mid_p
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import F1, PROPORTIONS, Counts
from bregma.evaluation.newcombe import newcombe_paired
from bregma.evaluation.predictive_values import predictive_values
from bregma.evaluation.sources.table_figures import count_figures
from bregma.scan.errors import RequestError

RADNET = Counts(39, 9, 5, 24)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (63, 77), (10, 10), (1, 500)])
def test_intervals_of_a_proportion_are_scipys(successes: int, trials: int) -> None:
    test = stats.binomtest(successes, trials)
    ours, theirs = clopper_pearson(successes, trials), test.proportion_ci(method="exact")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    ours, theirs = wilson(successes, trials), test.proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_radnets_accuracy_by_the_exact_interval() -> None:
    interval = clopper_pearson(39 + 24, 77)
    assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == (71.4, 89.7)
    assert interval.method == "clopper-pearson"


def test_more_successes_than_trials_are_an_error() -> None:
    with pytest.raises(ValueError, match="5 of 4 is no proportion"):
        clopper_pearson(5, 4)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_coverage_of_a_proportions_intervals_over_all_outcomes(share: float) -> None:
    """Exact, not simulated: the chance of all outcomes whose interval holds the truth."""
    coverage = {"wilson": [], "exact": []}
    for trials in (30, 47, 80, 129, 207, 350, 500):
        outcomes = np.arange(trials + 1)
        chance = stats.binom.pmf(outcomes, trials, share)
        for name, interval in (("wilson", wilson), ("exact", clopper_pearson)):
            likely = [int(k) for k in outcomes[chance > 1e-6]]
            ends = [interval(k, trials) for k in likely]
            held = [one.low <= share <= one.high for one in ends]
            coverage[name].append(float(chance[likely][held].sum()))
    assert 0.93 <= np.mean(coverage["wilson"]) <= 0.97
    assert min(coverage["wilson"]) > 0.915
    assert min(coverage["exact"]) >= 0.9499


def test_f1_rises_with_the_jaccard_index_and_so_do_its_ends() -> None:
    interval = f1_interval(RADNET)
    assert interval is not None
    jaccard = wilson(39, 53)
    assert (interval.low, interval.high) == pytest.approx(
        (2 * jaccard.low / (1 + jaccard.low), 2 * jaccard.high / (1 + jaccard.high))
    )
    value = F1.of(RADNET)
    assert interval.low < value < interval.high
    assert f1_interval(Counts(0, 0, 0, 9)) is None


def test_f1_intervals_hold_the_true_f1_about_95_times_in_100() -> None:
    rng = np.random.default_rng(5)
    shares = np.array([0.24, 0.06, 0.06, 0.64])  # F1 = 0.48 / 0.60 = 0.8
    tables = rng.multinomial(120, shares, size=2000)
    ends = [f1_interval(Counts(*table.tolist())) for table in tables]
    assert 0.935 <= np.mean([e is not None and e.low <= 0.8 <= e.high for e in ends]) <= 0.965


def test_likelihood_ratios_by_hand() -> None:
    positive, negative = likelihood_ratios(Counts(90, 20, 10, 80))
    assert positive.value == pytest.approx(4.5)
    assert negative.value == pytest.approx(0.125)
    assert positive.interval == koopman(90, 100, 20, 100)
    assert negative.interval == koopman(10, 100, 80, 100)
    none_missed = likelihood_ratios(Counts(5, 2, 0, 9))[1]
    assert none_missed.value == 0.0
    assert none_missed.interval.low == 0.0 < none_missed.interval.high


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((36, 40, 16, 80), 2.9396, 7.1522),  # Koopman 1984
        ((7, 34, 1, 34), 1.21, 43.0),  # Perondi's trial in Fagerland, Lydersen and Laake 2015
        # all of both count: the test of a ratio r above 1 is z^2 = n (r - 1), below 1 it is m (1 / r - 1)
        ((10, 10, 20, 20), 1 / (1 + 3.841459 / 10), 1 + 3.841459 / 20),
    ],
)
def test_ratios_of_proportions_as_published_and_by_hand(counts: tuple[int, ...], low: float, high: float) -> None:
    found = koopman(*counts)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.012 if high == 43.0 else 1e-4)


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_ratio_turned_over_has_the_interval_turned_over(first: int, second: int) -> None:
    if not first + second:
        with pytest.raises(ValueError, match="is no ratio of proportions"):
            koopman(first, 20, second, 25)
        return
    one, other = koopman(first, 20, second, 25), koopman(second, 25, first, 20)
    assert one.low == pytest.approx(1 / other.high, rel=1e-6)
    assert math.isinf(one.high) == (second == 0)
    if first and second:
        assert one.low < first / 20 / (second / 25) < one.high


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        (Counts(5, 0, 5, 9), ("infinite: no negative case was called positive; its interval begins at", None)),
        (Counts(5, 9, 5, 0), (None, "infinite: every negative case")),
        (Counts(0, 2, 5, 9), (None, None)),
        (Counts(5, 0, 5, 0), ("undefined: it needs", "undefined: it needs")),
    ],
)
def test_ratios_without_an_interval_say_why(counts: Counts, reasons: tuple[str | None, str | None]) -> None:
    for measure, reason in zip(likelihood_ratios(counts), reasons, strict=True):
        if reason is None:
            assert measure.interval is not None
        else:
            assert reason in measure.reason
            assert measure.interval is None


def test_predictive_values_at_the_prevalence_of_the_study_are_those_of_the_study() -> None:
    positive, negative = predictive_values(RADNET, RADNET.positives / RADNET.cases)
    assert positive.value == pytest.approx(39 / 48)
    assert negative.value == pytest.approx(24 / 29)


def test_a_rare_finding_makes_most_alerts_false() -> None:
    """Recall 0.9, specificity 0.8, prevalence 1 %: 0.009 / (0.009 + 0.198) = 4.3 % of alerts are right."""
    positive, negative = predictive_values(Counts(90, 20, 10, 80), 0.01)
    assert positive.value == pytest.approx(0.009 / 0.207)
    spread = 0.1 / 0.9 / 100 + 0.8 / 0.2 / 100
    logit = math.log(0.009 / 0.198)
    low, high = (1 / (1 + math.exp(-logit - side * 1.959964 * math.sqrt(spread))) for side in (-1, 1))
    assert (positive.interval.low, positive.interval.high) == pytest.approx((low, high), rel=1e-5)
    assert negative.interval.low < 0.792 / 0.793 < negative.interval.high


def test_predictive_values_at_the_edge_have_wide_intervals_all_the_same() -> None:
    positive, negative = predictive_values(Counts(10, 0, 0, 30), 0.1)
    assert (positive.value, negative.value) == (1.0, 1.0)
    assert positive.interval.method == "wilson of recall and specificity"
    assert positive.interval.high == 1.0
    assert 0.2 < positive.interval.low < 0.9
    never = predictive_values(Counts(0, 0, 10, 30), 0.1)
    assert never[0].value is None
    assert "no case was called so" in never[0].reason
    assert predictive_values(Counts(0, 1, 0, 3), 0.1)[0].reason.endswith("a positive and a negative case")


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1])
def test_a_prevalence_is_a_share(prevalence: float) -> None:
    with pytest.raises(RequestError, match="expected a share between 0 and 1"):
        predictive_values(RADNET, prevalence)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 3), (2, 9), (20, 8), (0, 6)])
def test_mcnemar_is_scipys_sign_test(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert exact(first, second) == pytest.approx(expected)
    assert exact(first, second) == exact(second, first)
    assert mid_p(first, second) <= exact(first, second)
    if first + second:
        observed = [first, second]
        assert chi_squared(first, second) == pytest.approx(stats.chisquare(observed).pvalue)
    else:
        assert chi_squared(first, second) == 1.0


def test_mid_p_of_fagerland() -> None:
    """Airway hyper-responsiveness (Fagerland et al. 2013): 1 and 7 differing pairs; exact 0.070, mid-p 0.039."""
    assert round(exact(1, 7), 3) == 0.070
    assert round(mid_p(1, 7), 3) == 0.039
    assert round(chi_squared(1, 7), 3) == 0.034
    assert mid_p(0, 0) == 1.0
    assert set(MCNEMAR) == {"exact", "mid-p", "chi-squared"}


def test_counts_below_zero_are_no_cases() -> None:
    with pytest.raises(ValueError, match="-1 and 2 differing cases"):
        exact(-1, 2)


def test_newcombes_example() -> None:
    """Newcombe 1998, table II, 36 / 12 / 2 / 0, method 10: difference 0.2, interval 0.0569 to 0.3404."""
    interval = newcombe_paired(36, 2, 12, 0)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0569, 0.3404)


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(any))
def test_swapping_the_two_turns_the_difference_round(cells: list[int]) -> None:
    both, first, second, neither = cells
    one, other = newcombe_paired(both, first, second, neither), newcombe_paired(both, second, first, neither)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    value = (second - first) / sum(cells)
    assert -1 <= one.low <= value + 1e-9
    assert value - 1e-9 <= one.high <= 1


def test_a_paired_table_has_a_case() -> None:
    with pytest.raises(ValueError, match="no paired table"):
        newcombe_paired(0, 0, 0, 0)


def test_paired_intervals_hold_the_true_difference_about_95_times_in_100() -> None:
    rng = np.random.default_rng(3)
    for cases in (40, 150):
        tables = rng.multinomial(cases, [0.7, 0.05, 0.15, 0.1], size=1500)
        ends = [newcombe_paired(*table.tolist()) for table in tables]
        assert 0.93 <= np.mean([e.low <= 0.1 <= e.high for e in ends]) <= 0.975


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_false_discoveries_are_scipys_and_less_strict_than_holm(p_values: list[float]) -> None:
    ours = benjamini_hochberg([None, *p_values])
    assert ours[0] is None
    assert ours[1:] == pytest.approx(stats.false_discovery_control(p_values))
    assert all(b <= h + 1e-12 for b, h in zip(ours[1:], holm(p_values), strict=True))


def test_two_sided_p_of_a_normal_number() -> None:
    assert two_sided_p(1.959964) == pytest.approx(0.05, abs=1e-6)
    assert two_sided_p(-1.959964) == two_sided_p(1.959964)


def of_counts(counts: Counts) -> dict[str, Measure]:
    return {measure.name: measure for measure in count_figures(counts)}


def test_a_day_of_200_scans_at_5_percent() -> None:
    figures = of_counts(Counts(90, 20, 10, 80))
    day = expected_day(figures["recall"], figures["specificity"], scans=200, prevalence=0.05)
    found = {measure.name: measure.value for measure in day.measures}
    assert found == pytest.approx({"true_alerts": 9.0, "false_alerts": 38.0, "missed": 1.0})
    false, missed = day.measures[1].interval, day.measures[2].interval
    ends = wilson(20, 100)
    assert (false.low, false.high) == pytest.approx((190 * ends.low, 190 * ends.high))
    ends = wilson(10, 100)
    assert (missed.low, missed.high) == pytest.approx((10 * ends.low, 10 * ends.high))


def test_a_day_without_a_kind_of_case_says_why() -> None:
    figures = of_counts(Counts(5, 0, 5, 0))
    day = expected_day(figures["recall"], figures["specificity"], scans=10, prevalence=0.1)
    assert [m.value for m in day.measures] == [0.5, None, 0.5]
    assert "no negative case" in day.measures[1].reason
    with pytest.raises(RequestError, match="expected more than 0 scans"):
        expected_day(figures["recall"], figures["specificity"], scans=0, prevalence=0.1)


def test_every_figure_of_radnet_lies_in_its_interval() -> None:
    """The three that are shares of cases, to the printed digit of Wilson's interval."""
    printed = {"accuracy": (71.8, 88.8), "recall": (76.0, 95.0), "precision": (68.1, 89.8)}
    wholes = {"accuracy": (63, 77), "recall": (39, 44), "precision": (39, 48)}
    for figure in PROPORTIONS:
        if figure.name in printed:
            interval = wilson(*wholes[figure.name])
            assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == printed[figure.name]
