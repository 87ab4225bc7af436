"""Krippendorff's alpha: agreement of any number of readers, missing reads allowed (Krippendorff 2011).

A case that m readers read gives each of its m (m - 1) ordered pairs of values the weight 1 / (m - 1). Letters: S
readers, N cases, P patients, R resamples, C different values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import Statistic, per_patient
from bregma.evaluation.metrics import Floats


def nominal(values: Floats, totals: Floats) -> Floats:
    """(R, C, C) values are the same or not."""
    return np.broadcast_to(1.0 - np.eye(len(values)), (len(totals), len(values), len(values)))


def interval(values: Floats, totals: Floats) -> Floats:
    """(R, C, C) squared distance: for measurements and probabilities."""
    distance = (values[:, None] - values[None, :]) ** 2
    return np.broadcast_to(distance, (len(totals), len(values), len(values)))


def ordinal(_values: Floats, totals: Floats) -> Floats:
    """(R, C, C) squared number of values given between the two, half of those at the ends: for grades 1 to 5."""
    upto = np.cumsum(totals, axis=1) - totals / 2
    distance: Floats = (upto[:, :, None] - upto[:, None, :]) ** 2
    return distance


DISTANCES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "nominal": nominal,
    "ordinal": ordinal,
    "interval": interval,
}
"""How far two values lie apart: ((C,) values rising, (R, C) how often each was given) -> (R, C, C)."""


def krippendorff(values: Floats, codes: NDArray[np.intp], *, distance: str = "nominal") -> Statistic:
    """Weights (R, P) -> (R,) alpha: 1 is agreement, 0 is chance; NaN where undefined.

    Args:
        values: (S, N) what each reader said of each case, NaN where nothing.
        codes: (N,) patient of each case.
        distance: a name in `DISTANCES`.
    """
    different = np.unique(values[np.isfinite(values)])
    size, apart = len(different), DISTANCES[distance]
    votes = (values[:, :, None] == different).sum(axis=0).astype(np.float64)
    readers = votes.sum(axis=1)
    pairs = votes[:, :, None] * votes[:, None, :] - np.eye(size) * votes[:, :, None]
    pairs /= np.maximum(readers - 1, 1)[:, None, None]
    sums = per_patient(pairs.reshape(len(pairs), size * size), codes)

    def alpha(weights: Floats) -> Floats:
        seen = (weights @ sums).reshape(len(weights), size, size)
        totals = seen.sum(axis=2)
        given = totals.sum(axis=1)
        expected = totals[:, :, None] * totals[:, None, :] - np.eye(size) * totals[:, :, None]
        far = apart(different, totals)
        disagreement, by_chance = (seen * far).sum(axis=(1, 2)), (expected * far).sum(axis=(1, 2))
        share: Floats = np.divide(
            (given - 1) * disagreement, by_chance, out=np.full(len(weights), np.nan), where=by_chance > 0
        )
        return 1.0 - share

    return alpha
