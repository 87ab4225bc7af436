"""Whether a probability means what it says: of the cases given 30 %, do 30 % bleed?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.evaluation.intervals import Interval, wilson
from bregma.evaluation.metrics import Bools, Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The cases whose probability fell between two marks. Bins without a case are left out.

    Attributes:
        low: lower mark.
        high: upper mark; it belongs to the next bin, except for 1.
        cases: how many.
        positives: in how many of them the finding is there.
        mean_probability: what was said on average.
        interval: of the observed share, as if cases were independent.
    """

    low: float
    high: float
    cases: int
    positives: int
    mean_probability: float
    interval: Interval

    @property
    def observed(self) -> float:
        """Share of the cases in which the finding is there."""
        return self.positives / self.cases


def reliability(probabilities: Floats, truth: Bools, *, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Cases sorted into bins of equal width.

    Args:
        probabilities: (N,) in [0, 1].
        truth: (N,) whether the finding is there.
        bins: how many between 0 and 1.

    Raises:
        ValueError: when lengths differ or a probability is outside [0, 1].
    """
    said, there = _checked(probabilities, truth)
    place = np.minimum((said * bins).astype(np.intp), bins - 1)
    cases = np.bincount(place, minlength=bins)
    positives = np.bincount(place, weights=there, minlength=bins)
    total = np.bincount(place, weights=said, minlength=bins)
    return tuple(
        ReliabilityBin(
            low=i / bins,
            high=(i + 1) / bins,
            cases=int(cases[i]),
            positives=int(positives[i]),
            mean_probability=float(total[i] / cases[i]),
            interval=wilson(float(positives[i]), float(cases[i])),
        )
        for i in np.flatnonzero(cases)
    )


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> float | None:
    """Mean distance of said from observed over the bins, weighted by cases (Naeini et al. 2015); None when empty."""
    cases = sum(b.cases for b in bins)
    return sum(b.cases * abs(b.mean_probability - b.observed) for b in bins) / cases if cases else None


def brier(probabilities: Floats, truth: Bools) -> float | None:
    """Mean squared distance between probability and truth (Brier 1950): 0 is perfect; None without a case."""
    said, there = _checked(probabilities, truth)
    return float(((said - there) ** 2).mean()) if len(said) else None


def _checked(probabilities: Floats, truth: Bools) -> tuple[Floats, Floats]:
    said, there = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if said.shape != there.shape:
        raise ValueError(f"probabilities {said.shape} against truth {there.shape}; expected one per case")
    outside = said[~((said >= 0) & (said <= 1))]
    if len(outside):
        raise ValueError(f"{len(outside)} probabilities are outside [0, 1], the first is {outside[0]}")
    return said, there
