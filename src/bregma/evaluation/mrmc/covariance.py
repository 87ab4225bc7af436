"""How the figures of readers and treatments vary together, because they were computed on the same cases.

All three ways give a (C, C) matrix over the cells of a study. Where readers read different cases, two cells covary by
the cases that both have; the matrix stays positive semi-definite. Letters: C cells, K cases, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.cells import Cell, cells_of, check_defined, counting, merits, observed
from bregma.evaluation.mrmc.merit import AUC, Merit
from bregma.evaluation.mrmc.reader_study import ReaderStudy
from bregma.scan.errors import RequestError

JACKKNIFE, OVER_PATIENTS = "jackknife", "jackknife over patients"
REPLICATES = 2000
_AT_ONCE = 200
_NUMBERS_AT_ONCE = 1_000_000
"""So many weights are made at a time: 10,000 cases left out once are 100 million."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Figures of merit and their covariances.

    Attributes:
        cells: C reader-treatment pairs.
        values: (C,) figures.
        covariance: (C, C) of their errors over cases, or over patients where one has several.
        method: "jackknife", "jackknife over patients", "delong" or "bootstrap".
        cases: K, those that the figure looks at; of patients where one has several.
    """

    cells: tuple[Cell, ...]
    values: Floats
    covariance: Floats
    method: str
    cases: int


def jackknife(study: ReaderStudy, merit: Merit) -> Estimates:
    """Each case left out once (Efron 1982): (K - 1) / K times the sums of products of deviations.

    K is the number of cases that the figure looks at; a cell that never had the case does not change without it.
    Where a patient has several cases, patients are left out, each with all of his.

    Raises:
        RequestError: a cell has too few cases.
    """
    counted = counting(study, merit)
    cells, method = cells_of(counted), OVER_PATIENTS if counted.clustered else JACKKNIFE
    values = observed(counted, merit, cells)
    without = left_out(counted, merit, cells)
    units, deviations = len(without), without - without.mean(axis=0)
    return Estimates(cells, values, (units - 1) / units * (deviations.T @ deviations), method, units)


def left_out(study: ReaderStudy, merit: Merit, cells: tuple[Cell, ...]) -> Floats:
    """(K, C) every figure without each of the cases, or of the patients where one has several.

    Raises:
        RequestError: a cell has too few cases.
    """
    units = study.units
    count, at_once = int(units.max()) + 1, max(1, _NUMBERS_AT_ONCE // len(units))
    blocks = (np.arange(start, min(start + at_once, count)) for start in range(0, count, at_once))
    without = np.concatenate([merits(study, merit, cells, _all_but(places, units)) for places in blocks])
    check_defined(study, merit, cells, without)
    return without


def delong(study: ReaderStudy, merit: Merit) -> Estimates:
    """Structural components of the AUC (DeLong, DeLong and Clarke-Pearson 1988); Sen 1960.

    Raises:
        RequestError: for another figure than the AUC, or when a cell has fewer than two positives or negatives.
    """
    if merit.name != AUC:
        raise RequestError(f"DeLong's covariances are of AUCs, not of {merit.name}; use jackknife or bootstrap")
    check_alone(study, "DeLong's covariance")
    cells = cells_of(study)
    _check_spread(study, merit, cells)
    values, total = np.zeros(len(cells)), np.zeros((len(cells), len(cells)))
    for positive in (False, True):  # positives last: their share of wins is the AUC
        means, spreads = zip(*(_components(study, cell, positive=positive) for cell in cells), strict=True)
        values, components = np.array(means), np.stack(spreads)
        total += components @ components.T
    return Estimates(cells, values, total, "delong", len(study.cases))


def bootstrap(study: ReaderStudy, merit: Merit, rng: np.random.Generator, *, replicates: int = REPLICATES) -> Estimates:
    """Cases drawn again, positives among positives and negatives among negatives.

    Args:
        study: the reads.
        merit: the figure.
        rng: where draws come from.
        replicates: R, two at least; those in which a cell has no figure are left out.

    Raises:
        RequestError: a cell has too few cases, so that fewer than two draws are left.
    """
    check_alone(study, "the bootstrap")
    counted = counting(study, merit)
    cells = cells_of(counted)
    values = observed(counted, merit, cells)
    draws = [
        merits(counted, merit, cells, _drawn(counted, rng, min(_AT_ONCE, replicates - start)))
        for start in range(0, replicates, _AT_ONCE)
    ]
    figures = np.concatenate(draws)
    defined = figures[~np.isnan(figures).any(axis=1)]
    if len(defined) < 2:
        check_defined(counted, merit, cells, figures)
    covariance = np.atleast_2d(np.cov(defined, rowvar=False))
    return Estimates(cells, values, covariance, "bootstrap", len(counted.cases))


COVARIANCES: dict[str, Callable[[ReaderStudy, Merit], Estimates]] = {"jackknife": jackknife, "delong": delong}
"""The ways that need no random numbers, by name."""


def _all_but(places: NDArray[np.intp], units: NDArray[np.intp]) -> Floats:
    """(n, K) weights of 1, and 0 for the cases of one unit per row."""
    weights: Floats = (units[None, :] != places[:, None]).astype(np.float64)
    return weights


def check_alone(study: ReaderStudy, way: str) -> None:
    """Refuse a study in which a patient has several cases, for a way that cannot do it.

    Raises:
        RequestError: with what can.
    """
    if study.clustered:
        whose = f"{len(study.cases)} cases are of {len(set(study.patients))} patients"
        raise RequestError(
            f"{way} takes every case for another patient, and {whose}; take Obuchowski and Rockette's with jackknife "
            "covariances, which leave out patients"
        )


def _check_spread(study: ReaderStudy, merit: Merit, cells: tuple[Cell, ...]) -> None:
    """One positive or one negative in a cell has no variance."""
    read = np.stack([study.read[cell.treatment, cell.reader] for cell in cells])
    fewest = np.minimum(read[:, study.truth].sum(axis=1), read[:, ~study.truth].sum(axis=1))
    check_defined(study, merit, cells, np.where(fewest < 2, np.nan, 0.0))


def _components(study: ReaderStudy, cell: Cell, *, positive: bool) -> tuple[float, Floats]:
    """Share of wins of one kind over the other, and (K,) how far each case of the kind lies from it.

    The distances are scaled so that their products sum to covariances.
    """
    ratings = study.ratings[cell.treatment, cell.reader]
    mine, others = (ratings[(study.truth == kind) & np.isfinite(ratings)] for kind in (positive, not positive))
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, mine, side=side) for side in ("left", "right"))
    wins = (below + not_above) / (2 * len(others))
    spread = np.zeros(len(study.cases))
    spread[(study.truth == positive) & np.isfinite(ratings)] = wins - wins.mean()
    return float(wins.mean()), spread / np.sqrt(len(mine) * (len(mine) - 1))


def _drawn(study: ReaderStudy, rng: np.random.Generator, rows: int) -> Floats:
    """(rows, K) how often each case was drawn."""
    weights = np.zeros((rows, len(study.cases)))
    for kind in (True, False):
        places = np.flatnonzero(study.truth == kind)
        if len(places):
            weights[:, places] = rng.multinomial(len(places), np.full(len(places), 1 / len(places)), size=rows)
    return weights
