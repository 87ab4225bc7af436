"""A reading queue simulated: how many minutes earlier positive scans are read when scores set the order.

Scans arrive at random (Poisson), each of R readers takes the waiting scan of the highest priority, the oldest first
among equals, and finishes it before taking the next (non-preemptive M/G/R queue; Cobham 1954 for R = 1). The same scans
arrive in both queues, so that the difference is paired.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bregma.evaluation.intervals import CONFIDENCE, Interval
from bregma.evaluation.metrics import Bools, Floats
from bregma.scan.errors import RequestError

REPLICATES = 200
OVER_REPLICATES = "t over replicates"


@dataclass(frozen=True, slots=True)
class Setting:
    """A department.

    Attributes:
        load: share of the readers' time that reading takes, above 0 and below 1.
        prevalence: share of scans with the finding.
        minutes: to read a scan, on average.
        variation: standard deviation of that time over its mean; 0 is always the same, 1 exponential.
        readers: who read from the one queue.
        scans: per replicate that are counted.
        warm_up: scans before them, in which the queue fills.
    """

    load: float
    prevalence: float
    minutes: float = 10.0
    variation: float = 0.5
    readers: int = 1
    scans: int = 1000
    warm_up: int = 300

    def __post_init__(self) -> None:
        if not (0 < self.load < 1 and 0 < self.prevalence < 1):
            raise RequestError(
                f"load is {self.load:g} and prevalence {self.prevalence:g}; expected shares between 0 and 1 (at load "
                "1 the queue grows for ever)"
            )
        if min(self.minutes, self.readers, self.scans) <= 0 or min(self.variation, self.warm_up) < 0:
            raise RequestError(
                f"minutes {self.minutes:g}, readers {self.readers} and scans {self.scans} must be above 0, variation "
                f"{self.variation:g} and warm-up {self.warm_up} not below 0"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of scans with and without the finding, from which simulated scans are drawn.

    Attributes:
        positives: scores of scans with the finding, at least one.
        negatives: scores of scans without it, at least one.
    """

    positives: Floats
    negatives: Floats

    def __post_init__(self) -> None:
        if not (len(self.positives) and len(self.negatives)):
            raise RequestError(
                f"there are scores of {len(self.positives)} scans with the finding and {len(self.negatives)} without; "
                "at least one of each is needed"
            )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Minutes until reading begins, for one kind of scan.

    Attributes:
        first_come: mean when the oldest is read first.
        prioritised: mean when scores set the order.
        saved: mean of the one less the other; below 0 is lost.
        saved_interval: over replicates; None for one replicate.
        first_come_p90: 90 % of scans wait no longer, the oldest first.
        prioritised_p90: the same when scores set the order.
    """

    first_come: float
    prioritised: float
    saved: float
    saved_interval: Interval | None
    first_come_p90: float
    prioritised_p90: float


@dataclass(frozen=True, slots=True)
class Worklist:
    """What a worklist by scores saves.

    Attributes:
        setting: the department.
        replicates: simulated.
        positives: scans with the finding.
        negatives: scans without it, which pay for it.
    """

    setting: Setting
    replicates: int
    positives: Waiting
    negatives: Waiting


def flags(sensitivity: float, specificity: float, *, parts: int = 1000) -> Scores:
    """Scores of a plain alarm: 1 or 0, with these shares.

    Args:
        sensitivity: share of positives that are flagged.
        specificity: share of negatives that are not.
        parts: to which the shares are rounded.
    """
    if not (0 <= sensitivity <= 1 and 0 <= specificity <= 1):
        raise RequestError(f"sensitivity {sensitivity} and specificity {specificity}; expected shares from 0 to 1")
    places = np.arange(parts)
    flagged = places < round(sensitivity * parts), places >= round(specificity * parts)
    return Scores(flagged[0].astype(np.float64), flagged[1].astype(np.float64))


def worklist(setting: Setting, scores: Scores, rng: np.random.Generator, *, replicates: int = REPLICATES) -> Worklist:
    """Simulate the department with and without priorities.

    Args:
        setting: the department.
        scores: higher is read earlier; equal scores in the order of arrival.
        rng: where arrivals, reading times and scores come from.
        replicates: how many times.

    Raises:
        RequestError: for less than one replicate.
    """
    if replicates < 1:
        raise RequestError(f"{replicates} replicates; expected at least one")
    runs = [_replicate(setting, scores, rng) for _ in range(replicates)]
    truth = np.concatenate([run[0] for run in runs])
    waits = np.concatenate([run[1] for run in runs])
    of = np.repeat(np.arange(replicates), setting.scans)
    positives, negatives = (_waiting(waits[truth == kind], of[truth == kind]) for kind in (True, False))
    return Worklist(setting, replicates, positives, negatives)


def waits(arrivals: Floats, minutes: Floats, priorities: Floats, *, readers: int = 1) -> Floats:
    """(N,) minutes that each scan waits.

    Args:
        arrivals: (N,) minutes, rising.
        minutes: (N,) that reading takes.
        priorities: (N,) higher is read earlier; equal ones in the order of arrival.
        readers: who read from the one queue.
    """
    begins = np.zeros(len(arrivals))
    free = [0.0] * readers
    queue: list[tuple[float, int]] = []
    coming, urgency, times, durations = 0, (-priorities).tolist(), arrivals.tolist(), minutes.tolist()
    for _ in range(len(times)):
        now = heapq.heappop(free)
        if not queue:
            now = max(now, times[coming])
        while coming < len(times) and times[coming] <= now:
            heapq.heappush(queue, (urgency[coming], coming))
            coming += 1
        place = heapq.heappop(queue)[1]
        begins[place] = now
        heapq.heappush(free, now + durations[place])
    return begins - arrivals


def _replicate(setting: Setting, scores: Scores, rng: np.random.Generator) -> tuple[Bools, Floats]:
    """(scans,) which are positive, and (scans, 2) minutes they wait: the oldest first, by scores."""
    count = setting.warm_up + setting.scans
    between = setting.minutes / (setting.readers * setting.load)
    arrivals = np.cumsum(rng.exponential(between, count))
    truth = rng.random(count) < setting.prevalence
    said = np.where(truth, rng.choice(scores.positives, count), rng.choice(scores.negatives, count))
    minutes = _minutes(setting, count, rng)
    both = [waits(arrivals, minutes, order, readers=setting.readers) for order in (np.zeros(count), said)]
    return truth[setting.warm_up :], np.stack(both, axis=1)[setting.warm_up :]


def _minutes(setting: Setting, count: int, rng: np.random.Generator) -> Floats:
    """Gamma-distributed reading times of the mean and variation asked for."""
    if setting.variation == 0:
        return np.full(count, setting.minutes)
    shape = 1 / setting.variation**2
    return rng.gamma(shape, setting.minutes / shape, count)


def _waiting(minutes: Floats, replicate: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Waiting:
    """Of one kind of scan: means over all, and the interval over the means of replicates."""
    counts = np.bincount(replicate)
    saved = np.bincount(replicate, minutes[:, 0] - minutes[:, 1])[counts > 0] / counts[counts > 0]
    first, prioritised = minutes.mean(axis=0)
    p90 = np.quantile(minutes, 0.9, axis=0)
    mean = float(first - prioritised)
    return Waiting(float(first), float(prioritised), mean, _interval(mean, saved), float(p90[0]), float(p90[1]))


def _interval(mean: float, saved: Floats) -> Interval | None:
    if len(saved) < 2 or np.ptp(saved) == 0:
        return None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(saved) - 1) * saved.std(ddof=1) / np.sqrt(len(saved)))
    return Interval(mean - half, mean + half, OVER_REPLICATES)
