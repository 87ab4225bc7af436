"""Stratification: whole shares, every patient once, prevalences as close as whole scans allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.catalogue.stratify import Patients, divide, gaps, whole_shares


def drawn(count: int, prevalence: list[float], *, seed: int = 0, known: float = 1.0, scans: int = 1) -> Patients:
    """Patients with up to so many scans each, findings by chance."""
    rng = np.random.default_rng(seed)
    has = rng.integers(1, scans + 1, size=count)
    of = rng.binomial(has[:, None], known, size=(count, len(prevalence)))
    return Patients(rng.binomial(of, prevalence), of, has)


def gap_of(patients: Patients, part: np.ndarray, parts: int) -> np.ndarray:
    """The definition, patient by patient: largest minus smallest share of known scans, in points."""
    found = []
    for k in range(patients.known.shape[1]):
        shares = [
            100 * patients.positive[part == p, k].sum() / patients.known[part == p, k].sum()
            for p in range(parts)
            if patients.known[part == p, k].sum()
        ]
        found.append(max(shares) - min(shares) if shares else 0.0)
    return np.array(found)


def test_a_hand_made_case_comes_out_exactly() -> None:
    # four with a rare and a common finding, eight with the common one, twelve with none: a quarter of each in part 1
    positive = np.array([[1, 1]] * 4 + [[0, 1]] * 8 + [[0, 0]] * 12)
    patients = Patients(positive, np.ones_like(positive), np.ones(24, dtype=np.int64))
    part = divide(patients, [0.75, 0.25], np.random.default_rng(3))
    assert patients.totals(part, 2).tolist() == [[3, 9, 18, 18, 18], [1, 3, 6, 6, 6]]
    assert gaps(patients.totals(part, 2)).tolist() == [0.0, 0.0]


def test_gaps_are_points_between_the_most_and_the_least_over_known_scans() -> None:
    # columns: 2 findings positive, 2 known, scans; the second finding is known in one part only
    totals = np.array([[3.0, 1.0, 10.0, 4.0, 12.0], [1.0, 0.0, 10.0, 0.0, 10.0], [2.0, 0.0, 5.0, 0.0, 5.0]])
    assert gaps(totals).tolist() == pytest.approx([30.0, 0.0])


def test_rare_findings_of_many_patients_are_spread_nearly_evenly() -> None:
    patients = drawn(3000, [0.4, 0.02, 0.25, 0.17], scans=4)
    part = divide(patients, [0.8, 0.1, 0.1], np.random.default_rng(0))
    assert np.bincount(part).tolist() == [2400, 300, 300]
    assert gap_of(patients, part, 3).max() < 0.1
    scans = patients.totals(part, 3)[:, -1] / patients.scans.sum()
    assert scans == pytest.approx([0.8, 0.1, 0.1], rel=0.011)


def test_a_small_part_of_a_subset_is_alike_too() -> None:
    patients = drawn(8000, [0.4, 0.016, 0.25, 0.17, 0.18, 0.18])
    part = divide(patients, [0.085, 0.015, 0.9], np.random.default_rng(1))
    assert np.bincount(part).tolist() == [680, 120, 7200]
    # in 120 scans a prevalence moves by steps of 0.83 points; by chance alone the gap would be about 9
    assert gap_of(patients, part, 3).max() < 0.45


def test_what_nobody_knows_counts_neither_as_present_nor_as_absent() -> None:
    # half the patients are silent; of the others half are positive
    known = np.array([[1]] * 20 + [[0]] * 20)
    positive = np.array([[1]] * 10 + [[0]] * 30)
    patients = Patients(positive, known, np.ones(40, dtype=np.int64))
    for seed in range(5):
        part = divide(patients, [0.5, 0.5], np.random.default_rng(seed))
        assert patients.totals(part, 2).tolist() == [[5, 10, 20], [5, 10, 20]]


def test_the_same_seed_decides_the_same_and_another_otherwise() -> None:
    patients = drawn(300, [0.3, 0.1])
    first, second, third = (divide(patients, [0.7, 0.3], np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != third).any()


def test_patients_of_one_kind_are_dealt_by_chance() -> None:
    patients = Patients(np.zeros((40, 1), np.int64), np.ones((40, 1), np.int64), np.ones(40, np.int64))
    first, second = (divide(patients, [0.5, 0.5], np.random.default_rng(seed)) for seed in (1, 2))
    assert np.bincount(first).tolist() == np.bincount(second).tolist() == [20, 20]
    assert (first != second).any()


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(1, 40), findings=st.integers(0, 3), known=st.floats(0, 1), scans=st.integers(1, 4),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 99),
)  # fmt: skip
def test_everyone_is_placed_once_and_parts_have_their_share(
    count: int, findings: int, known: float, scans: int, weights: list[int], seed: int
) -> None:
    patients = drawn(count, [0.3] * findings, seed=seed, known=known, scans=scans)
    shares = np.array(weights) / sum(weights)
    part = divide(patients, list(shares), np.random.default_rng(seed))
    sizes = np.bincount(part, minlength=len(shares))
    assert sizes.sum() == count
    assert np.abs(sizes - shares * count).max() < 1.0
    assert gaps(patients.totals(part, len(shares))) == pytest.approx(gap_of(patients, part, len(shares)))


@pytest.mark.parametrize(
    ("shares", "total", "whole"),
    [
        ([0.7, 0.15, 0.15], 200, [140, 30, 30]), ([0.5, 0.5], 3, [2, 1]), ([0.7, 0.15, 0.15], 3, [2, 1, 0]),
        ([1.0], 7, [7]),
    ],
)  # fmt: skip
def test_whole_shares_sum_up(shares: list[float], total: int, whole: list[int]) -> None:
    assert whole_shares(np.array(shares), total).tolist() == whole


def test_counts_that_do_not_fit_are_refused() -> None:
    one = np.ones((2, 1), np.int64)
    with pytest.raises(ValueError, match=r"positive \(2, 1\), known \(2, 1\) and scans \(3,\) do not fit"):
        Patients(one, one, np.ones(3, np.int64))
    with pytest.raises(ValueError, match="more positive than known"):
        Patients(2 * one, one, np.ones(2, np.int64))
