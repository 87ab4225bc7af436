"""How often the intervals of `bregma evaluate` and `bregma compare` hold the true figure, on simulated studies.

    python -m research.coverage [--studies 2000] [--resampled 700] [--seed 0]

Prints the tables of docs/research/coverage.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, log, sqrt

import numpy as np
from scipy import integrate, stats

from bregma.evaluation.agreement import agreement
from bregma.evaluation.auc_interval import auc_difference, auc_interval
from bregma.evaluation.bootstrap import percentile_interval
from bregma.evaluation.cases import Cases
from bregma.evaluation.delong import areas
from bregma.evaluation.figures import OF_SCORES, SPECIFICITY
from bregma.evaluation.intervals import Interval, z_value
from bregma.evaluation.levels import Drawn, Point, draw_figures, measure_level
from bregma.evaluation.measure import Measure, resampled
from bregma.evaluation.metrics import Bools, Floats, count
from bregma.evaluation.newcombe import newcombe_paired
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources.question import SourceQuestion
from bregma.evaluation.sources.table_figures import count_figures, table_figures

SIZES, PREVALENCES = (30, 100, 500), (0.05, 0.2, 0.5)
BETTER, WORSE = 2.0, 1.5
"""Standard deviations between positive and negative cases, for two sources; each calls positive from the middle on."""
SHARED = 0.5
"""Correlation of the two on cases of one kind."""
SLICES, OF_PATIENT = 4, 0.3
"""Slices of a patient, two of them positive where he has the finding, and how far they are alike."""
REPLICATES = 500
SHARES = ("accuracy", "recall", "specificity")
MEANS = ("average_precision", "brier", "log_loss")
Found = dict[str, Interval | None]


@dataclass(frozen=True, slots=True)
class Study:
    """Cases, and what two sources make of them.

    Attributes:
        truth: (N,) whether the finding is there.
        evidence: (2, N) normal around 0, and around `BETTER` or `WORSE` where it is.
        prevalence: from which cases were drawn.
        codes: (N,) patient of each case.
    """

    truth: Bools
    evidence: Floats
    prevalence: float
    codes: np.ndarray

    @property
    def called(self) -> Bools:
        """(2, N) what each source says."""
        return self.evidence >= np.array([[BETTER / 2], [WORSE / 2]])

    def cases(self) -> Cases:
        """Of the better source, with the probability that is right for its evidence; it calls from `prevalence` on."""
        odds = self.prevalence / (1 - self.prevalence) * np.exp(BETTER * (self.evidence[0] - BETTER / 2))
        patients = tuple(f"p{code}" for code in self.codes)
        return Cases("scan", "any", tuple((f"c{k}", None) for k in range(len(odds))), patients, odds / (1 + odds),
                     self.truth)  # fmt: skip


def single(rng: np.random.Generator, size: int, prevalence: float) -> Study:
    """Patients with one case each."""
    truth = rng.random(size) < prevalence
    common, own = rng.normal(size=size), rng.normal(size=(2, size))
    evidence = sqrt(SHARED) * common + sqrt(1 - SHARED) * own + truth * np.array([[BETTER], [WORSE]])
    return Study(truth, evidence, prevalence, np.arange(size))


def several(rng: np.random.Generator, size: int, prevalence: float) -> Study:
    """Patients with `SLICES` slices; who has the finding has it on two of them."""
    codes = np.repeat(np.arange(size), SLICES)
    truth = (rng.random(size) < prevalence)[codes] & (np.arange(len(codes)) % SLICES < 2)
    noise = sqrt(OF_PATIENT) * rng.normal(size=(2, size))[:, codes] + sqrt(1 - OF_PATIENT) * rng.normal(
        size=(2, len(codes))
    )
    return Study(truth, noise + truth * np.array([[BETTER], [WORSE]]), prevalence, codes)


def truths(prevalence: float) -> Mapping[str, float]:
    """The figures of all cases that there could ever be."""
    right, worse = stats.norm.cdf(BETTER / 2), stats.norm.cdf(WORSE / 2)
    called = prevalence * right + (1 - prevalence) * (1 - right)
    auc = stats.norm.cdf(BETTER / sqrt(2))
    brier, loss, precision = (_mean(figure, prevalence) for figure in (_square, _loss, _precision))
    return {
        "accuracy": right,
        "recall": right,
        "specificity": right,
        "precision": prevalence * right / called,
        "f1": 2 * prevalence * right / (prevalence + called),
        "positive_likelihood_ratio": right / (1 - right),
        "negative_likelihood_ratio": (1 - right) / right,
        "positive_predictive_value": prevalence * right / called,
        "negative_predictive_value": (1 - prevalence) * right / (1 - called),
        "auc": auc,
        "brier": brier,
        "log_loss": loss,
        "average_precision": precision,
        "accuracy difference": worse - right,
        "auc difference": stats.norm.cdf(WORSE / sqrt(2)) - auc,
        "kappa": _kappa(prevalence),
    }


def _mean(figure: object, prevalence: float) -> float:
    return float(integrate.quad(figure, -9, 11, args=(prevalence,), limit=200)[0])  # type: ignore[call-overload]


def _square(x: float, prevalence: float) -> float:
    p, density = _posterior(x, prevalence)
    return p * (1 - p) * density


def _loss(x: float, prevalence: float) -> float:
    p, density = _posterior(x, prevalence)
    return -(p * log(p) + (1 - p) * log(1 - p)) * density


def _posterior(x: float, prevalence: float) -> tuple[float, float]:
    there, clear = prevalence * stats.norm.pdf(x - BETTER), (1 - prevalence) * stats.norm.pdf(x)
    return 1 / (1 + (1 - prevalence) / prevalence * exp(-BETTER * (x - BETTER / 2))), there + clear


def _precision(x: float, prevalence: float) -> float:
    hits, alarms = prevalence * stats.norm.sf(x - BETTER), (1 - prevalence) * stats.norm.sf(x)
    return float(hits / (hits + alarms) * stats.norm.pdf(x - BETTER))


def _kappa(prevalence: float) -> float:
    """Cohen's, of the calls of the two."""
    joint = stats.multivariate_normal([0, 0], [[1, SHARED], [SHARED, 1]])
    both = prevalence * joint.cdf([BETTER / 2, WORSE / 2]) + (1 - prevalence) * joint.cdf([-BETTER / 2, -WORSE / 2])
    yes = [prevalence * s + (1 - prevalence) * (1 - s) for s in (stats.norm.cdf(d / 2) for d in (BETTER, WORSE))]
    seen, chance = 1 - yes[0] - yes[1] + 2 * both, yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return float((seen - chance) / (1 - chance))


def of_counts(study: Study) -> Found:
    """Figures whose intervals need no resamples."""
    counts = count(study.called[0], study.truth)
    found = {one.name: one.interval for one in count_figures(counts, prevalence=study.prevalence)}
    right = study.called == study.truth
    cells = (right[0] & right[1], right[0] & ~right[1], ~right[0] & right[1], ~right[0] & ~right[1])
    found["accuracy difference"] = newcombe_paired(*(int(cell.sum()) for cell in cells))
    found["auc"] = auc_interval(study.evidence[0], study.truth, study.codes)
    found["auc, DeLong (before)"] = None
    found["auc difference"] = found["auc difference, DeLong (before)"] = None
    if min(counts.positives, counts.negatives) > 1:
        both = areas(study.evidence, study.truth)
        found["auc, DeLong (before)"] = both.interval()
        found["auc difference, DeLong (before)"] = both.difference(0, 1).interval
        found["auc difference"] = auc_difference(study.evidence, study.truth, study.codes)[0].interval
    found["positive_likelihood_ratio, Simel (before)"] = _simel(counts.tp, counts.fn, counts.fp, counts.tn)
    found["negative_likelihood_ratio, Simel (before)"] = _simel(counts.fn, counts.tp, counts.tn, counts.fp)
    return found


def _simel(first: float, rest: float, second: float, others: float) -> Interval | None:
    if not first or not second:
        return None
    half = z_value(0.95) * sqrt(1 / first - 1 / (first + rest) + 1 / second - 1 / (second + others))
    middle = log(first / (first + rest) / (second / (second + others)))
    return Interval(exp(middle - half), exp(middle + half), "simel")


def by_resamples(study: Study, rng: np.random.Generator) -> Found:
    """Figures whose intervals do."""
    drawn = _drawn(study, rng)
    level = measure_level(study.cases(), [Point("call", study.prevalence, "")], rng, replicates=REPLICATES, drawn=drawn)
    found = {one.name: one.interval for one in level.measures if one.name in MEANS}
    found |= {f"{name}, patient bootstrap (before)": _of(drawn, name).interval for name in MEANS}
    found["auc, patient bootstrap (bregma evaluate before)"] = _of(drawn, "auc").interval
    agreed = agreement(study.called.astype(float), ("a", "b"), study.codes, rng, replicates=REPLICATES)
    found["kappa"] = agreed.pairs[0].measures[1].interval
    return found


def of_slices(study: Study, rng: np.random.Generator) -> Found:
    """Where patients have several cases."""
    asked = SourceQuestion(Reference(Rule.SOURCE, ("r",)), ("a",), replicates=REPLICATES, seed=int(rng.integers(2**31)))
    shares = {one.name: one.interval for one in table_figures(study.cases(), study.prevalence, asked)}
    found: Found = {f"{name}, slices": shares[name] for name in SHARES}
    drawn = _drawn(study, rng)
    found |= {f"{name}, slices, patient bootstrap (before)": percentile_interval(drawn.draws[:, k + len(OF_SCORES)])
              for k, name in enumerate(SHARES)}  # fmt: skip
    found["auc, slices"] = auc_interval(study.evidence[0], study.truth, study.codes)
    found["auc, slices, DeLong over patients (before, beside it)"] = found["auc difference, slices"] = None
    if min(len(np.unique(study.codes[kind])) for kind in (study.truth, ~study.truth)) > 1:
        difference, both = auc_difference(study.evidence, study.truth, study.codes)
        found["auc difference, slices"] = difference.interval
        found["auc, slices, DeLong over patients (before, beside it)"] = both.interval()
    found["auc, slices, patient bootstrap (before)"] = _of(drawn, "auc").interval
    return found


def _drawn(study: Study, rng: np.random.Generator) -> Drawn:
    return draw_figures(
        study.cases(), study.codes, (study.prevalence,), rng, replicates=REPLICATES, specificity=SPECIFICITY
    )


def _of(drawn: Drawn, name: str) -> Measure:
    place = OF_SCORES.index(name)
    return resampled(name, float(drawn.values[place]), drawn.draws[:, place], unless="")


@dataclass(slots=True)
class Tally:
    """How often an interval held, and how often there was none."""

    held: int = 0
    given: int = 0
    asked: int = 0

    def add(self, interval: Interval | None, true: float) -> None:
        """Count one study."""
        self.asked += 1
        self.given += interval is not None
        self.held += interval is not None and interval.low <= true <= interval.high

    def __str__(self) -> str:
        if not self.given:
            return "none"
        share, missing = 100 * self.held / self.given, 100 * (1 - self.given / self.asked)
        text = f"{share:.1f}" if 93 <= share <= 97 else f"**{share:.1f}**"
        return text if missing < 0.5 else f"{text} ({missing:.0f})"


def coverage(studies: int, resampled_studies: int, seed: int) -> Iterator[tuple[str, list[Tally]]]:
    """Figure -> its tally in every cell, size by size and in each by prevalence."""
    tallies: dict[str, list[Tally]] = defaultdict(lambda: [Tally() for _ in product(SIZES, PREVALENCES)])
    for cell, (size, prevalence) in enumerate(product(SIZES, PREVALENCES)):
        rng, true = np.random.default_rng([seed, cell]), truths(prevalence)
        for number in range(max(studies, resampled_studies)):
            study = single(rng, size, prevalence)
            found = of_counts(study) if number < studies else {}
            if number < resampled_studies:
                found |= by_resamples(study, rng) | of_slices(several(rng, size, prevalence), rng)
            for name, interval in found.items():
                tallies[name][cell].add(interval, true[name.partition(",")[0]])
    yield from tallies.items()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--resampled", type=int, default=700, help="of these, with resampled figures")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    titles = [f"{size}, {100 * prevalence:g} %" for size, prevalence in product(SIZES, PREVALENCES)]
    print("| figure |", " | ".join(titles), "|\n|---|" + "---|" * len(titles))
    for name, tallies in coverage(asked.studies, asked.resampled, asked.seed):
        print(f"| {name} |", " | ".join(map(str, tallies)), "|")


if __name__ == "__main__":
    main()
