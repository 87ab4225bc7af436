"""The simulated worklist against queueing theory and against queues worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.evaluation.worklist import Scores, Setting, flags, waits, worklist
from bregma.scan.errors import RequestError


def test_a_queue_by_hand() -> None:
    arrivals, minutes = np.array([0.0, 1, 2, 3]), np.array([10.0, 5, 5, 5])
    assert waits(arrivals, minutes, np.zeros(4)).tolist() == [0, 9, 13, 17]
    # the last one first, after the one that is being read
    assert waits(arrivals, minutes, np.array([0.0, 0, 0, 1])).tolist() == [0, 14, 18, 7]
    # two readers: the second begins at once
    assert waits(arrivals, minutes, np.zeros(4), readers=2).tolist() == [0, 0, 4, 7]


def test_an_idle_reader_begins_at_once() -> None:
    assert waits(np.array([5.0, 100.0]), np.array([3.0, 3.0]), np.zeros(2)).tolist() == [0, 0]


def test_first_come_is_lindleys_recursion() -> None:
    rng = np.random.default_rng(0)
    arrivals, minutes = np.cumsum(rng.exponential(12, 500)), rng.exponential(10, 500)
    waited, expected = 0.0, [0.0]
    for gap, before in zip(np.diff(arrivals), minutes, strict=False):
        waited = max(0.0, waited + before - gap)
        expected.append(waited)
    assert waits(arrivals, minutes, np.zeros(500)) == pytest.approx(np.array(expected))


def cobham(load: float, share: float, minutes: float, variation: float) -> tuple[float, float, float]:
    """Cobham 1954, M/G/1: minutes that the first and the second class wait, and all when the oldest is read first."""
    residual = load * minutes * (1 + variation**2) / 2
    first, both = load * share, load
    return residual / (1 - first), residual / ((1 - first) * (1 - both)), residual / (1 - both)


@pytest.mark.parametrize(("load", "variation"), [(0.6, 0.0), (0.75, 1.0)])
def test_a_perfect_flag_waits_as_cobham_says(load: float, variation: float) -> None:
    setting = Setting(load, 0.2, minutes=10, variation=variation, scans=1500, warm_up=500)
    found = worklist(setting, flags(1.0, 1.0), np.random.default_rng(1), replicates=80)
    first, second, all_of_them = cobham(load, 0.2, 10, variation)
    assert found.positives.prioritised == pytest.approx(first, rel=0.05)
    assert found.negatives.prioritised == pytest.approx(second, rel=0.09)
    assert found.positives.first_come == pytest.approx(all_of_them, rel=0.09)
    assert found.positives.saved == pytest.approx(all_of_them - first, rel=0.12)
    assert found.positives.saved_interval is not None
    assert found.positives.saved_interval.low < all_of_them - first < found.positives.saved_interval.high


def test_an_imperfect_flag_mixes_the_two_classes() -> None:
    setting = Setting(0.7, 0.2, variation=1.0, scans=1500, warm_up=500)
    found = worklist(setting, flags(0.8, 0.9), np.random.default_rng(2), replicates=80)
    flagged = 0.2 * 0.8 + 0.8 * 0.1
    first, second, _ = cobham(0.7, flagged, 10, 1.0)
    assert found.positives.prioritised == pytest.approx(0.8 * first + 0.2 * second, rel=0.09)
    assert found.negatives.prioritised == pytest.approx(0.1 * first + 0.9 * second, rel=0.09)


def test_what_positives_gain_negatives_pay() -> None:
    """Conservation: with reading times that do not depend on the class, the mean over all scans stays."""
    setting = Setting(0.8, 0.3, scans=1000)
    found = worklist(setting, flags(0.9, 0.8), np.random.default_rng(3), replicates=60)
    assert found.positives.saved > 0 > found.negatives.saved
    balance = 0.3 * found.positives.saved + 0.7 * found.negatives.saved
    assert balance == pytest.approx(0.0, abs=0.05 * found.positives.saved)


def test_scores_that_say_nothing_save_nothing_and_equal_scores_change_nothing() -> None:
    rng, setting = np.random.default_rng(4), Setting(0.7, 0.2, scans=500)
    noise = worklist(setting, Scores(np.arange(50.0), np.arange(50.0)), rng, replicates=100)
    assert noise.positives.saved_interval is not None
    assert noise.positives.saved_interval.low < 0 < noise.positives.saved_interval.high
    same = worklist(setting, flags(1.0, 0.0), rng, replicates=5)
    assert (same.positives.saved, same.negatives.saved, same.positives.saved_interval) == (0.0, 0.0, None)


def test_better_scores_and_more_load_save_more() -> None:
    def saved(load: float, sensitivity: float) -> float:
        setting = Setting(load, 0.15, scans=800)
        return worklist(setting, flags(sensitivity, 0.9), np.random.default_rng(5), replicates=60).positives.saved

    assert saved(0.5, 0.9) < saved(0.7, 0.9) < saved(0.85, 0.9)
    assert saved(0.8, 0.5) < saved(0.8, 0.95)


def test_the_same_seed_gives_the_same_minutes() -> None:
    setting = Setting(0.8, 0.15, scans=100, readers=3)
    runs = [worklist(setting, flags(0.9, 0.9), np.random.default_rng(6), replicates=3) for _ in range(2)]
    assert runs[0] == runs[1]
    assert worklist(setting, flags(0.9, 0.9), np.random.default_rng(6), replicates=1).positives.saved_interval is None


def test_flags_have_the_shares_asked_for() -> None:
    made = flags(0.85, 0.93)
    assert made.positives.mean() == pytest.approx(0.85)
    assert made.negatives.mean() == pytest.approx(0.07)


def test_departments_that_cannot_be() -> None:
    with pytest.raises(RequestError, match="grows for ever"):
        Setting(1.0, 0.1)
    with pytest.raises(RequestError, match="above 0"):
        Setting(0.5, 0.1, readers=0)
    with pytest.raises(RequestError, match="expected shares from 0 to 1"):
        flags(1.2, 0.5)
    with pytest.raises(RequestError, match="at least one of each"):
        Scores(np.array([1.0]), np.array([]))
    with pytest.raises(RequestError, match="at least one"):
        worklist(Setting(0.5, 0.1), flags(1, 1), np.random.default_rng(0), replicates=0)
