"""Intervals of means and of average precision from resamples: what they must be by hand, and when there is none."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from scipy import stats

from bregma.evaluation.bootstrap import logit_interval, patient_codes
from bregma.evaluation.cases import Cases
from bregma.evaluation.intervals import wilson
from bregma.evaluation.mean_intervals import LEAST_PATIENTS, METHOD, mean_intervals
from bregma.evaluation.measure import share_over_patients


def cases(scores: np.ndarray, truth: np.ndarray, slices: int = 1, counts: np.ndarray | None = None) -> Cases:
    patients = tuple(f"p{i // slices}" for i in range(len(scores)))
    return Cases("scan", "any", tuple((p, i) for i, p in enumerate(patients)), patients, scores, truth, counts)


def of(some: Cases, replicates: int = 2000):
    return mean_intervals(some, patient_codes(some.patients), np.random.default_rng(0), replicates=replicates)


def test_many_cases_have_nearly_the_interval_of_student() -> None:
    rng = np.random.default_rng(1)
    scores, truth = rng.random(2000), rng.random(2000) < 0.5
    brier, _ = of(cases(scores, truth))
    squares = (scores - truth) ** 2
    expected = stats.t.interval(0.95, 1999, squares.mean(), stats.sem(squares))
    assert brier is not None
    assert brier.method == METHOD
    assert (brier.low, brier.high) == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))


def test_copies_under_the_same_patient_change_nothing_and_weights_are_copies() -> None:
    rng = np.random.default_rng(2)
    scores, truth = rng.random(40), rng.random(40) < 0.3
    once, twice = of(cases(scores, truth)), of(cases(np.repeat(scores, 2), np.repeat(truth, 2), slices=2))
    for one, two in zip(once, twice, strict=True):
        assert one is not None
        assert two is not None
        assert (one.low, one.high) == pytest.approx((two.low, two.high))
    _, weighted = of(cases(scores, truth, counts=np.full(40, 2.0)))
    assert weighted == once[1]


def test_it_reaches_further_up_than_down_where_large_ones_are_rare() -> None:
    truth = np.arange(60) < 4
    brier, loss = of(cases(np.where(truth, 0.3, 0.02), truth))
    for mean, interval in ((0.49 / 15 + 0.0004 * 14 / 15, brier), (-(4 * log(0.3) + 56 * log(0.98)) / 60, loss)):
        assert interval is not None
        assert interval.low < mean < interval.high
        assert interval.high - mean > 1.5 * (mean - interval.low)


def test_few_patients_and_what_does_not_vary_have_none() -> None:
    few = LEAST_PATIENTS - 1
    assert of(cases(np.linspace(0, 1, few), np.arange(few) < 3)) == (None, None)
    assert of(cases(np.full(30, 0.5), np.arange(30) < 3)) == (None, None)
    assert of(cases(np.zeros(0), np.zeros(0, dtype=bool))) == (None, None)


def test_on_the_logit_scale_by_hand() -> None:
    draws = np.array([0.7, 0.9, np.nan] * 50)  # spread 0.1 around 0.8
    found = logit_interval(0.8, draws)
    assert found is not None
    half = 1.959964 * 0.1 / 0.16
    ends = [1 / (1 + exp(-(log(4) + side * half))) for side in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-6)
    assert logit_interval(1.0, draws) is None
    assert logit_interval(0.8, np.full(20, 0.8)) is None


def test_a_share_over_patients_is_that_of_as_many_cases_as_vary_so_much() -> None:
    codes, counted = np.repeat(np.arange(20), 5), np.ones(100, dtype=bool)
    draws = np.array([0.7, 0.9] * 100)  # variance 0.01, which 16 cases at 0.8 have
    found = share_over_patients("recall", 0.8, draws, counted=counted, codes=codes, unless="")
    expected = wilson(0.8 * 16, 16)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    steady = share_over_patients("recall", 0.8, 0.8 + 0.01 * (draws - 0.8), counted=counted, codes=codes, unless="")
    assert steady.interval == wilson(80, 100, method="wilson over patients")  # no case is worth more than one
    none = share_over_patients(
        "recall", np.nan, draws, counted=~counted, codes=codes, unless="there is no positive case"
    )
    assert none.reason == "recall is undefined: there is no positive case"
