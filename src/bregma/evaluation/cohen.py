"""Agreement of two sources beyond chance (Cohen 1960). Letters: N cases, P patients, R resamples, C categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import Statistic, per_patient
from bregma.evaluation.metrics import Floats


def cohen(first: Floats, second: Floats, codes: NDArray[np.intp]) -> Statistic:
    """Weights (R, P) -> (R,) kappa: 1 is agreement, 0 is what chance gives with these margins; NaN where undefined.

    Args:
        first: (N,) category that the first source gave each case; NaN where it gave none.
        second: (N,) of the second.
        codes: (N,) patient of each case.
    """
    cells = both_gave(first, second)
    size = cells.shape[1]
    sums = per_patient(cells.reshape(len(cells), size * size), codes)

    def kappa(weights: Floats) -> Floats:
        table = (weights @ sums).reshape(len(weights), size, size)
        cases = table.sum(axis=(1, 2))
        whole = np.where(cases > 0, cases, np.nan)
        seen = np.einsum("rcc->r", table) / whole
        chance = np.einsum("rc,rc->r", table.sum(axis=2), table.sum(axis=1)) / whole**2
        return beyond_chance(seen, chance)

    return kappa


def both_gave(first: Floats, second: Floats) -> Floats:
    """(N, C, C) the cell of the agreement table in which each case falls; all 0 where one of the two gave nothing."""
    categories = np.unique(np.concatenate([first, second]))
    categories = categories[np.isfinite(categories)]
    one, other = (values[:, None] == categories for values in (first, second))
    cells: Floats = (one[:, :, None] & other[:, None, :]).astype(np.float64)
    return cells


def beyond_chance(seen: Floats, chance: Floats) -> Floats:
    """(Seen - chance) / (1 - chance); NaN where chance alone agrees always."""
    room = 1.0 - chance
    kappa: Floats = np.divide(seen - chance, room, out=np.full(seen.shape, np.nan), where=room > 1e-12)
    return kappa
