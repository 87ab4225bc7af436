"""Which scans are shown when: scans are the units, balanced, shuffled, and the same again after an interruption.

An epoch is a pure function of the seed and its number. So the place in the data is two whole numbers, epoch and step,
and nothing else has to be saved to go on bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bregma.training.sections import BatchesSection

Kind = Literal["slices", "scan", "none"]
"""What sort of label a scan has: of its slices, only of the scan as a whole, or none."""


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
    def positive(self) -> bool | None:
        """Whether some finding is known to be in the scan; None when neither a slice nor the scan is known."""
        if not (self.known.any() or self.scan_known.any()):
            return None
        return bool(self.positive_slices.any() or (self.scan_known & (self.scan_value >= 0.5)).any())


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
    scans: Sequence[TrainingScan], settings: BatchesSection, *, seed: int, epoch: int
) -> list[tuple[Showing, ...]]:
    """All steps of one epoch; every scan is shown at least once.

    Args:
        scans: of the training part.
        settings: scans per step, length of the pieces, balancing.
        seed: of the run.
        epoch: from 0.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(_balanced(scans, rng) if settings.balance else np.arange(len(scans)))
    shown = [_showing(int(index), scans[index], settings.slices_per_scan, rng) for index in order]
    return [tuple(shown[first : first + settings.scans]) for first in range(0, len(shown), settings.scans)]


def _balanced(scans: Sequence[TrainingScan], rng: np.random.Generator) -> NDArray[np.intp]:
    """Every scan once, and the rarer of positive and negative ones again until there are as many of both."""
    groups = [np.array([i for i, scan in enumerate(scans) if scan.positive is kind], np.intp) for kind in (True, False)]
    rarer, commoner = sorted(groups, key=len)
    if len(rarer) == 0:
        return np.arange(len(scans))
    rounds, rest = divmod(len(commoner) - len(rarer), len(rarer))
    again = [rarer] * rounds + [rng.choice(rarer, size=rest, replace=False)]
    return np.concatenate([np.arange(len(scans)), *again])


def _showing(index: int, scan: TrainingScan, length: int, rng: np.random.Generator) -> Showing:
    slices = len(scan.value)
    length = min(length or slices, slices)
    candidates = np.flatnonzero(scan.positive_slices)
    wanted = int(rng.choice(candidates)) if len(candidates) else int(rng.integers(slices))
    start = int(np.clip(wanted - rng.integers(length), 0, slices - length))
    return Showing(index, start, start + length, seed=int(rng.integers(2**63)))
