"""Figures from counts: worked by hand, and the printed tables of two papers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.evaluation.intervals import Interval, wilson, z_value
from bregma.evaluation.metrics import (
    ACCURACY,
    F1,
    PRECISION,
    PROPORTIONS,
    RECALL,
    SPECIFICITY,
    Counts,
    count,
    why_undefined,
)

# Grewal et al. 2018, tables 1 and 2: counts TP, FP, FN, TN and what is printed: accuracy, recall, precision, F1 in %.
RADNET_TABLES = {
    "DenseNet": (Counts(37, 14, 7, 19), (72.73, 84.10, 72.55, 77.90)),
    "DenseNet-A": (Counts(40, 11, 4, 22), (80.52, 90.91, 78.43, 84.21)),
    "RADnet": (Counts(39, 9, 5, 24), (81.82, 88.64, 81.25, 84.78)),
    "Rad. 1": (Counts(36, 6, 8, 27), (81.82, 81.82, 85.71, 83.72)),
    "Rad. 2": (Counts(39, 6, 5, 27), (85.71, 88.64, 86.67, 87.64)),
    "Rad. 3": (Counts(33, 7, 5, 26), (83.10, 86.84, 82.50, 84.62)),
}
FIGURES = (ACCURACY, RECALL, PRECISION, F1)

# Two cells were rounded to one decimal and printed with a zero behind it: 84.09 as 84.10 and 77.89 as 77.90.
QUIRKS = {("DenseNet", "recall"): 84.09, ("DenseNet", "f1"): 77.89}


@pytest.mark.parametrize("column", RADNET_TABLES)
def test_radnets_tables_come_out_of_the_counts_to_the_printed_digit(column: str) -> None:
    counts, printed = RADNET_TABLES[column]
    computed = {figure.name: round(100 * figure.of(counts), 2) for figure in FIGURES}
    expected = {f.name: QUIRKS.get((column, f.name), value) for f, value in zip(FIGURES, printed, strict=True)}
    assert computed == expected


def test_the_two_rounding_quirks_are_one_decimal_with_a_zero_behind() -> None:
    counts, printed = RADNET_TABLES["DenseNet"]
    for figure, value in zip(FIGURES, printed, strict=True):
        if (("DenseNet", figure.name)) in QUIRKS:
            assert round(100 * figure.of(counts), 1) == value != round(100 * figure.of(counts), 2)


def test_reader_three_fits_71_of_the_77_scans_only() -> None:
    assert RADNET_TABLES["Rad. 3"][0].cases == 71
    assert {counts.cases for name, (counts, _) in RADNET_TABLES.items() if name != "Rad. 3"} == {77}
    assert all(round(100 * right / 77, 2) != 83.10 for right in range(78))  # no whole number of 77 is 83.10 %


def test_radnets_accuracy_has_the_interval_that_makes_the_paper_modest() -> None:
    interval = wilson(39 + 24, 77)
    assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == (71.8, 88.8)
    assert interval.method == "wilson"


def test_heterogeneous_labels_table() -> None:
    counts = Counts(13_266, 2_461, 5_341, 106_932)
    assert [round(figure.of(counts), 2) for figure in (PRECISION, RECALL, F1)] == [0.84, 0.71, 0.77]
    assert round(100 * ACCURACY.of(counts), 1) == 93.9
    always_no = Counts(0, 0, counts.positives, counts.negatives)
    assert round(100 * ACCURACY.of(always_no), 1) == 85.5


def test_a_confusion_table_by_hand() -> None:
    called = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    truth = np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    assert count(called, truth) == Counts(2, 1, 1, 2)
    assert SPECIFICITY.of(Counts(2, 1, 1, 2)) == pytest.approx(2 / 3)


def test_calls_and_truth_of_different_length_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"\(2,\) calls against \(3,\)"):
        count(np.zeros(2, bool), np.zeros(3, bool))


def test_a_count_below_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Counts(1, -1, 0, 0)


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        (Counts(0, 0, 0, 0), {"accuracy", "recall", "specificity", "precision", "f1"}),
        (Counts(0, 0, 0, 5), {"recall", "precision", "f1"}),
        (Counts(0, 0, 3, 0), {"specificity", "precision"}),
        (Counts(2, 0, 0, 0), {"specificity"}),
    ],
)
def test_what_the_counts_do_not_define_is_none_with_a_reason(counts: Counts, undefined: set[str]) -> None:
    assert {figure.name for figure in PROPORTIONS if figure.of(counts) is None} == undefined
    for figure in PROPORTIONS:
        reason = why_undefined(figure, counts)
        assert (reason is not None) == (figure.name in undefined)
        assert reason is None or reason.startswith(f"{figure.name} is undefined: ")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_figures_do_not_see_order_or_duplication(cases: list[tuple[bool, bool]], random) -> None:
    shuffled = random.sample(cases, len(cases))
    plain, mixed, double = (count(*np.array(c, dtype=bool).T) for c in (cases, shuffled, cases * 2))
    for figure in PROPORTIONS:
        assert figure.of(plain) == figure.of(mixed)
        assert figure.of(double) == pytest.approx(figure.of(plain)) if figure.of(plain) is not None else True


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_relabelling_swaps_recall_and_specificity(cases: list[tuple[bool, bool]]) -> None:
    called, truth = np.array(cases, dtype=bool).T
    plain, swapped = count(called, truth), count(~called, ~truth)
    assert RECALL.of(swapped) == SPECIFICITY.of(plain)
    assert ACCURACY.of(swapped) == ACCURACY.of(plain)


def test_wilson_at_the_ends_does_not_collapse() -> None:
    assert wilson(0, 10).low == 0.0
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)  # z^2 / (n + z^2)
    assert wilson(10, 10).low == pytest.approx(1 - 0.2775, abs=1e-4)
    assert wilson(10, 10).high == 1.0


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_inside(of: tuple[int, int]) -> None:
    k, n = of
    interval = wilson(k, n)
    assert 0 <= interval.low <= k / n <= interval.high <= 1
    mirrored = wilson(n - k, n)
    assert mirrored.low == pytest.approx(1 - interval.high)


@pytest.mark.parametrize(("n", "share"), [(30, 0.5), (77, 0.82), (200, 0.1), (500, 0.05)])
def test_wilson_covers_what_it_promises(n: int, share: float) -> None:
    drawn = np.random.default_rng(7).binomial(n, share, 2000)
    held = [wilson(float(k), n) for k in drawn]
    covered = np.mean([interval.low <= share <= interval.high for interval in held])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_no_proportion_no_interval(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no proportion"):
        wilson(k, n)


def test_confidence_is_a_share() -> None:
    assert z_value(0.95) == pytest.approx(1.959964)
    with pytest.raises(ValueError, match="95"):
        z_value(95)


def test_an_interval_upside_down_is_an_error() -> None:
    with pytest.raises(ValueError, match="upside down"):
        Interval(0.8, 0.2, "wilson")
