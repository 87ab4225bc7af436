"""Error rates of the reader-study tests on simulated nulls (Roe and Metz 1997), and coverage of their intervals.

    python -m research.mrmc [--studies 1000] [--seed 0] [--only AUC]

Prints the tables of docs/research/mrmc.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from math import sqrt

import numpy as np
from scipy import stats

from bregma.evaluation.intervals import Interval, wilson
from bregma.evaluation.mrmc.analysis import Analysis, analyse
from bregma.evaluation.mrmc.covariance import delong, jackknife
from bregma.evaluation.mrmc.inference import Factors
from bregma.evaluation.mrmc.merit import auc, sensitivity
from bregma.evaluation.mrmc.reader_study import ReaderStudy
from bregma.evaluation.mrmc.roe_metz import Variances, mean_of_auc, simulate
from bregma.scan.errors import RequestError

AREA = 0.85
SLICES, OWN = 3, 0.3
"""Slices of a patient, and the variance that is each slice's own."""
STRUCTURES = {
    "alike cases, alike readers": Variances(0.0055, 0.0055, 0.3, 0.3, 0.2, 0.2),
    "other cases, alike readers": Variances(0.0055, 0.0055, 0.1, 0.1, 0.2, 0.6),
    "alike cases, other readers": Variances(0.03, 0.03, 0.3, 0.3, 0.2, 0.2),
    "other cases, other readers": Variances(0.03, 0.03, 0.1, 0.1, 0.2, 0.6),
}
SIZES = ((3, 25), (5, 25), (5, 50), (10, 50))
"""Readers, and cases of each kind."""
Way = Callable[[ReaderStudy], Analysis]


def by_area(study: ReaderStudy) -> Analysis:
    """Empirical AUC, DeLong's covariances, random readers and cases."""
    return analyse(study, delong(study, auc()), Factors(), merit="")


def by_sensitivity(study: ReaderStudy) -> Analysis:
    """Sensitivity at the middle between negatives and positives, jackknife covariances."""
    return analyse(study, jackknife(study, sensitivity(0.75)), Factors(), merit="")


def fixed_readers(study: ReaderStudy) -> Analysis:
    """What happens when random readers are taken as fixed."""
    return analyse(study, delong(study, auc()), Factors(random_readers=False), merit="")


def with_missing(study: ReaderStudy) -> Analysis:
    """A fifth of the reads missing at random."""
    lost = np.random.default_rng(int(abs(study.ratings[0, 0, 0]) * 1e9)).random(study.ratings.shape) < 0.2
    return by_area(replace(study, ratings=np.where(lost, np.nan, study.ratings)))


def case_shares(study: ReaderStudy) -> Analysis:
    """Every case read by half of the readers, the same ones under both treatments."""
    readers, cases = study.ratings.shape[1:]
    given = (np.arange(readers)[:, None] + np.arange(cases)[None, :]) % 2 == 0
    return by_area(replace(study, ratings=np.where(given, study.ratings, np.nan)))


def slices_of(study: ReaderStudy) -> ReaderStudy:
    """Three slices of every patient: what he is read as, and a little of each slice's own."""
    rng = np.random.default_rng(int(abs(study.ratings[0, 0, 0]) * 1e9))
    ratings = np.repeat(study.ratings, SLICES, axis=2)
    names = np.repeat(np.array(study.cases), SLICES).tolist()
    return replace(
        study,
        cases=tuple(f"{name}, {place % SLICES}" for place, name in enumerate(names)),
        truth=np.repeat(study.truth, SLICES),
        ratings=ratings + sqrt(OWN) * rng.normal(size=ratings.shape),
        patients=tuple(names),
    )


def over_patients(study: ReaderStudy) -> Analysis:
    """Patients left out, each with his slices."""
    slices = slices_of(study)
    return analyse(slices, jackknife(slices, auc()), Factors(), merit="")


def slices_as_patients(study: ReaderStudy) -> Analysis:
    """What happens when every slice is taken for another patient."""
    slices = replace(slices_of(study), patients=())
    return analyse(slices, jackknife(slices, auc()), Factors(), merit="")


WAYS: dict[str, Way] = {
    "AUC": by_area,
    "sensitivity": by_sensitivity,
    "AUC, a fifth missing": with_missing,
    "AUC, half of the readers each": case_shares,
    "AUC, readers taken as fixed": fixed_readers,
    "AUC, three slices a patient": over_patients,
    "AUC, slices taken as patients": slices_as_patients,
}


def error_rates(way: Way, studies: int, seed: int) -> Iterator[str]:
    """One row per structure and size: share of nulls rejected, and of intervals that hold the true AUC."""
    for (name, variances), (readers, each) in product(STRUCTURES.items(), SIZES):
        rng = np.random.default_rng(seed)
        rejected = held = 0
        for _ in range(studies):
            study = simulate(rng, variances, readers=readers, negatives=each, positives=each, aucs=(AREA, AREA))
            p, interval = _p_and_interval(way, study)
            rejected += p < 0.05
            held += interval is not None and interval.low <= _truth(way, variances) <= interval.high
        ends = wilson(rejected, studies)
        rate = f"{100 * rejected / studies:.1f} ({100 * ends.low:.1f} to {100 * ends.high:.1f})"
        yield f"| {name} | {readers} | {each} + {each} | {rate} | {100 * held / studies:.1f} |"


def _p_and_interval(way: Way, study: ReaderStudy) -> tuple[float, Interval | None]:
    """P and the first mean's interval; a study without spread, which is refused, rejects nothing and holds nothing."""
    try:
        found = way(study)
    except RequestError:
        return 1.0, None
    mean = found.means[0].mean
    return (1.0 if found.test is None else found.test.p), None if mean is None else mean.interval


def _truth(way: Way, variances: Variances) -> float:
    if way in (over_patients, slices_as_patients):
        return float(stats.norm.cdf(mean_of_auc(AREA, variances) / sqrt(2 * (variances.total + OWN))))
    if way is not by_sensitivity:
        return AREA
    return float(stats.norm.sf((0.75 - mean_of_auc(AREA, variances)) / np.sqrt(variances.total)))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=WAYS, default=list(WAYS))
    asked = parser.parse_args()
    for name in asked.only:
        print(f"\n## {name}\n\n| structure | readers | cases | rejected, % | mean held, % |\n|---|---|---|---|---|")
        for row in error_rates(WAYS[name], asked.studies, asked.seed):
            print(row, flush=True)


if __name__ == "__main__":
    main()
