"""Intervals by drawing patients again, with replacement.

Slices of one scan, and scans of one patient, resemble each other, so the patient is what is drawn (cluster bootstrap:
Davison and Hinkley 1997, section 3.8; Rutter 2000 for ROC areas). A resample is a vector of weights: how often each
patient was drawn. Letters: N cases, P patients, R resamples, M figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.intervals import CONFIDENCE, Interval, expit, z_value
from bregma.evaluation.metrics import Floats

REPLICATES = 2000
METHOD = "patient bootstrap"
ON_LOGIT = "logit, patient bootstrap"
_NUMBERS_AT_ONCE = 500_000
"""So many cases are weighed at a time, so that they stay in the processor's cache."""
_LEAST_DEFINED = 0.5
"""Less than this share of resamples with a defined figure, and there is no interval."""

Statistic = Callable[[Floats], Floats]
"""Weights (R, P) -> figures (R,) or (R, M); NaN where a resample does not define them."""


def patient_codes(patients: Sequence[str]) -> NDArray[np.intp]:
    """(N,) the same small number for the same patient, numbered in the order of first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(patient, len(numbers)) for patient in patients], dtype=np.intp)


def resamples(
    patients: int, rng: np.random.Generator, *, replicates: int, cases: int | None = None
) -> Iterator[Floats]:
    """Weights of the patients in resample after resample.

    Args:
        patients: P, at least one.
        rng: where the draws come from; the same generator state gives the same resamples, however they are batched.
        replicates: how many.
        cases: of all patients; more of them are batched less.

    Yields:
        (r, P) for r of the resamples at a time.
    """
    batch = max(1, _NUMBERS_AT_ONCE // max(patients, cases or 0))
    for start in range(0, replicates, batch):
        rows = min(batch, replicates - start)
        drawn = rng.integers(0, patients, (rows, patients)) + patients * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * patients).reshape(rows, patients).astype(np.float64)


def bootstrap(
    statistic: Statistic,
    codes: NDArray[np.intp],
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
) -> Floats:
    """Figures over resampled patients.

    Args:
        statistic: what to compute.
        codes: (N,) patient of each case, at least one, from `patient_codes`.
        rng: where the draws come from.
        replicates: R.

    Returns:
        (R,) or (R, M), as the statistic answers.

    Raises:
        ValueError: without cases or resamples.
    """
    if len(codes) == 0 or replicates < 1:
        raise ValueError(f"{replicates} resamples of {len(codes)} cases; expected at least one of each")
    drawn = resamples(int(codes.max()) + 1, rng, replicates=replicates, cases=len(codes))
    return np.concatenate([statistic(weights) for weights in drawn])


def per_patient(values: Floats, codes: NDArray[np.intp]) -> Floats:
    """(P, M) sums of each patient's cases, so that a resample is one product with its weights.

    Args:
        values: (N, M), one row per case.
        codes: (N,) patient of each case.
    """
    sums = np.zeros((int(codes.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def percentile_interval(draws: Floats, *, confidence: float = CONFIDENCE) -> Interval | None:
    """The middle of the bootstrap distribution; ends are values that the figure can take, so never outside its range.

    Args:
        draws: (R,) with NaN where a resample did not define the figure.
        confidence: share to hold.

    Returns:
        None when half or more of the resamples did not define it, or when all say the same, which measures nothing.
    """
    known = draws[np.isfinite(draws)]
    if len(known) == 0 or len(known) <= _LEAST_DEFINED * len(draws) or float(np.ptp(known)) == 0.0:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(float(low), float(high), METHOD)


def logit_interval(value: float, draws: Floats, *, confidence: float = CONFIDENCE) -> Interval | None:
    """A figure in [0, 1] with the spread of its resamples, on the logit scale, where a skewed one is less so.

    Args:
        value: on the cases as they are.
        draws: (R,) with NaN where a resample did not define the figure.
        confidence: share to hold.

    Returns:
        None at exactly 0 or 1, and where `percentile_interval` has none.
    """
    if not 0.0 < value < 1.0 or percentile_interval(draws) is None:
        return None
    half = z_value(confidence) * float(np.nanstd(draws)) / (value * (1 - value))
    middle = log(value / (1 - value))
    return Interval(expit(middle - half), expit(middle + half), ON_LOGIT)


def both(first: Statistic, second: Statistic) -> Statistic:
    """Two figures on the same resamples, for a paired difference: (R, 2)."""
    return lambda weights: np.stack([first(weights), second(weights)], axis=1)


def paired_difference(draws: Floats, *, confidence: float = CONFIDENCE) -> Interval | None:
    """Interval of second minus first, both seen on the same resamples.

    Args:
        draws: (R, 2) from a statistic made with `both`.
        confidence: share to hold.
    """
    return percentile_interval(draws[:, 1] - draws[:, 0], confidence=confidence)
