"""Sampling: scans as units, balanced, and the same again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bregma.scan.errors import RequestError
from bregma.training.sampling import Kind, Showing, TrainingScan, plan_epoch
from bregma.training.sections import BatchesSection


def scan(flags: str) -> TrainingScan:
    """ "0" is a slice without, "1" with a bleed, "?" one that nobody labelled."""
    value = np.array([[float(flag == "1")] for flag in flags], dtype=np.float32)
    known = np.array([[flag != "?"] for flag in flags])
    nothing = np.zeros(1, np.float32)
    return TrainingScan(f"1.2.{flags}", value, known, known[:, 0], nothing, nothing > 0, "slices")


def labelled_whole(slices: int, *present: float) -> TrainingScan:
    """A scan of which only the whole is labelled, each finding 0 or 1."""
    value = np.array(present, np.float32)
    nobody = np.zeros((slices, len(present)), np.bool_)
    return TrainingScan(
        f"1.3.{slices}", nobody.astype(np.float32), nobody, nobody[:, 0], value, np.ones(len(present), np.bool_), "scan"
    )


def unlabelled(slices: int) -> TrainingScan:
    nobody = np.zeros((slices, 1), np.bool_)
    nothing = nobody[0].astype(np.float32)
    return TrainingScan(f"1.4.{slices}", nobody.astype(np.float32), nobody, nobody[:, 0], nothing, nobody[0], "none")


def settings(scans: int = 2, length: int = 0, balance: bool = True, **more: Any) -> BatchesSection:
    return BatchesSection(scans=scans, slices_per_scan=length, balance=balance, **more)


def shown(steps: Sequence[Sequence[Showing]]) -> Counter[int]:
    """How often each scan is shown."""
    return Counter(showing.scan for step in steps for showing in step)


SCANS = [scan("0110"), scan("00000"), scan("000"), scan("0000"), scan("00"), scan("??")]


def test_what_is_known_about_a_scan() -> None:
    assert [scan(flags).positive for flags in ("01?", "00?", "???")] == [True, False, None]


def test_positives_are_shown_as_often_as_negatives() -> None:
    """1 positive, 4 negatives, 1 unknown: the positive is shown four times."""
    assert shown(plan_epoch(SCANS, settings(), seed=0, epoch=0)) == {0: 4, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}
    unbalanced = plan_epoch(SCANS, settings(balance=False), seed=0, epoch=0)
    assert shown(unbalanced) == dict.fromkeys(range(6), 1)


def test_copies_of_a_scan_are_varied_differently() -> None:
    seeds = [s.seed for step in plan_epoch(SCANS, settings(), seed=0, epoch=0) for s in step]
    assert len(set(seeds)) == len(seeds)


def test_one_kind_alone_is_shown_once() -> None:
    plan = plan_epoch(SCANS[1:], settings(scans=5), seed=0, epoch=0)
    assert [len(step) for step in plan] == [5]


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    first = plan_epoch(SCANS, settings(), seed=3, epoch=1)
    assert plan_epoch(SCANS, settings(), seed=3, epoch=1) == first
    assert plan_epoch(SCANS, settings(), seed=3, epoch=2) != first
    assert plan_epoch(SCANS, settings(), seed=4, epoch=1) != first


@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_pieces_are_within_the_scan_and_hold_a_positive_slice(length: int) -> None:
    for epoch in range(20):
        for step in plan_epoch(SCANS, settings(length=length), seed=0, epoch=epoch):
            for showing in step:
                whole = SCANS[showing.scan]
                assert 0 <= showing.start < showing.stop <= len(whole.value)
                assert showing.stop - showing.start == min(length, len(whole.value))
                if whole.positive:
                    assert whole.positive_slices[showing.start : showing.stop].any()


def test_every_slice_gets_its_turn() -> None:
    seen = {
        (showing.scan, index)
        for epoch in range(200)
        for step in plan_epoch(SCANS, settings(length=2), seed=0, epoch=epoch)
        for showing in step
        for index in range(showing.start, showing.stop)
    }
    assert len(seen) == sum(len(one.value) for one in SCANS)


def test_with_slices_as_units_each_known_slice_is_shown_once_by_itself() -> None:
    scans = [scan("0?1"), scan("??"), scan("00")]
    steps = plan_epoch(scans, settings(scans=3, balance=False, unit="slice"), seed=0, epoch=0)
    assert [len(step) for step in steps] == [3, 1]
    places = [(one.scan, one.start, one.stop) for step in steps for one in step]
    assert sorted(places) == [(0, 0, 1), (0, 2, 3), (2, 0, 1), (2, 1, 2)]
    orders = {
        tuple(
            (one.scan, one.start) for step in plan_epoch(scans, settings(unit="slice"), seed=0, epoch=e) for one in step
        )
        for e in range(20)
    }
    assert len(orders) > 5
    again = settings(unit="slice")
    assert plan_epoch(scans, again, seed=1, epoch=2) == plan_epoch(scans, again, seed=1, epoch=2)


def test_slices_are_balanced_slice_by_slice() -> None:
    """1 positive, 5 negatives: the positive is shown five times, each time varied another way."""
    scans = [scan("0?1"), scan("0000")]
    steps = plan_epoch(scans, settings(unit="slice"), seed=0, epoch=0)
    positives = [one for step in steps for one in step if (one.scan, one.start) == (0, 2)]
    assert (len(positives), sum(map(len, steps))) == (5, 10)
    assert len({one.seed for one in positives}) == 5


def test_slices_without_a_label_cannot_be_units() -> None:
    with pytest.raises(RequestError, match="no slice of the training part is labelled"):
        plan_epoch([scan("??"), labelled_whole(3, 1)], settings(unit="slice"), seed=0, epoch=0)


FINDINGS = ("any", "epidural", "subdural")


def with_findings(*slices: str) -> TrainingScan:
    """A string per slice, a character per finding: "0", "1" or "?"."""
    value = np.array([[flag == "1" for flag in flags] for flags in slices], np.float32)
    known = np.array([[flag != "?" for flag in flags] for flags in slices])
    nothing = np.zeros(len(FINDINGS), np.float32)
    return TrainingScan("1.5", value, known, known[:, 0], nothing, nothing > 0, "slices")


def test_the_slices_of_a_finding_are_repeated() -> None:
    """Epidural x 8 in all (7 copies), subdural x 2; a slice with both takes the larger."""
    scans = [with_findings("000", "110", "101", "111", "1?1"), with_findings("000")]
    how = settings(balance=False, unit="slice", repeat={"epidural": 8, "subdural": 2})
    steps = plan_epoch(scans, how, seed=0, epoch=0, findings=FINDINGS)
    counts = Counter((one.scan, one.start) for step in steps for one in step)
    assert counts == {(0, 0): 1, (0, 1): 8, (0, 2): 2, (0, 3): 8, (0, 4): 2, (1, 0): 1}


def test_scans_of_a_finding_are_repeated_by_slices_or_by_their_own_label() -> None:
    scans = [with_findings("000", "110"), labelled_whole(3, 1, 1, 0), labelled_whole(3, 1, 0, 1), with_findings("000")]
    how = settings(balance=False, repeat={"epidural": 3})
    assert shown(plan_epoch(scans, how, seed=0, epoch=0, findings=FINDINGS)) == {0: 3, 1: 3, 2: 1, 3: 1}
    balanced = settings(repeat={"epidural": 3})
    counts = shown(plan_epoch(scans, balanced, seed=0, epoch=0, findings=FINDINGS))
    assert (counts[3], sum(counts.values())) == (7, 14)


MIXED = [scan("010"), scan("000"), scan("0000"), labelled_whole(4, 1.0), labelled_whole(5, 0.0), unlabelled(6)]


def test_each_step_holds_its_share_of_every_kind() -> None:
    """Three, two and one scans of the kinds, 1 + 2 + 1 in a step: three steps, the shorter kinds go round again."""
    how = settings(scans=4, balance=False, mix=(1, 2, 1))
    for epoch in range(5):
        steps = plan_epoch(MIXED, how, seed=0, epoch=epoch)
        kinds = [[MIXED[one.scan].kind for one in step] for step in steps]
        assert kinds == [["slices", "scan", "scan", "none"]] * 3
        assert shown(steps) == {0: 1, 1: 1, 2: 1, 3: 3, 4: 3, 5: 3}
        assert plan_epoch(MIXED, how, seed=0, epoch=epoch) == steps
    seeds = [one.seed for step in steps for one in step]
    assert len(set(seeds)) == len(seeds)


def test_a_kind_without_a_share_is_left_out() -> None:
    steps = plan_epoch(MIXED, settings(balance=False, mix=(2, 0, 0)), seed=0, epoch=0)
    assert set(shown(steps)) == {0, 1, 2}
    assert [len(step) for step in steps] == [2, 2]


def test_each_kind_is_balanced_within_itself() -> None:
    steps = plan_epoch(MIXED, settings(mix=(1, 1, 0)), seed=0, epoch=0)
    assert shown(steps) == {0: 2, 1: 1, 2: 1, 3: 2, 4: 2}


@pytest.mark.parametrize(
    ("kind", "words"), [("slices", "labelled slices"), ("scan", "only the whole"), ("none", "without a label")]
)
def test_a_share_of_a_kind_that_is_not_there_is_refused(kind: Kind, words: str) -> None:
    scans = [one for one in MIXED if one.kind != kind]
    with pytest.raises(RequestError, match=words):
        plan_epoch(scans, settings(scans=3, mix=(1, 1, 1)), seed=0, epoch=0)


@pytest.mark.parametrize("keep_whole", [True, False])
def test_a_scan_of_which_only_the_whole_is_labelled_is_cut_only_where_it_may_be(keep_whole: bool) -> None:
    for epoch in range(5):
        for step in plan_epoch(MIXED, settings(length=2), seed=0, epoch=epoch, keep_whole=keep_whole):
            for one in step:
                whole = keep_whole and MIXED[one.scan].kind == "scan"
                assert one.stop - one.start == (len(MIXED[one.scan].value) if whole else 2)
