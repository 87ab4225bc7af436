"""Figures of an embedding with intervals by patient, and differences between two of the same cases.

kNN score per criterion and k (accuracy of the vote), mean average precision, precision at k, and for size R2 of the
mean log-volume of the k nearest (1 is perfect, 0 is as good as saying the mean of all). Patients asked about are drawn
again; the cases they are compared with stay, as an archive does. Letters: P patients, R resamples, M figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, per_patient, percentile_interval
from bregma.evaluation.metrics import Floats
from bregma.evaluation.neighbours import (
    UNKNOWN,
    EmbeddedCases,
    average_precision,
    mean_of_nearest,
    precision_at,
    ranked,
    squared_distances,
    vote,
)
from bregma.evaluation.place_figures import Figure

KS = (1, 3, 5, 10, 20)
KNN, PRECISION, MAP, R2 = "knn", "precision", "mean average precision", "r2"
SIZE = "size"


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """Which figure.

    Attributes:
        measure: "knn", "precision", "mean average precision" or "r2".
        criterion: such as "type"; "size" for R2.
        k: neighbours; 0 for mean average precision, which looks at all.
    """

    measure: str
    criterion: str
    k: int = 0


def neighbour_figures(
    cases: EmbeddedCases, *, ks: Sequence[int] = KS, seed: int = 0, replicates: int = REPLICATES
) -> dict[Name, Figure]:
    """All figures of an embedding with 95 % intervals.

    Args:
        cases: at least one.
        ks: neighbours to ask.
        seed: of the resamples.
        replicates: R.
    """
    names, statistic = _statistic(cases, ks)
    return _figures(names, statistic, cases, seed=seed, replicates=replicates)


def neighbour_differences(
    first: EmbeddedCases,
    second: EmbeddedCases,
    *,
    ks: Sequence[int] = KS,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[Name, Figure]:
    """Second less first, on the same resamples of patients.

    Raises:
        ValueError: the two are not embeddings of the same cases.
    """
    if not np.array_equal(first.patients, second.patients) or first.labels.keys() != second.labels.keys():
        raise ValueError(
            f"{len(first.patients)} and {len(second.patients)} cases, or their criteria, are not the same; a paired "
            "difference needs two embeddings of the same cases in the same order"
        )
    names, of_first = _statistic(first, ks)
    _, of_second = _statistic(second, ks)
    return _figures(
        names, lambda weights: of_second(weights) - of_first(weights), first, seed=seed, replicates=replicates
    )


def _figures(
    names: Sequence[Name], statistic: Callable[[Floats], Floats], cases: EmbeddedCases, *, seed: int, replicates: int
) -> dict[Name, Figure]:
    values = statistic(np.ones((1, int(cases.patients.max()) + 1)))[0]
    draws = bootstrap(statistic, cases.patients, np.random.default_rng(seed), replicates=replicates)
    return {
        name: Figure(float(value), percentile_interval(draws[:, at]))
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    }


def _statistic(cases: EmbeddedCases, ks: Sequence[int]) -> tuple[list[Name], Callable[[Floats], Floats]]:
    """Names of M figures, and what computes them from (R, P) weights."""
    apart = squared_distances(cases.vectors)
    columns: dict[Name, Floats] = {}
    for criterion in cases.labels:
        columns |= _columns(cases, apart, criterion, ks)
    means = _means(columns, cases)
    sizes = _sizes(cases, apart, ks)
    names = [*columns, *(Name(R2, SIZE, k) for k in (ks if cases.log_volume is not None else ()))]
    return names, lambda weights: np.hstack([means(weights), sizes(weights)])


def _columns(cases: EmbeddedCases, apart: Floats, criterion: str, ks: Sequence[int]) -> dict[Name, Floats]:
    """(N,) of each figure of a criterion: its value for each case; NaN where there is none."""
    codes = cases.labels[criterion]
    near = ranked(apart, cases.patients, codes != UNKNOWN)

    def spread(values: Floats) -> Floats:
        column = np.full(len(codes), np.nan)
        column[near.cases] = values
        return column

    found = {Name(MAP, criterion): spread(average_precision(near, codes))}
    for k in ks:
        said = vote(near, codes, k)
        right = np.where(said == UNKNOWN, np.nan, (said == codes[near.cases]).astype(np.float64))
        found[Name(KNN, criterion, k)] = spread(right)
        found[Name(PRECISION, criterion, k)] = spread(precision_at(near, codes, k))
    return found


def _means(columns: dict[Name, Floats], cases: EmbeddedCases) -> Callable[[Floats], Floats]:
    """Means over the cases that have a value."""
    if not columns:
        return lambda weights: np.empty((len(weights), 0))
    values = np.stack(list(columns.values()), axis=1)
    sums = per_patient(np.nan_to_num(values), cases.patients)
    counts = per_patient(np.isfinite(values).astype(np.float64), cases.patients)

    def means(weights: Floats) -> Floats:
        counted = weights @ counts
        return np.where(counted > 0, (weights @ sums) / np.maximum(counted, 1), np.nan)

    return means


def _sizes(cases: EmbeddedCases, apart: Floats, ks: Sequence[int]) -> Callable[[Floats], Floats]:
    """R2 of the mean log-volume of the k nearest: 1 - sum of squared errors / sum of squares about the mean."""
    if cases.log_volume is None:
        return lambda weights: np.empty((len(weights), 0))
    near = ranked(apart, cases.patients, np.isfinite(cases.log_volume))
    truth = cases.log_volume[near.cases]
    said = np.stack([mean_of_nearest(near, cases.log_volume, k) for k in ks], axis=1)
    answered = np.isfinite(said).all(axis=1)
    rows = np.zeros((len(apart), 3 + len(ks)))
    kept = near.cases[answered]
    rows[kept, 0], rows[kept, 1], rows[kept, 2] = 1.0, truth[answered], truth[answered] ** 2
    rows[kept, 3:] = (said[answered] - truth[answered, None]) ** 2
    sums = per_patient(rows, cases.patients)

    def r2(weights: Floats) -> Floats:
        drawn = weights @ sums
        about_mean = drawn[:, 2] - drawn[:, 1] ** 2 / np.maximum(drawn[:, 0], 1)
        share = drawn[:, 3:] / np.maximum(about_mean, 1e-12)[:, None]
        return np.where(about_mean[:, None] > 1e-12, 1 - share, np.nan)

    return r2
