"""Whether acting on a score does more good than acting on everybody or on nobody (Vickers and Elkin 2006).

At threshold t one true alert is worth (1 - t) / t false ones; net benefit counts true alerts per case, less false ones
at that price. Letters: N cases, T thresholds, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, per_patient, percentile_interval
from bregma.evaluation.intervals import Interval
from bregma.evaluation.levels import confusion_cells
from bregma.evaluation.metrics import Bools, Floats

THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """Net benefit at one threshold, in true alerts per case.

    Attributes:
        threshold: probability from which on one acts.
        value: of acting on the score.
        interval: over patients; None where resamples do not vary.
        of_all: of acting on every case; acting on none is worth 0.
    """

    threshold: float
    value: float
    interval: Interval | None
    of_all: float


def decision_curve(
    scores: Floats,
    truth: Bools,
    codes: NDArray[np.intp],
    rng: np.random.Generator,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    replicates: int = REPLICATES,
) -> tuple[NetBenefit, ...]:
    """Net benefit over thresholds.

    Args:
        scores: (N,) probabilities; at least one case.
        truth: (N,) whether the finding is there.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`.
        rng: where resamples come from.
        thresholds: T of them, more than 0 and less than 1.
        replicates: R.

    Raises:
        ValueError: a threshold is 0, 1 or outside, or there is no case.
    """
    outside = [t for t in thresholds if not 0.0 < t < 1.0]
    if outside:
        raise ValueError(f"threshold {outside[0]} has no price; expected more than 0 and less than 1")
    sums = per_patient(confusion_cells(scores, truth, [*thresholds, 0.0]), codes)
    prices = np.array([t / (1 - t) for t in thresholds])

    def benefits(weights: Floats) -> Floats:
        cells = weights @ sums
        cases = cells[:, -4:].sum(axis=1, keepdims=True)
        worth: Floats = (cells[:, 0:-4:4] - prices * cells[:, 1:-4:4]) / cases
        return worth

    values = benefits(np.ones((1, len(sums))))[0]
    draws = bootstrap(benefits, codes, rng, replicates=replicates)
    share = float(np.mean(truth))
    return tuple(
        NetBenefit(t, float(values[i]), percentile_interval(draws[:, i]), share - float(prices[i]) * (1 - share))
        for i, t in enumerate(thresholds)
    )
