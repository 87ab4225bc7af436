"""A reader study from reads to conclusions: one record that holds everything a table or a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.cells import Design, design_of
from bregma.evaluation.mrmc.components import Components, by_treatment, components_of, error_and_cov2
from bregma.evaluation.mrmc.covariance import Estimates
from bregma.evaluation.mrmc.inference import Estimate, Factors, Test, difference, mean, test_of
from bregma.evaluation.mrmc.reader_study import ReaderStudy


@dataclass(frozen=True, slots=True)
class TreatmentMean:
    """A treatment's mean over readers.

    Attributes:
        treatment: its name.
        readers: name -> figure.
        mean: with its interval; None where it cannot be had, for one random reader.
    """

    treatment: str
    readers: Mapping[str, float]
    mean: Estimate | None


@dataclass(frozen=True, slots=True)
class TreatmentDifference:
    """One treatment's mean less another's.

    Attributes:
        first: name of the one.
        second: name of the other, which is taken away.
        difference: with its interval and p.
    """

    first: str
    second: str
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a reader study says.

    Attributes:
        merit: the figure of merit in words.
        method: "Obuchowski-Rockette" or "Dorfman-Berbaum-Metz".
        covariance: "jackknife", "delong" or "bootstrap".
        factors: what the conclusion holds for.
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
    positives: int
    missing: int
    components: Components
    test: Test | None
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
    found = components or components_of(estimates, design, len(study.cases))
    test = test_of(found, factors)
    return Analysis(
        merit=merit,
        method="Dorfman-Berbaum-Metz" if components else "Obuchowski-Rockette",
        covariance=estimates.method,
        factors=factors,
        positives=int(study.truth.sum()),
        missing=_missing(study, design),
        components=found,
        test=test,
        means=_means(study, estimates, factors),
        differences=_differences(study, by_treatment(estimates), found, factors) if test else (),
    )


def _means(study: ReaderStudy, estimates: Estimates, factors: Factors) -> tuple[TreatmentMean, ...]:
    means = []
    for place, (name, values) in enumerate(zip(study.treatments, by_treatment(estimates), strict=True)):
        readers = [study.readers[cell.reader] for cell in estimates.cells if cell.treatment == place]
        figures = [float(value) for value in values]
        error, cov2 = error_and_cov2(estimates, place)
        means.append(TreatmentMean(name, dict(zip(readers, figures, strict=True)), mean(figures, error, cov2, factors)))
    return tuple(means)


def _differences(
    study: ReaderStudy, groups: list[Floats], components: Components, factors: Factors
) -> tuple[TreatmentDifference, ...]:
    means = [float(group.mean()) for group in groups]
    return tuple(
        TreatmentDifference(one, other, difference(means[first] - means[second], components, factors))
        for (first, one), (second, other) in combinations(enumerate(study.treatments), 2)
    )


def _missing(study: ReaderStudy, design: Design) -> int:
    """Reads that would be there, were every case read in every cell."""
    cells = len(study.readers) * (len(study.treatments) if design is Design.CROSSED else 1)
    return cells * len(study.cases) - int(study.read.sum())
