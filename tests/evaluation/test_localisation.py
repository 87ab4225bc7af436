"""Marks against lesions, FROC and localisation ROC: hand-counted, and against other ways to compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bregma.evaluation.localisation.froc import RATES, froc
from bregma.evaluation.localisation.lroc import lroc
from bregma.evaluation.localisation.marks import (
    NEVER,
    Mark,
    MarkedScan,
    Matched,
    boxes_of_mask,
    marks_of_lesions,
    match,
)
from bregma.evaluation.localisation_pictures import froc_picture, lroc_picture
from bregma.models.lesions import find_lesions
from bregma.scan.errors import RequestError
from bregma.scan.regions import Box
from bregma.scan.volume import Geometry

PNG = b"\x89PNG"
LEFT, RIGHT = Box((0, 0, 0), (10, 10, 10)), Box((40, 0, 0), (50, 10, 10))


def scan(patient: str, lesions: tuple[Box, ...], *marks: tuple[float, float]) -> MarkedScan:
    """Marks as (x, score), in the middle of y and z."""
    return MarkedScan(patient, lesions, tuple(Mark((x, 5.0, 5.0), score) for x, score in marks))


def test_each_mark_goes_to_the_nearest_lesion_within_reach() -> None:
    found = match(scan("a", (LEFT, RIGHT), (5, 0.3), (14.9, 0.6), (15.1, 0.9), (44, 0.2)))
    assert found == Matched(found=(0.6, 0.2), false=(0.9,), first=0.9, first_is_right=False)


def test_further_marks_on_a_lesion_are_neither_hits_nor_false() -> None:
    assert match(scan("a", (LEFT,), (1, 0.3), (2, 0.8), (3, 0.8))) == Matched((0.8,), (), 0.8, first_is_right=True)


def test_a_tie_between_a_hit_and_a_false_mark_is_not_localised() -> None:
    for marks in (((5, 0.8), (99, 0.8)), ((99, 0.8), (5, 0.8))):
        assert not match(scan("a", (LEFT,), *marks)).first_is_right


def test_a_mark_in_two_boxes_goes_to_the_nearer_centre() -> None:
    off = Box((5, 0, 0), (25, 10, 10))  # centre 15
    assert match(scan("a", (LEFT, off), (6, 1.0))).found == (1.0, NEVER)
    assert match(scan("a", (LEFT, off), (9.9, 1.0))).found == (1.0, NEVER)
    assert match(scan("a", (LEFT, off), (10.1, 1.0))).found == (NEVER, 1.0)  # outside the one, inside the other


def test_reach_is_asked_for() -> None:
    one = scan("a", (LEFT,), (12, 1.0))
    assert match(one).found == (1.0,)
    assert match(one, within_mm=1.9).false == (1.0,)


def test_a_scan_without_marks_or_lesions() -> None:
    assert match(scan("a", ())) == Matched((), (), NEVER, first_is_right=False)
    assert match(scan("a", (), (5, 0.5))).false == (0.5,)


def test_a_mark_needs_finite_numbers() -> None:
    with pytest.raises(ValueError, match="leave the mark out"):
        Mark((0, 0, float("nan")), 1.0)


def test_a_drawn_mask_becomes_boxes_in_patient_mm() -> None:
    geometry = Geometry(
        16, 16, np.array([[0.0, 0, 0], [0, 0, 5]]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), (2.0, 2.0)
    )
    mask = np.zeros((2, 16, 16), bool)
    mask[0, 2:4, 5:9] = mask[1, 4, 9] = True  # touch by a corner across slices
    mask[1, 12, 0] = True
    first, second = boxes_of_mask(mask, geometry)
    assert (first.low_mm, first.high_mm) == ((9.0, 3.0, 0.0), (19.0, 9.0, 5.0))
    assert (second.low_mm, second.high_mm) == ((-1.0, 23.0, 5.0), (1.0, 25.0, 5.0))
    assert boxes_of_mask(np.zeros_like(mask), geometry) == ()
    assert match(MarkedScan("a", (first, second), (Mark((0.0, 24.0, 5.0), 0.5),))).found == (NEVER, 0.5)


def test_lesions_of_a_package_become_marks_in_patient_mm() -> None:
    geometry = Geometry(
        16, 16, np.array([[0.0, 0, 0], [0, 0, 5]]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), (2.0, 2.0)
    )
    maps = np.zeros((2, 16, 16), np.float32)
    maps[:, 2:8, 4:10] = 0.75
    (mark,) = marks_of_lesions(find_lesions(maps, geometry))
    assert mark.at_mm[:2] == pytest.approx((13.0, 9.0))  # columns 4-9 and rows 2-7, of 2 mm
    assert mark.score == pytest.approx(0.75)
    assert marks_of_lesions(find_lesions(maps, None)) == ()


# four lesions on three positive scans, two negative scans
HAND = [
    scan("a", (LEFT, RIGHT), (5, 0.9), (80, 0.8)),
    scan("b", (LEFT,), (5, 0.7), (90, 0.2)),
    scan("c", (LEFT,), (70, 0.6)),
    scan("d", (), (1, 0.5)),
    scan("e", ()),
]


def test_froc_by_hand() -> None:
    found = froc(HAND, np.random.default_rng(0), replicates=200)
    assert (found.scans, found.lesions) == (5, 4)
    # thresholds 0.9 0.8 0.7 0.6 0.5 0.2
    assert found.found == pytest.approx((0.25, 0.25, 0.5, 0.5, 0.5, 0.5))
    assert found.false_per_scan == pytest.approx((0, 0.2, 0.2, 0.4, 0.6, 0.8))
    assert [measure.value for measure in found.at_rates] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5])
    # lesions 0.9 never 0.7 never against 0.5 and never: 2 + 2 wins, 2 ties
    assert found.afroc_area.value == pytest.approx((4 + 2 * 0.5) / 8)
    assert found.at_rates[0].name == "lesions_found_at_0.25"


def test_lroc_by_hand() -> None:
    found = lroc(HAND, np.random.default_rng(0), replicates=200)
    assert (found.positives, found.negatives) == (3, 2)
    assert found.correct.value == pytest.approx(2 / 3)  # c is marked elsewhere
    # a and b win against 0.5 and against no mark; c never wins
    assert found.area.value == pytest.approx(4 / 6)
    assert found.false_positive_rate[0] == 0
    assert (found.false_positive_rate[-1], found.localised[-1]) == pytest.approx((1, 2 / 3))


def drawn(seed: int, scans: int = 60) -> list[MarkedScan]:
    rng, out = np.random.default_rng(seed), []
    for number in range(scans):
        lesions = (LEFT, RIGHT)[: rng.integers(0, 3)]
        marks = [(5.0, s) for s in rng.normal(1, 1, rng.integers(0, 2))] * bool(lesions)
        marks += [(45.0, s) for s in rng.normal(1, 1, rng.integers(0, 2))]
        marks += [(90.0, s) for s in rng.normal(0, 1, rng.integers(0, 3))]
        out.append(scan(f"p{number // 2}", lesions, *((x, round(float(s), 1)) for x, s in marks)))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_froc_against_counting_at_every_threshold(seed: int) -> None:
    scans = drawn(seed)
    found = froc(scans, np.random.default_rng(0), replicates=100)
    matched = [match(one) for one in scans]
    hits = np.array([score for one in matched for score in one.found])
    false = np.array([score for one in matched for score in one.false])
    thresholds = np.unique(np.concatenate([hits[np.isfinite(hits)], false]))[::-1]
    assert found.found == pytest.approx([(hits >= t).mean() for t in thresholds])
    assert found.false_per_scan == pytest.approx([(false >= t).sum() / len(scans) for t in thresholds])
    for rate, measure in zip(RATES, found.at_rates, strict=True):
        allowed = [(hits >= t).mean() for t in thresholds if (false >= t).sum() <= rate * len(scans)]
        assert measure.value == pytest.approx(max(allowed, default=0.0))
    worst = [max(one.false, default=-9.0) for one in matched if not one.found]
    rated = np.concatenate([np.maximum(hits, -9.0), worst])
    area = roc_auc_score([1] * len(hits) + [0] * len(worst), rated)
    assert found.afroc_area.value == pytest.approx(area)
    interval = found.afroc_area.interval
    assert interval is not None
    assert interval.low < area < interval.high


@pytest.mark.parametrize("seed", range(4))
def test_lroc_area_against_all_pairs_and_under_its_curve(seed: int) -> None:
    scans = drawn(seed)
    found = lroc(scans, np.random.default_rng(0), replicates=100)
    matched = [match(one) for one in scans]
    positives, negatives = ([one for one in matched if bool(one.found) is kind] for kind in (True, False))
    wins = [p.first_is_right * ((p.first > n.first) + 0.5 * (p.first == n.first)) for p in positives for n in negatives]
    assert found.area.value == pytest.approx(np.mean(wins))
    assert np.trapezoid(found.localised, found.false_positive_rate) == pytest.approx(np.mean(wins))


def test_intervals_get_narrower_with_more_patients() -> None:
    widths = []
    for scans in (40, 400):
        interval = lroc(drawn(1, scans), np.random.default_rng(0), replicates=300).area.interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


def test_all_found_gets_wilson_and_no_false_marks_is_no_matter() -> None:
    scans = [scan(str(number), (LEFT,), (5, 1.0)) for number in range(9)] + [scan("n", ())]
    found = froc(scans, np.random.default_rng(0), replicates=100)
    assert [measure.value for measure in found.at_rates] == [1.0] * 5
    assert found.at_rates[0].interval is not None
    assert found.at_rates[0].interval.method == "wilson over patients"
    assert found.afroc_area.value == 1.0


def test_a_false_mark_above_all_hits_leaves_nothing_at_a_low_rate() -> None:
    scans = [scan("a", (LEFT,), (5, 0.1), (90, 0.9))]
    values = [measure.value for measure in froc(scans, np.random.default_rng(0), replicates=100).at_rates]
    assert values == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_nothing_marked_at_all() -> None:
    scans = [scan("a", (LEFT,)), scan("b", ())]
    found = froc(scans, np.random.default_rng(0), replicates=100)
    assert found.found == (0.0,)
    assert found.afroc_area.value == 0.5
    assert lroc(scans, np.random.default_rng(0), replicates=100).area.value == 0.0


def test_without_negatives_there_is_a_froc_but_no_afroc_area() -> None:
    found = froc(HAND[:3], np.random.default_rng(0), replicates=100)
    assert found.afroc_area.value is None
    assert found.afroc_area.reason is not None
    with pytest.raises(RequestError, match="3 of 3 scans have a lesion"):
        lroc(HAND[:3], np.random.default_rng(0))
    with pytest.raises(RequestError, match="none of 2 scans has a lesion"):
        froc(HAND[3:], np.random.default_rng(0))


def test_pictures_are_png() -> None:
    rng = np.random.default_rng(0)
    assert froc_picture(froc(drawn(0), rng, replicates=100)).startswith(PNG)
    assert froc_picture(froc(HAND[1:2], rng, replicates=100)).startswith(PNG)
    assert lroc_picture(lroc(drawn(0), rng, replicates=100)).startswith(PNG)
    assert lroc_picture(lroc(HAND[1:2] + HAND[4:], rng, replicates=100)).startswith(PNG)
