"""A reader study from reads to conclusions: one record that holds everything a table or a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from bregma.evaluation.holm import holm
from bregma.evaluation.mrmc.cells import Cell, Design, design_of
from bregma.evaluation.mrmc.components import Components, by_treatment, components_of, error_and_cov2
from bregma.evaluation.mrmc.covariance import Estimates
from bregma.evaluation.mrmc.inference import (
    Estimate,
    Factors,
    TreatmentTest,
    difference,
    mean,
    of_one_reader,
    treatment_test,
)
from bregma.evaluation.mrmc.reader_study import ReaderStudy


@dataclass(frozen=True, slots=True)
class TreatmentMean:
    """A treatment's mean over readers.

    Attributes:
        treatment: its name.
        readers: name -> figure, with its interval over cases.
        mean: with its interval; None where it cannot be had, for one random reader.
    """

    treatment: str
    readers: Mapping[str, Estimate]
    mean: Estimate | None


@dataclass(frozen=True, slots=True)
class TreatmentDifference:
    """One treatment's mean less another's.

    Attributes:
        first: name of the one.
        second: name of the other, which is taken away.
        difference: of the means, with its interval and p.
        readers: name -> his own difference, over cases alone; empty where readers are nested in treatments.
        adjusted_p: p of the difference after Holm, over all pairs of treatments.
    """

    first: str
    second: str
    difference: Estimate
    readers: Mapping[str, Estimate]
    adjusted_p: float | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a reader study says.

    Attributes:
        merit: the figure of merit in words.
        method: "Obuchowski-Rockette" or "Dorfman-Berbaum-Metz".
        covariance: "jackknife", "jackknife over patients", "delong" or "bootstrap".
        factors: what the conclusion holds for.
        cases: all that were read.
        patients: whose they are.
        positives: cases with the finding.
        missing: reads that are not there, of all that a crossed study would have.
        components: mean squares and variances.
        test: whether the treatments are alike; None for one treatment.
        means: per treatment.
        differences: of every pair of treatments.
    """

    merit: str
    method: str
    covariance: str
    factors: Factors
    cases: int
    patients: int
    positives: int
    missing: int
    components: Components
    test: TreatmentTest | None
    means: tuple[TreatmentMean, ...]
    differences: tuple[TreatmentDifference, ...]


def analyse(
    study: ReaderStudy, estimates: Estimates, factors: Factors, *, merit: str, components: Components | None = None
) -> Analysis:
    """Obuchowski and Rockette's analysis, or Dorfman, Berbaum and Metz's when their components are given.

    Args:
        study: the reads.
        estimates: figures of merit with covariances, from `covariance`.
        factors: what the conclusion shall hold for.
        merit: the figure in words.
        components: from `pseudovalues.anova(...).components`; None for those of the estimates.

    Raises:
        RequestError: the design is neither crossed nor nested, or there are too few readers or cases.
    """
    design = design_of(study)
    found = components or components_of(estimates, design)
    test = treatment_test(found, factors)
    return Analysis(
        merit=merit,
        method="Dorfman-Berbaum-Metz" if components else "Obuchowski-Rockette",
        covariance=estimates.method,
        factors=factors,
        cases=len(study.cases),
        patients=len(set(study.patients or study.cases)),
        positives=int(study.truth.sum()),
        missing=_missing(study, design),
        components=found,
        test=test,
        means=_means(study, estimates, factors),
        differences=_differences(study, estimates, found, factors) if test else (),
    )


def _means(study: ReaderStudy, estimates: Estimates, factors: Factors) -> tuple[TreatmentMean, ...]:
    means = []
    for place, (name, values) in enumerate(zip(study.treatments, by_treatment(estimates), strict=True)):
        error, cov2 = error_and_cov2(estimates, place)
        middle = mean([float(value) for value in values], error, cov2, factors)
        means.append(TreatmentMean(name, _of_readers(study, estimates, place), middle))
    return tuple(means)


def _of_readers(study: ReaderStudy, estimates: Estimates, treatment: int) -> dict[str, Estimate]:
    variances = np.diag(estimates.covariance)
    return {
        study.readers[cell.reader]: of_one_reader(float(value), float(variance))
        for cell, value, variance in zip(estimates.cells, estimates.values, variances, strict=True)
        if cell.treatment == treatment
    }


def _differences(
    study: ReaderStudy, estimates: Estimates, components: Components, factors: Factors
) -> tuple[TreatmentDifference, ...]:
    means = [float(group.mean()) for group in by_treatment(estimates)]
    found = [
        TreatmentDifference(
            one,
            other,
            difference(means[first] - means[second], components, factors),
            _reader_differences(study, estimates, first, second),
        )
        for (first, one), (second, other) in combinations(enumerate(study.treatments), 2)
    ]
    adjusted = holm([one.difference.p for one in found])
    return tuple(replace(one, adjusted_p=p) for one, p in zip(found, adjusted, strict=True))


def _reader_differences(study: ReaderStudy, estimates: Estimates, first: int, second: int) -> dict[str, Estimate]:
    """Of every reader who works under both treatments."""
    places = {cell: place for place, cell in enumerate(estimates.cells)}
    found = {}
    for reader, name in enumerate(study.readers):
        one, other = (places.get(Cell(treatment, reader)) for treatment in (first, second))
        if one is not None and other is not None:
            contrast = np.zeros(len(places))
            contrast[one], contrast[other] = 1.0, -1.0
            variance = float(contrast @ estimates.covariance @ contrast)
            found[name] = of_one_reader(float(contrast @ estimates.values), variance, difference=True)
    return found


def _missing(study: ReaderStudy, design: Design) -> int:
    """Reads that would be there, were every case read in every cell."""
    cells = len(study.readers) * (len(study.treatments) if design is Design.CROSSED else 1)
    return cells * len(study.cases) - int(study.read.sum())
