"""Intervals of the Brier score and the log loss: means over cases, most of them small and a few large.

Resampled patients seldom draw the large ones as often as they may come, so the middle of the resampled means is too
narrow. Here each resampled mean is taken in its own standard errors (the bootstrap-t, Efron and Tibshirani 1993,
section 12.5). Letters: N cases, P patients, R resamples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import bootstrap, per_patient
from bregma.evaluation.cases import Cases
from bregma.evaluation.figures import log_losses
from bregma.evaluation.intervals import CONFIDENCE, Interval
from bregma.evaluation.metrics import Floats

METHOD = "studentised patient bootstrap"
LEAST_PATIENTS = 10
"""Fewer have no standard error worth the name."""
_NO_ERROR = 1e-7
"""A smaller part of its mean is rounding: squares are taken away from squares."""


def mean_intervals(
    cases: Cases, codes: NDArray[np.intp], rng: np.random.Generator, *, replicates: int
) -> tuple[Interval | None, Interval | None]:
    """Of the Brier score and of the log loss, on the same resamples.

    Args:
        cases: N, may be empty.
        codes: (N,) patient of each case.
        rng: where resamples come from.
        replicates: R.

    Returns:
        None for both with fewer than `LEAST_PATIENTS` patients, and for one that does not vary.
    """
    if int(codes.max(initial=-1)) + 1 < LEAST_PATIENTS:
        return None, None
    counts = np.ones(len(codes)) if cases.counts is None else cases.counts
    losses = per_patient(np.column_stack([counts * log_losses(cases), counts]), codes)
    squares = per_patient(np.column_stack([(cases.scores - cases.truth) ** 2, np.ones(len(codes))]), codes)
    each = [squares, losses]
    drawn = bootstrap(lambda weights: np.hstack([_mean_and_error(sums, weights) for sums in each]), codes, rng,
                      replicates=replicates)  # fmt: skip
    brier, loss = (_studentised(sums, drawn[:, 2 * k : 2 * k + 2]) for k, sums in enumerate(each))
    if brier is not None:
        brier = Interval(brier.low, min(1.0, brier.high), METHOD)
    return brier, loss


def _mean_and_error(sums: Floats, weights: Floats) -> Floats:
    """(R, 2) the mean over cases, and its standard error over patients (a ratio's, by linearisation).

    Args:
        sums: (P, 2) of each patient: what is averaged, and how many.
        weights: (R, P) how often each was drawn.
    """
    above, below = sums.T
    wholes = weights @ below
    means = weights @ above / wholes
    squares = weights @ above**2 - 2 * means * (weights @ (above * below)) + means**2 * (weights @ below**2)
    patients = weights.sum(axis=1)
    errors = np.sqrt(np.maximum(squares, 0.0) * patients / (patients - 1)) / wholes
    return np.column_stack([means, errors])


def _studentised(sums: Floats, drawn: Floats) -> Interval | None:
    mean, error = _mean_and_error(sums, np.ones((1, len(sums))))[0].tolist()
    means, errors = drawn[drawn[:, 1] > _NO_ERROR * drawn[:, 0]].T
    if error <= _NO_ERROR * mean or not len(means):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile((means - mean) / errors, [tail, 1 - tail])
    return Interval(max(0.0, mean - float(high) * error), mean - float(low) * error, METHOD)
