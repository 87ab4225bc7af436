"""Dividing patients so that every finding is about as common in each part. Letters: N patients, K findings, P parts.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of multi-label data", algorithm
1) deals patients by what they still lack, the rarest label first. It was written for single cases; here the case is a
patient with all his scans. Then patients of two parts change places for as long as that brings the parts closer.

A finding of which nobody spoke is neither present nor absent: its prevalence is taken over the scans where it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]

PATIENCE = 15
"""Rounds without a better exchange after which a search ends."""
CANDIDATES = 1024
"""Exchanges that are tried in a round; the best is made."""
KICKS = 40
"""Times that a finished search is disturbed and taken up again."""
DISTURBANCE = 8
"""Exchanges at random in one disturbance."""
CLOSE = 0.05
"""Cost, in percentage points, below which there is nothing left to gain."""
TOLERANCE = 0.01
"""By how much of itself a part may miss its share of scans, in order to come closer in prevalence."""
SIZE_WEIGHT = 1000.0
"""What missing a share by more than the tolerance costs, in percentage points of prevalence: sizes go first."""


@dataclass(frozen=True, slots=True, eq=False)
class Patients:
    """What is known of the patients to be divided.

    Attributes:
        positive: (N, K) scans (or slices) of each patient that have each finding.
        known: (N, K) scans of which it is known whether they have it.
        scans: (N,) all scans.
    """

    positive: Whole
    known: Whole
    scans: Whole

    def __post_init__(self) -> None:
        if self.positive.shape != self.known.shape or self.scans.shape != self.known.shape[:1]:
            raise ValueError(
                f"positive {self.positive.shape}, known {self.known.shape} and scans {self.scans.shape} do not fit; "
                "expected (N, K), (N, K) and (N,)"
            )
        if (self.positive > self.known).any() or (self.known > self.scans[:, None]).any():
            raise ValueError("a patient has more positive than known scans, or more known than all; check the counts")

    def totals(self, part: Whole, parts: int) -> Floats:
        """(P, 2 K + 1) sums per part: positive scans, known scans, all scans."""
        columns = np.concatenate([self.positive, self.known, self.scans[:, None]], axis=1)
        totals = np.zeros((parts, columns.shape[1]))
        np.add.at(totals, part, columns)
        return totals


def divide(patients: Patients, fractions: Sequence[float], rng: np.random.Generator) -> Whole:
    """(N,) the part of every patient; as many patients in each part as its share says, to the nearest whole.

    Args:
        patients: in an order that is always the same.
        fractions: share of the patients per part; they sum to 1.
        rng: decides between patients that are alike.
    """
    wanted = np.asarray(fractions, dtype=np.float64)
    return _exchange(patients, _deal(patients, wanted, rng), wanted, rng)


def gaps(totals: Floats) -> Floats:
    """(..., K) percentage points between the parts where a finding is most and least common.

    Args:
        totals: (..., P, 2 K + 1) from `Patients.totals`. Parts in which nobody knows a finding are left out; where
            fewer than two are left the gap is 0.
    """
    findings = totals.shape[-1] // 2
    positive, known = totals[..., :findings], totals[..., findings : 2 * findings]
    share = positive / np.maximum(known, 1.0)
    highest = np.where(known > 0, share, -np.inf).max(axis=-2)
    lowest = np.where(known > 0, share, np.inf).min(axis=-2)
    return np.asarray(100.0 * np.maximum(highest - lowest, 0.0))


def whole_shares(fractions: Floats, total: int) -> Whole:
    """Whole numbers that sum to `total`, by largest remainder; of equal remainders the first."""
    wanted = fractions * total
    sizes = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.argsort(-(wanted - sizes), kind="stable")
    sizes[order[: total - int(sizes.sum())]] += 1
    return sizes


def _deal(patients: Patients, fractions: Floats, rng: np.random.Generator) -> Whole:
    """Iterative stratification: the label with the fewest patients left is dealt first, to whom most of it is owed."""
    labels = np.concatenate([patients.positive, patients.known - patients.positive], axis=1)
    room = whole_shares(fractions, len(labels))
    owed = fractions[:, None] * labels.sum(axis=0)
    part = np.full(len(labels), -1, dtype=np.int64)
    shuffled = rng.permutation(len(labels))
    while (left := (labels[part < 0] > 0).sum(axis=0)).any():
        label = int(np.where(left > 0, left, len(labels) + 1).argmin())
        bearers = shuffled[(part[shuffled] < 0) & (labels[shuffled, label] > 0)]
        for patient in bearers[np.argsort(-labels[bearers, label], kind="stable")]:
            best = int(np.where(room > 0, owed[:, label], -np.inf).argmax())
            part[patient] = best
            owed[best] -= labels[patient]
            room[best] -= 1
    silent = shuffled[part[shuffled] < 0]
    part[silent] = rng.permutation(np.repeat(np.arange(len(room)), room))
    return part


def _exchange(patients: Patients, part: Whole, fractions: Floats, rng: np.random.Generator) -> Whole:
    """Let patients change places while the parts come closer; disturb the result and try again, keep the best.

    Patients with the same counts are of one kind, and it does not matter which of them changes places.
    """
    columns = np.concatenate([patients.positive, patients.known, patients.scans[:, None]], axis=1)
    kinds, kind = np.unique(columns, axis=0, return_inverse=True)
    held = np.zeros((len(kinds), len(fractions)), dtype=np.int64)
    np.add.at(held, (kind, part), 1)
    best, least = _descend(held, kinds, fractions, rng)
    for _ in range(KICKS):
        if least < CLOSE:
            break
        found, cost = _descend(_disturbed(best, rng), kinds, fractions, rng)
        if cost < least:
            best, least = found, cost
    return _seat(kind, best, rng)


def _descend(held: Whole, kinds: Whole, fractions: Floats, rng: np.random.Generator) -> tuple[Whole, float]:
    """The best of many exchanges, again and again; (kinds, P) patients held, and what that costs."""
    held, idle = held.copy(), 0
    totals = held.T.astype(np.float64) @ kinds
    cost = float(_cost(totals[None], fractions)[0])
    while idle < PATIENCE:
        ours, theirs, all_of_them = _candidates(held, rng)
        idle = PATIENCE if all_of_them else idle + 1
        if len(ours):
            tried = _after(totals, kinds, ours, theirs)
            costs = _cost(tried, fractions)
            best = int(costs.argmin())
            if costs[best] < cost - 1e-9:
                cost, totals, idle = float(costs[best]), tried[best], 0
                _swap(held, ours[best], theirs[best])
    return held, cost


def _disturbed(held: Whole, rng: np.random.Generator) -> Whole:
    """A few exchanges at random, that lead out of a place where no single one helps."""
    held = held.copy()
    for _ in range(DISTURBANCE):
        ours, theirs, _ = _candidates(held, rng)
        if len(ours):
            _swap(held, ours[0], theirs[0])
    return held


def _swap(held: Whole, ours: Whole, theirs: Whole) -> None:
    (one, here), (other, there) = ours, theirs
    held[[one, one, other, other], [here, there, there, here]] += [-1, 1, -1, 1]


def _candidates(held: Whole, rng: np.random.Generator) -> tuple[Whole, Whole, bool]:
    """(M, 2) and (M, 2): a patient of one (kind, part), and one of another kind in another part; whether that is all.

    In an order by chance, so that the first is a fair draw.
    """
    cells = np.argwhere(held > 0)
    few = len(cells) ** 2 <= CANDIDATES
    if few:
        pairs = rng.permutation(np.argwhere(np.ones((len(cells), len(cells)), dtype=bool))).T
    else:
        pairs = rng.integers(len(cells), size=(2, CANDIDATES))
    ours, theirs = cells[pairs]
    differ = (ours != theirs).all(axis=1)
    return ours[differ], theirs[differ], few


def _after(totals: Floats, kinds: Whole, ours: Whole, theirs: Whole) -> Floats:
    """(M, P, 2 K + 1) the sums after each exchange."""
    after = np.repeat(totals[None], len(ours), axis=0)
    gained, row = kinds[theirs[:, 0]] - kinds[ours[:, 0]], np.arange(len(ours))
    after[row, ours[:, 1]] += gained
    after[row, theirs[:, 1]] -= gained
    return after


def _cost(totals: Floats, fractions: Floats) -> Floats:
    """(M,) the largest gap, then the mean gap, and before both the shares of scans and of known scans."""
    findings = totals.shape[-1] // 2
    gap = gaps(totals)
    held = totals[..., findings:]
    wanted = fractions[:, None] * held.sum(axis=1)[:, None]
    missed = np.abs(held - wanted) - np.maximum(TOLERANCE * wanted, 0.5)
    excess = (np.maximum(missed, 0.0) / np.maximum(wanted, 1.0)).sum(axis=(1, 2))
    mean = gap.mean(axis=1) if findings else np.zeros(len(totals))
    return np.asarray(gap.max(axis=1, initial=0.0) + mean + SIZE_WEIGHT * excess)


def _seat(kind: Whole, held: Whole, rng: np.random.Generator) -> Whole:
    """(N,) parts of single patients: of a kind, chance says who."""
    part = np.empty(len(kind), dtype=np.int64)
    shuffled = rng.permutation(len(kind))
    members = shuffled[np.argsort(kind[shuffled], kind="stable")]
    part[members] = np.repeat(np.tile(np.arange(held.shape[1]), len(held)), held.ravel())
    return part
