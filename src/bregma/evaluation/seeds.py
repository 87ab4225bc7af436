"""Intervals over trainings: what another seed of the same recipe would give. Student's t, so few seeds say little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from bregma.evaluation.intervals import CONFIDENCE, Interval

OVER_SEEDS = "t over seeds"


def mean_over_seeds(values: Sequence[float], *, floor: float = -np.inf, ceiling: float = np.inf) -> Interval | None:
    """Interval of the mean over seeds: mean +- t s / sqrt(n), cut off where the figure cannot go.

    Args:
        values: the figure of each seed.
        floor: the least value it can have.
        ceiling: the greatest value it can have.

    Returns:
        None for fewer than two seeds, or when all say the same, which measures nothing.
    """
    if len(values) < 2 or np.ptp(values) == 0:
        return None
    half = _t(len(values) - 1) * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    middle = float(np.mean(values))
    return Interval(max(floor, middle - half), min(ceiling, middle + half), OVER_SEEDS)


def difference_over_seeds(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """Interval of second minus first over seeds, with unequal spread (Welch 1947).

    Args:
        first: the figure of each seed of the first recipe.
        second: of the second; its seeds need not be as many.

    Returns:
        None for fewer than two seeds on either side, or when neither side varies.
    """
    if min(len(first), len(second)) < 2:
        return None
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    if sum(parts) == 0:
        return None
    weights = [part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)]
    half = _t(sum(parts) ** 2 / sum(weights)) * float(np.sqrt(sum(parts)))
    middle = float(np.mean(second) - np.mean(first))
    return Interval(middle - half, middle + half, OVER_SEEDS)


def _t(degrees: float) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, degrees))
