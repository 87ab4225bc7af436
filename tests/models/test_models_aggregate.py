from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.models.aggregate import (
    INCOMPLETE,
    NOT_ASSESSED,
    NOTHING_FOUND,
    SUSPECTED,
    Rule,
    consistent,
    longest_run,
    qualifying,
    reach_mm,
    recall_ceiling,
    scan_score,
    scan_verdict,
)
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal, Remark
from tiny_models import head_scan


def bits(word: str) -> np.ndarray:
    return np.array([letter == "1" for letter in word], dtype=bool)


def even(slices: int, mm: float) -> np.ndarray:
    return np.full(slices, mm)


@pytest.mark.parametrize(("slices", "longest"), [("", 0), ("1", 1), ("0111011", 3), ("000", 0), ("1111", 4)])
def test_longest_run(slices: str, longest: int) -> None:
    assert longest_run(bits(slices)) == longest


@pytest.mark.parametrize("mm", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize(("slices", "positive"), [("0110110", False), ("0011100", True), ("1111111", True)])
def test_on_thin_scans_the_rule_is_the_papers_three_neighbours(mm: float, slices: str, positive: bool) -> None:
    assert qualifying(bits(slices), even(7, mm), Rule()).any() == positive


@pytest.mark.parametrize(
    ("mm", "enough"), [(0.5, "111"), (1.0, "111"), (2.2, "111"), (2.5, "11"), (4.0, "11"), (4.5, "1"), (10.0, "1")]
)
def test_on_thick_scans_a_small_bleed_is_not_missed_by_construction(mm: float, enough: str) -> None:
    padded = f"000{enough}000"
    assert qualifying(bits(padded), even(len(padded), mm), Rule()).sum() == len(enough)
    if len(enough) > 1:
        fewer = f"000{enough[1:]}000"
        assert not qualifying(bits(fewer), even(len(fewer), mm), Rule()).any()


def test_without_distances_only_slices_are_counted() -> None:
    assert not qualifying(bits("0011000"), None, Rule()).any()
    assert qualifying(bits("0011100"), None, Rule()).tolist() == bits("0011100").tolist()


def test_runs_that_are_too_short_do_not_count() -> None:
    assert qualifying(bits("0101110"), even(7, 1.0), Rule()).tolist() == bits("0001110").tolist()


def test_uneven_gaps_are_measured_slice_by_slice() -> None:
    reach = np.array([1.0, 1.0, 1.0, 3.0, 5.0, 5.0, 5.0])
    assert not qualifying(bits("1100000"), reach, Rule()).any()
    assert qualifying(bits("0001100"), reach, Rule()).any()
    assert qualifying(bits("0000100"), reach, Rule()).any()


def test_a_scan_shorter_than_the_run_is_positive_when_all_of_it_is() -> None:
    assert qualifying(bits("11"), even(2, 1.0), Rule()).all()
    assert not qualifying(bits("10"), even(2, 1.0), Rule()).any()
    assert scan_score([0.9, 0.7], even(2, 1.0), Rule()) == 0.7


def test_reach_goes_half_way_to_the_neighbours() -> None:
    scan = head_scan(slices=4, gap_mm=5.0)
    assert reach_mm(scan.volume.geometry).tolist() == [5.0, 5.0, 5.0, 5.0]
    assert reach_mm(None) is None
    assert reach_mm(head_scan(slices=1).volume.geometry) is None


def test_the_score_is_the_least_suspicious_slice_of_the_best_run() -> None:
    probabilities = [0.9, 0.1, 0.6, 0.7, 0.8, 0.2, 0.95]
    assert scan_score(probabilities, even(7, 1.5), Rule()) == 0.6
    assert scan_score(probabilities, even(7, 3.0), Rule()) == 0.7
    assert scan_score(probabilities, even(7, 5.0), Rule()) == 0.95
    assert scan_score(probabilities, None, Rule()) == 0.6


def test_a_scan_without_slices_has_no_score() -> None:
    with pytest.raises(ValueError, match="0 slices"):
        scan_score([], None, Rule())


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.lists(st.floats(0.3, 12), min_size=12, max_size=12),
    st.floats(0.01, 1),
    st.booleans(),
)
def test_score_and_rule_say_the_same(values: list[float], reach: list[float], threshold: float, known: bool) -> None:
    rule = Rule(threshold=threshold)
    mm = np.array(reach[: len(values)]) if known else None
    fires = qualifying(np.array(values) >= threshold, mm, rule).any()
    assert (scan_score(values, mm, rule) >= threshold) == fires


def test_any_is_at_least_the_likeliest_subtype() -> None:
    findings = ("any", "epidural", "subdural")
    raised = consistent(np.array([[0.2, 0.1, 0.6], [0.9, 0.1, 0.2]], dtype=np.float32), findings)
    assert raised.tolist() == np.array([[0.6, 0.1, 0.6], [0.9, 0.1, 0.2]], dtype=np.float32).tolist()
    alone = np.array([[0.3]], dtype=np.float32)
    assert consistent(alone, ("any",)).tolist() == alone.tolist()
    assert consistent(alone, ("subdural",)) is alone


def test_the_recall_ceiling_counts_what_the_rule_can_reach() -> None:
    scans = [("000", 5.0), ("0100000", 1.5), ("0111000", 1.5), ("0100000", 5.0)]
    truths = [(bits(word), even(len(word), mm)) for word, mm in scans]
    ceiling = recall_ceiling(truths, Rule())
    assert (ceiling.scans, ceiling.reachable) == (3, 2)
    assert ceiling.recall == pytest.approx(2 / 3)
    assert recall_ceiling(truths[:1], Rule()).recall is None


def test_negative_is_said_only_of_a_scan_that_was_wholly_read() -> None:
    rule = Rule()
    assert scan_verdict(head_scan(), 0.1, rule).word == NOTHING_FOUND
    thick = Remark("thick_slices", "slices are 10 mm apart")
    assert scan_verdict(head_scan(warnings=(thick,)), 0.1, rule).word == NOTHING_FOUND
    missing = Remark("missing_slices", "2 slices are missing at z = 40 mm")
    verdict = scan_verdict(head_scan(warnings=(thick, missing)), 0.1, rule)
    assert (verdict.word, verdict.reason) == (INCOMPLETE, "2 slices are missing at z = 40 mm")
    assert scan_verdict(head_scan(warnings=(missing,)), 0.5, rule).word == SUSPECTED
    assert scan_verdict(head_scan(with_geometry=False), 0.1, rule).word == INCOMPLETE


def test_what_was_not_read_is_not_assessed() -> None:
    refused = head_scan(refusal=Refusal("not_head", "this is no head"))
    verdict = scan_verdict(refused, None, Rule())
    assert (verdict.word, verdict.reason) == (NOT_ASSESSED, "this is no head")
    assert scan_verdict(head_scan(), None, Rule()).word == NOT_ASSESSED


@pytest.mark.parametrize("wrong", [{"run_slices": 0}, {"run_mm": 0.0}, {"threshold": 0.0}, {"threshold": float("nan")}])
def test_a_rule_that_would_always_fire_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="rule has"):
        Rule(**wrong)


def test_a_rule_reads_as_a_sentence() -> None:
    assert str(Rule()) == "positive from 3 neighbouring slices, or 4.5 mm of them, with a probability of at least 0.5"
