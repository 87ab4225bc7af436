"""A figure with its interval, or with the reason why there is none. Letters: N cases, P patients, R resamples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import percentile_interval
from bregma.evaluation.intervals import Interval, wilson
from bregma.evaluation.metrics import Floats

OVER_PATIENTS = "wilson over patients"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    Attributes:
        name: "accuracy", "recall", "specificity", "precision", "f1", "auc", "average_precision", ...
        value: the figure; None where the cases do not define it.
        interval: 95 % interval; None where nothing can be said.
        reason: why value or interval is missing; None when both are there.
    """

    name: str
    value: float | None
    interval: Interval | None = None
    reason: str | None = None


def resampled(name: str, value: float, draws: Floats, *, unless: str) -> Measure:
    """A figure with the interval of its resamples.

    Args:
        name: of the figure.
        value: on the cases as they are; NaN where they do not define it.
        draws: (R,) the figure on resampled patients.
        unless: why it is undefined, in words.
    """
    if math.isnan(value):
        return Measure(name, None, reason=f"{name} is undefined: {unless}")
    interval = percentile_interval(draws)
    if interval is None:
        return Measure(
            name, float(value), reason=f"resampled patients all give the same {name}, or mostly none: too few cases"
        )
    return Measure(name, float(value), interval)


def resampled_share(
    name: str, value: float, draws: Floats, *, counted: NDArray[np.bool_], codes: NDArray[np.intp], unless: str
) -> Measure:
    """A share of cases, as `resampled`; at exactly 0 or 1, where resamples cannot vary, Wilson's over the patients.

    Args:
        name: of the figure.
        value: on the cases as they are.
        draws: (R,) the figure on resampled patients.
        counted: (N,) cases that it is a share of.
        codes: (N,) patient of each case.
        unless: why it is undefined, in words.
    """
    patients = len(np.unique(codes[counted]))
    if value in (0.0, 1.0) and patients:
        return Measure(name, float(value), wilson(value * patients, patients, method=OVER_PATIENTS))
    return resampled(name, value, draws, unless=unless)


def share_over_patients(
    name: str, value: float, draws: Floats, *, counted: NDArray[np.bool_], codes: NDArray[np.intp], unless: str
) -> Measure:
    """A share of cases with Wilson's interval for as many independent ones as would vary like the resamples.

    At exactly 0 or 1, where resamples do not vary, that is the patients (Korn and Graubard 1998 do so for surveys, with
    Clopper and Pearson's interval). Arguments as of `resampled_share`.
    """
    cases, patients = int(counted.sum()), len(np.unique(codes[counted]))
    if math.isnan(value) or not patients:
        return Measure(name, None, reason=f"{name} is undefined: {unless}")
    known = draws[np.isfinite(draws)]
    variance = float(known.var()) if len(known) else 0.0
    worth = min(cases, value * (1 - value) / variance) if variance > 0 and 0.0 < value < 1.0 else patients
    return Measure(name, float(value), wilson(value * worth, worth, method=OVER_PATIENTS))


def ratio(parts: Floats, wholes: Floats, weights: Floats) -> Floats:
    """(R,) sum of parts over sum of wholes, NaN where there is no whole.

    Args:
        parts: (P,) such as lesions found in each patient.
        wholes: (P,) such as lesions in each patient.
        weights: (R, P) how often each was drawn.
    """
    upper, lower = weights @ parts, weights @ wholes
    shares: Floats = np.divide(upper, lower, out=np.full(len(weights), np.nan), where=lower > 0)
    return shares
