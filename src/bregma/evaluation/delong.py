"""ROC areas of several scores on the same cases, with their covariance (DeLong, DeLong and Clarke-Pearson 1988).

Placements come from sorting (Sun and Xu 2014), so the time grows as N log N, not as positives times negatives. Where a
patient has several cases, the sums of his placements vary, not each of them (Obuchowski 1997). Letters: M scores,
N cases, P patients, A positives, B negatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.intervals import CONFIDENCE, Interval, expit, two_sided_p, z_value
from bregma.evaluation.metrics import Bools, Floats

METHOD = "delong"
CLUSTERED = "delong over patients"
NO_SPREAD = 1e-14
"""A variance below this is that of scores which order the cases alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """ROC areas and how they vary together.

    Attributes:
        values: (M,) areas in [0, 1].
        covariance: (M, M) of their errors.
        method: "delong", or "delong over patients" where a patient has several cases.
    """

    values: Floats
    covariance: Floats
    method: str

    def interval(self, which: int = 0, *, confidence: float = CONFIDENCE) -> Interval | None:
        """Of one area, on the logit scale, so never outside [0, 1] (Pepe 2003, section 5.2.4).

        Returns:
            None for an area without variance, such as one of exactly 1, of which nothing can be said.
        """
        area, variance = float(self.values[which]), float(self.covariance[which, which])
        if not 0.0 < area < 1.0 or variance <= NO_SPREAD:
            return None
        half = z_value(confidence) * sqrt(variance) / (area * (1 - area))
        middle = log(area / (1 - area))
        return Interval(expit(middle - half), expit(middle + half), self.method)

    def difference(self, first: int, second: int, *, confidence: float = CONFIDENCE) -> AreaDifference:
        """Second minus first, paired: what both share cancels."""
        value = float(self.values[second] - self.values[first])
        own = self.covariance[first, first] + self.covariance[second, second]
        variance = float(own - 2 * self.covariance[first, second])
        if variance <= NO_SPREAD:
            return AreaDifference(value, None, 1.0 if value == 0.0 else None)
        error = sqrt(variance)
        half = z_value(confidence) * error
        interval = Interval(max(-1.0, value - half), min(1.0, value + half), self.method)
        return AreaDifference(value, interval, two_sided_p(value / error))


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """How two ROC areas on the same cases differ.

    Attributes:
        value: second minus first.
        interval: None where the difference does not vary, because both order the cases alike.
        p: two-sided p-value of "there is no difference"; None where it cannot be told.
    """

    value: float
    interval: Interval | None
    p: float | None


def areas(scores: Floats, truth: Bools, codes: NDArray[np.intp] | None = None) -> Areas:
    """Areas of M scores on the same N cases; ties count half.

    Args:
        scores: (M, N) any finite numbers, higher for more suspicious.
        truth: (N,) whether the finding is there; two of each kind at least.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`; None when every case has one of its own.

    Raises:
        ValueError: shapes do not fit, a score is not finite, or there are fewer than two patients with a positive case
            or with a negative one.
    """
    there = np.asarray(truth, dtype=bool)
    if scores.ndim != 2 or scores.shape[1:] != there.shape:
        raise ValueError(f"scores {scores.shape} against truth {there.shape}; expected one row of scores per model")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {scores.size} scores are not finite numbers")
    of_patients = np.arange(len(there)) if codes is None else codes
    kinds = [len(np.unique(of_patients[kind])) for kind in (there, ~there)]
    if min(kinds) < 2:
        raise ValueError(f"{kinds[0]} patients with a positive case and {kinds[1]} with a negative one; expected two")
    placed = [_placements(row[there], row[~there]) for row in scores]
    values = np.array([float(of_positives.mean()) for of_positives, _ in placed])
    alone = len(np.unique(of_patients)) == len(there)
    if alone:
        covariance = sum(_spread(np.stack([pair[kind] for pair in placed])) for kind in (0, 1))
    else:
        covariance = _clustered(placed, values, of_patients[there], of_patients[~there])
    return Areas(values, np.asarray(covariance), METHOD if alone else CLUSTERED)


def _placements(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """(A,) share of negatives below each positive, and (B,) share of positives above each negative."""
    above, below = np.sort(positives), np.sort(negatives)
    of_positives = _midranks(below, positives) / len(negatives)
    of_negatives = 1.0 - _midranks(above, negatives) / len(positives)
    return of_positives, of_negatives


def _midranks(among: Floats, scores: Floats) -> Floats:
    """How many of the sorted numbers are lower than each score, those that are the same counting half."""
    order = np.argsort(scores)
    asked = scores[order]
    ranks = np.empty(len(scores))
    ranks[order] = (np.searchsorted(among, asked, "left") + np.searchsorted(among, asked, "right")) / 2
    return ranks


def _spread(components: Floats) -> Floats:
    """(M, M) covariance of the mean of (M, n) components."""
    spread: Floats = np.atleast_2d(np.cov(components)) / components.shape[1]
    return spread


def _clustered(
    placed: list[tuple[Floats, Floats]], values: Floats, of_positives: NDArray[np.intp], of_negatives: NDArray[np.intp]
) -> Floats:
    """Obuchowski 1997, equations 3 to 6."""
    patients = int(max(of_positives.max(), of_negatives.max())) + 1
    x = np.stack([_sums(pair[0] - area, of_positives, patients) for pair, area in zip(placed, values, strict=True)])
    y = np.stack([_sums(pair[1] - area, of_negatives, patients) for pair, area in zip(placed, values, strict=True)])
    a, b = len(of_positives), len(of_negatives)
    with_a, with_b = len(np.unique(of_positives)), len(np.unique(of_negatives))
    with_any = len(np.union1d(of_positives, of_negatives))
    own = with_a / (with_a - 1) * (x @ x.T) / a**2 + with_b / (with_b - 1) * (y @ y.T) / b**2
    cross = with_any / (with_any - 1) * (x @ y.T) / (a * b)
    covariance: Floats = own + cross + cross.T
    return covariance


def _sums(values: Floats, patients: NDArray[np.intp], count: int) -> Floats:
    sums: Floats = np.bincount(patients, weights=values, minlength=count).astype(np.float64)
    return sums
