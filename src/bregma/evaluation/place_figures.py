"""How often the right place is named: per place, weighted by how common each is, and all places alike.

Varadarajan et al. 2017, section 3.5: precision, recall and F1 of every class, and their means weighted by the number of
true instances over *all* classes; a weighted recall is the accuracy. The macro mean beside it counts a rare place as
much as a common one. Letters: N regions, P patients, R resamples, C places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, percentile_interval
from bregma.evaluation.intervals import Interval
from bregma.evaluation.metrics import Floats

Codes = NDArray[np.intp]

MEASURES = ("precision", "recall", "f1")
KINDS = ("weighted", "macro")
"""Kinds of mean, in the order in which `_figures` gives them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its interval.

    Attributes:
        value: NaN where nothing defines it.
        interval: by resampled patients; None where they do not define one.
    """

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """Everything that is said about one set of answers.

    Attributes:
        support: true regions of each of the C places.
        places: precision, recall and F1 of each place, by measure; NaN value for a place without support.
        weighted: by measure, weighted by support over all places.
        macro: by measure, mean over the places that have support.
    """

    support: tuple[int, ...]
    places: dict[str, tuple[Figure, ...]]
    weighted: dict[str, Figure]
    macro: dict[str, Figure]


def place_figures(
    truth: Codes, said: Codes, patients: Codes, *, classes: int, seed: int = 0, replicates: int = REPLICATES
) -> PlaceFigures:
    """Figures with 95 % intervals by patient.

    Args:
        truth: (N,) from 0, at least one.
        said: (N,) from 0.
        patients: (N,) from `bootstrap.patient_codes`.
        classes: C.
        seed: of the resamples.
        replicates: R.
    """
    tables = confusions(truth, said, patients, classes=classes)
    ones = np.ones((1, len(tables)))
    values = _figures(ones, tables)[0]
    draws = bootstrap(
        lambda weights: _figures(weights, tables), patients, np.random.default_rng(seed), replicates=replicates
    )
    both = [Figure(float(value), percentile_interval(draws[:, at])) for at, value in enumerate(values)]
    found = {name: tuple(both[m * classes : (m + 1) * classes]) for m, name in enumerate(MEASURES)}
    means = dict(zip([(kind, name) for kind in KINDS for name in MEASURES], both[-6:], strict=True))
    return PlaceFigures(
        tuple(int(count) for count in tables.sum(axis=(0, 2))),
        found,
        {name: means["weighted", name] for name in MEASURES},
        {name: means["macro", name] for name in MEASURES},
    )


def place_differences(
    truth: Codes,
    said: Codes,
    other: Codes,
    patients: Codes,
    *,
    classes: int,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[tuple[str, str], Figure]:
    """How much better one set of answers is than another about the same regions, on the same resamples of patients.

    Args:
        truth: (N,) from 0, at least one.
        said: (N,) from 0.
        other: (N,) from 0; its figures are subtracted.
        patients: (N,) from `bootstrap.patient_codes`.
        classes: C.
        seed: of the resamples.
        replicates: R.

    Returns:
        (kind of mean, measure) -> difference, such as ("macro", "f1").
    """
    tables = [confusions(truth, one, patients, classes=classes) for one in (said, other)]

    def difference(weights: Floats) -> Floats:
        means = [_figures(weights, one)[:, -2 * len(MEASURES) :] for one in tables]
        return np.asarray(means[0] - means[1])

    values = difference(np.ones((1, len(tables[0]))))[0]
    draws = bootstrap(difference, patients, np.random.default_rng(seed), replicates=replicates)
    names = [(kind, name) for kind in KINDS for name in MEASURES]
    return {
        name: Figure(float(value), percentile_interval(draws[:, at]))
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    }


def confusions(truth: Codes, said: Codes, patients: Codes, *, classes: int) -> Floats:
    """(P, C, C) counts of each patient: true place by row, named place by column."""
    tables = np.zeros((int(patients.max(initial=-1)) + 1, classes, classes))
    np.add.at(tables, (patients, truth, said), 1.0)
    return tables


def _figures(weights: Floats, tables: Floats) -> Floats:
    """(R, 3 C + 6): precision, recall, F1 of each place; weighted means of the three; macro means."""
    counts = np.tensordot(weights, tables, axes=1)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    support, named = counts.sum(axis=2), counts.sum(axis=1)
    precision, recall = hits / np.maximum(named, 1e-12), hits / np.maximum(support, 1e-12)
    f1 = 2 * hits / np.maximum(support + named, 1e-12)
    three = np.where(support > 0, np.stack([precision, recall, f1]), np.nan)
    share = support / support.sum(axis=1, keepdims=True)
    weighted = np.nansum(three * share, axis=2)
    macro = np.nansum(three, axis=2) / np.maximum((support > 0).sum(axis=1), 1)
    return np.concatenate([*three, weighted.T, macro.T], axis=1)
