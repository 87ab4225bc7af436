"""Sampling: scans as units, balanced, and the same again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bregma.training.sampling import TrainingScan, plan_epoch
from bregma.training.sections import BatchesSection


def scan(flags: str) -> TrainingScan:
    """ "0" is a slice without, "1" with a bleed, "?" one that nobody labelled."""
    value = np.array([[float(flag == "1")] for flag in flags], dtype=np.float32)
    known = np.array([[flag != "?"] for flag in flags])
    nothing = np.zeros(1, np.float32)
    return TrainingScan(f"1.2.{flags}", value, known, known[:, 0], nothing, nothing > 0, "slices")


def settings(scans: int = 2, length: int = 0, balance: bool = True) -> BatchesSection:
    return BatchesSection(scans=scans, slices_per_scan=length, balance=balance)


SCANS = [scan("0110"), scan("00000"), scan("000"), scan("0000"), scan("00"), scan("??")]


def test_what_is_known_about_a_scan() -> None:
    assert [scan(flags).positive for flags in ("01?", "00?", "???")] == [True, False, None]


def test_positives_are_shown_as_often_as_negatives() -> None:
    """1 positive, 4 negatives, 1 unknown: the positive is shown four times."""
    shown = Counter(showing.scan for step in plan_epoch(SCANS, settings(), seed=0, epoch=0) for showing in step)
    assert shown == {0: 4, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}
    unbalanced = plan_epoch(SCANS, settings(balance=False), seed=0, epoch=0)
    assert Counter(showing.scan for step in unbalanced for showing in step) == dict.fromkeys(range(6), 1)


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
