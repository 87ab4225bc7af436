"""The ROC curve with its band, thinned to what a picture can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import resamples
from bregma.evaluation.intervals import CONFIDENCE
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.ranking import Ranking, rank

POINTS = 400
"""A curve with more corners is thinned to this many."""
BAND_REPLICATES = 500
"""A band is drawn, not printed: more resamples do not show."""
_GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class Roc:
    """A ROC curve from (0, 0) to (1, 1).

    Attributes:
        false_positive_rate: rising.
        recall: at each of them.
        band: (false positive rate, low, high) of the recall over resampled patients, pointwise 95 %.
    """

    false_positive_rate: tuple[float, ...]
    recall: tuple[float, ...]
    band: tuple[tuple[float, float, float], ...]


def roc_with_band(
    scores: Floats, truth: Bools, codes: NDArray[np.intp], rng: np.random.Generator, *, replicates: int
) -> Roc | None:
    """The curve, and where it runs for 95 % of resampled patients at each false positive rate.

    Args:
        scores: (N,) higher for more suspicious.
        truth: (N,) whether the finding is there.
        codes: (N,) patient of each case.
        rng: where resamples come from.
        replicates: how many, at most `BAND_REPLICATES` are used.

    Returns:
        None without positives or without negatives.
    """
    if not truth.any() or truth.all():
        return None
    ranking = rank(scores, truth, codes)
    last = len(ranking.thresholds) - 1
    kept = np.unique(np.linspace(0, last, min(POINTS, last + 1)).round().astype(np.intp))
    false, recall = (rates[0] for rates in ranking.roc(at=kept))
    band = _band(ranking, kept, rng, min(replicates, BAND_REPLICATES))
    return Roc(tuple(false.tolist()), tuple(recall.tolist()), band)


def _band(
    ranking: Ranking, kept: NDArray[np.intp], rng: np.random.Generator, replicates: int
) -> tuple[tuple[float, float, float], ...]:
    curves: list[Floats] = []
    for weights in resamples(ranking.patients, rng, replicates=replicates, cases=ranking.cases):
        for false, recall in zip(*ranking.roc(weights, at=kept), strict=True):
            if np.isfinite(false[-1]) and np.isfinite(recall[-1]):
                curves.append(np.interp(_GRID, false, recall))
    if not curves:
        return ()
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.stack(curves), [tail, 1 - tail], axis=0)
    return tuple(zip(_GRID.tolist(), low.tolist(), high.tolist(), strict=True))
