"""Whether near volumes are alike: `python -m research.tumour_volumes INDEX`, made by `bregma index add`.

Hits are other patients' only. The base rate of a case is the share of the other patients' cases with its label: what
hits drawn at random would give on average. Intervals by patient. Letters: N cases, R resamples, P patients.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import (
    Statistic,
    bootstrap,
    both,
    paired_difference,
    patient_codes,
    per_patient,
    percentile_interval,
)
from bregma.evaluation.neighbour_figures import KNN, MAP, PRECISION, Name, neighbour_figures
from bregma.evaluation.neighbours import UNKNOWN, EmbeddedCases, precision_at, ranked, squared_distances
from bregma.evaluation.place_figures import Figure
from bregma.retrieval.entry import Entry
from bregma.retrieval.index import Index

CRITERIA = ("side", "area")
KS = (1, 3, 5)


def main() -> None:
    """Print the figures of an index, criterion by criterion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    index = Index.open(parser.parse_args().index)
    for criterion in CRITERIA:
        entries = [entry for entry in index.entries() if criterion in entry.labels]
        vectors = np.stack([index.vector(*entry.key) for entry in entries])
        _print(criterion, cases_of(entries, vectors, criterion))


def cases_of(entries: Sequence[Entry], vectors: NDArray[np.float32], criterion: str) -> EmbeddedCases:
    """Cases of which a criterion is known, in the form that is measured."""
    codes = np.unique([entry.labels[criterion] for entry in entries], return_inverse=True)[1]
    patients = patient_codes([entry.patient for entry in entries])
    return EmbeddedCases(vectors.astype(np.float64), patients, {criterion: codes})


def over_base(cases: EmbeddedCases, criterion: str, k: int) -> tuple[Figure, Figure]:
    """The base rate, and precision at k less the base rate, paired."""
    codes = cases.labels[criterion]
    near = ranked(squared_distances(cases.vectors), cases.patients, codes != UNKNOWN)
    found, base = precision_at(near, codes, k), precision_at(near, codes, len(codes))

    def mean_of(values: NDArray[np.float64]) -> Statistic:
        sums = per_patient(np.stack([values, np.ones_like(values)], axis=1), cases.patients)
        return lambda weights: (weights @ sums[:, 0]) / (weights @ sums[:, 1])

    draws = bootstrap(both(mean_of(base), mean_of(found)), cases.patients, np.random.default_rng(0))
    rate = Figure(float(base.mean()), percentile_interval(draws[:, 0]))
    return rate, Figure(float((found - base).mean()), paired_difference(draws))


def _print(criterion: str, cases: EmbeddedCases) -> None:
    print(f"{criterion}: {len(cases.vectors)} tumours of {cases.patients.max() + 1} patients")
    figures = neighbour_figures(cases, ks=KS)
    print(f"  base rate {_words(over_base(cases, criterion, 1)[0])}")
    print(f"  mean average precision {_words(figures[Name(MAP, criterion)])}")
    for k in KS:
        right, alike = figures[Name(KNN, criterion, k)], figures[Name(PRECISION, criterion, k)]
        gain = over_base(cases, criterion, k)[1]
        print(f"  k = {k}: kNN {_words(right)}, precision {_words(alike)}, less the base rate {_words(gain)}")


def _words(figure: Figure) -> str:
    ends = figure.interval
    return f"{figure.value:.3f}" + ("" if ends is None else f" [{ends.low:.3f}, {ends.high:.3f}]")


if __name__ == "__main__":
    main()
