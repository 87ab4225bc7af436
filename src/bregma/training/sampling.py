"""What is shown when: scans or single slices, balanced, mixed, shuffled, and the same again after an interruption.

An epoch is a pure function of the seed and its number. So the place in the data is two whole numbers, epoch and step,
and nothing else has to be saved to go on bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import RequestError
from bregma.training.sections import BatchesSection
from bregma.training.units import Indices, Kind, Units, copies_of, mixed_steps


@dataclass(frozen=True, slots=True, eq=False)
class TrainingScan:
    """What sampling and losses need of a scan; its pixels are in the cache.

    Attributes:
        series_uid: key of the cache.
        value: (D, K) float32 presence per slice and finding; 0 where unknown.
        known: (D, K) bool.
        mask_known: (D,) bool: whether the slice's mask is known (drawn, or empty because nothing is there).
        scan_value: (K,) float32 presence in the scan; 0 where unknown.
        scan_known: (K,) bool.
        kind: what sort of label it has.
    """

    series_uid: str
    value: NDArray[np.float32]
    known: NDArray[np.bool_]
    mask_known: NDArray[np.bool_]
    scan_value: NDArray[np.float32]
    scan_known: NDArray[np.bool_]
    kind: Kind

    @property
    def positive_slices(self) -> NDArray[np.bool_]:
        """(D,) slices on which some finding is known to be."""
        return np.asarray((self.known & (self.value >= 0.5)).any(axis=1))

    @property
    def present(self) -> NDArray[np.bool_]:
        """(K,) findings that are known to be in the scan, by a slice or by its own label."""
        by_slice = (self.known & (self.value >= 0.5)).any(axis=0)
        return np.asarray(by_slice | (self.scan_known & (self.scan_value >= 0.5)))

    @property
    def positive(self) -> bool | None:
        """Whether some finding is known to be in the scan; None when neither a slice nor the scan is known."""
        if not (self.known.any() or self.scan_known.any()):
            return None
        return bool(self.present.any())


@dataclass(frozen=True, slots=True)
class Showing:
    """One scan, or a piece of it, shown once.

    Attributes:
        scan: index into the scans.
        start: first slice shown.
        stop: slice after the last one shown.
        seed: of the augmentation.
    """

    scan: int
    start: int
    stop: int
    seed: int


def plan_epoch(
    scans: Sequence[TrainingScan],
    settings: BatchesSection,
    *,
    seed: int,
    epoch: int,
    findings: Sequence[str] = (),
    keep_whole: bool = True,
) -> list[tuple[Showing, ...]]:
    """All steps of one epoch; every scan that the settings ask for is shown at least once.

    With unit "slice" each known slice is shown by itself, and a slice of which nothing is known is not. With a mix each
    step has its share of every kind of label, and the kinds with fewer scans go round again, in another order.

    Args:
        scans: of the training part.
        settings: scans per step, length of the pieces, unit, balancing, mix and repeats.
        seed: of the run.
        epoch: from 0.
        findings: K names, for the repeats; not needed without.
        keep_whole: whether a scan of which only the whole is labelled is never cut. The set loss needs that: a piece of
            a positive one may hold no bleed.

    Raises:
        RequestError: the settings ask for labels that no scan has.
    """
    rng = np.random.default_rng([seed, epoch])
    findings = findings or [""] * scans[0].value.shape[1]
    repeats = [settings.repeat.get(name, 1) for name in findings]
    if settings.unit == "slice":
        shown = _slices(scans, repeats, balance=settings.balance, rng=rng)
        return [tuple(shown[first : first + settings.scans]) for first in range(0, len(shown), settings.scans)]
    lengths = [0 if keep_whole and scan.kind == "scan" else settings.slices_per_scan for scan in scans]
    steps = _scans(scans, settings, repeats, rng)
    return [tuple(_showing(int(index), scans[index], lengths[index], rng) for index in step) for step in steps]


def _scans(
    scans: Sequence[TrainingScan], settings: BatchesSection, repeats: Sequence[int], rng: np.random.Generator
) -> list[Indices]:
    """The scans of each step, in the order of the epoch."""
    units = Units(
        copies_of(np.stack([scan.present for scan in scans]), repeats),
        np.array([math.nan if scan.positive is None else float(scan.positive) for scan in scans]),
    )
    if settings.mix:
        kinds = [scan.kind for scan in scans]
        return mixed_steps(units, kinds, settings.mix, balance=settings.balance, rng=rng)
    order = rng.permutation(units.shown(np.arange(len(scans)), balance=settings.balance, rng=rng))
    return [order[first : first + settings.scans] for first in range(0, len(order), settings.scans)]


def _slices(
    scans: Sequence[TrainingScan], repeats: Sequence[int], *, balance: bool, rng: np.random.Generator
) -> list[Showing]:
    """Every known slice by itself, in the order of the epoch."""
    known = [np.flatnonzero(scan.known.any(axis=1)) for scan in scans]
    of_scan = np.repeat(np.arange(len(scans)), [len(places) for places in known])
    if not len(of_scan):
        raise RequestError(
            '[batches] unit is "slice", but no slice of the training part is labelled: import labels of slices, '
            'or take a recipe with unit = "scan"'
        )
    place = np.concatenate(known)
    present = np.concatenate([(s.known & (s.value >= 0.5))[at] for s, at in zip(scans, known, strict=True)])
    units = Units(copies_of(present, repeats), np.asarray(present.any(axis=1), np.float64))
    order = rng.permutation(units.shown(np.arange(len(place)), balance=balance, rng=rng))
    seeds = rng.integers(2**63, size=len(order))
    shown = zip(of_scan[order].tolist(), place[order].tolist(), seeds.tolist(), strict=True)
    return [Showing(scan, start, start + 1, seed) for scan, start, seed in shown]


def _showing(index: int, scan: TrainingScan, length: int, rng: np.random.Generator) -> Showing:
    slices = len(scan.value)
    length = min(length or slices, slices)
    candidates = np.flatnonzero(scan.positive_slices)
    wanted = int(rng.choice(candidates)) if len(candidates) else int(rng.integers(slices))
    start = int(np.clip(wanted - rng.integers(length), 0, slices - length))
    return Showing(index, start, start + length, seed=int(rng.integers(2**63)))
