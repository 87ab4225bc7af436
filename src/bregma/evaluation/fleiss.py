"""Agreement of several readers beyond chance (Fleiss 1971). Letters: S readers, N cases, P patients, R resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import Statistic, per_patient
from bregma.evaluation.cohen import beyond_chance
from bregma.evaluation.metrics import Floats


def fleiss(values: Floats, codes: NDArray[np.intp]) -> Statistic:
    """Weights (R, P) -> (R,) kappa over the cases that all S readers read; NaN where undefined.

    Args:
        values: (S, N) category that each reader gave each case, NaN where none; at least two readers.
        codes: (N,) patient of each case.

    Raises:
        ValueError: there are fewer than two readers.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} readers; agreement needs two")
    categories = np.unique(values[np.isfinite(values)])
    votes = (values[:, :, None] == categories).sum(axis=0).astype(np.float64)
    votes[np.isnan(values).any(axis=0)] = 0.0
    readers = float(len(values))
    agreeing = (votes * (votes - 1)).sum(axis=1) / (readers * (readers - 1))
    sums = per_patient(np.column_stack([agreeing, votes]), codes)

    def kappa(weights: Floats) -> Floats:
        totals = weights @ sums
        given = totals[:, 1:].sum(axis=1)
        whole = np.where(given > 0, given, np.nan)
        chance = ((totals[:, 1:] / whole[:, None]) ** 2).sum(axis=1)
        return beyond_chance(totals[:, 0] * readers / whole, chance)

    return kappa
