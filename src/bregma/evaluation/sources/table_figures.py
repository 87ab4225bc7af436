"""The figures of a confusion table, with the interval that fits its cases.

Where every case is another patient, shares have Wilson's interval; where patients have several cases, patients are
drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import bootstrap, patient_codes, per_patient
from bregma.evaluation.cases import Cases
from bregma.evaluation.intervals import clopper_pearson
from bregma.evaluation.levels import confusion_cells, proportion_measure, proportions_of, whole_of
from bregma.evaluation.likelihood_ratios import likelihood_ratios
from bregma.evaluation.measure import Measure, resampled
from bregma.evaluation.metrics import F1, PROPORTIONS, Counts, Floats, count
from bregma.evaluation.predictive_values import predictive_values
from bregma.evaluation.shares import share_of, shares_of
from bregma.evaluation.sources.question import SourceQuestion


def table_figures(cases: Cases, threshold: float, question: SourceQuestion) -> list[Measure]:
    """Accuracy, recall, specificity, precision, F1, likelihood ratios and, at a stated prevalence, predictive values.

    Args:
        cases: at least one.
        threshold: scores at or above it are called positive.
        question: for the prevalence and the resamples.
    """
    counts = count(cases.scores >= threshold, cases.truth)
    codes = patient_codes(cases.patients)
    measures = count_figures(counts, prevalence=question.prevalence)
    if len(set(cases.patients)) == len(cases.patients):
        return measures
    draws, called = _draws(cases, threshold, codes, question), cases.scores >= threshold
    shares = {figure.name: figure for figure in PROPORTIONS}
    found = []
    for k, one in enumerate(measures):
        if one.value is None:
            found.append(one)
        elif one.name in shares:
            whole = whole_of(shares[one.name], called, cases.truth)
            found.append(proportion_measure(shares[one.name], one.value, draws[:, k], whole, codes=codes))
        else:
            found.append(resampled(one.name, one.value, draws[:, k], unless=""))
    return found


def count_figures(counts: Counts, *, prevalence: float | None = None) -> list[Measure]:
    """The same from the counts of independent cases: what a paper prints is enough.

    Args:
        counts: a confusion table.
        prevalence: for predictive values; None for none.
    """
    values: Sequence[Measure] = () if prevalence is None else predictive_values(counts, prevalence)
    return [*shares_of(counts), *likelihood_ratios(counts), *values]


def exact_figures(counts: Counts) -> list[Measure]:
    """The four shares of independent cases with Clopper and Pearson's interval."""
    return [share_of(figure, counts, clopper_pearson) for figure in PROPORTIONS if figure is not F1]


def _draws(cases: Cases, threshold: float, codes: NDArray[np.intp], question: SourceQuestion) -> NDArray[np.float64]:
    """(R, M) every figure on resampled patients, in the order of `count_figures`; NaN where undefined."""
    sums = per_patient(confusion_cells(cases.scores, cases.truth, [threshold]), codes)
    rng = np.random.default_rng(question.seed)
    cells = bootstrap(lambda weights: weights @ sums, codes, rng, replicates=question.replicates)
    shares = proportions_of(cells)
    recall, specificity = shares[:, 1], shares[:, 2]
    columns = [_over(recall, 1 - specificity), _over(1 - recall, specificity)]
    if question.prevalence is not None:
        there, clear = question.prevalence, 1 - question.prevalence
        columns += [
            _over(recall * there, recall * there + (1 - specificity) * clear),
            _over(specificity * clear, specificity * clear + (1 - recall) * there),
        ]
    return np.column_stack([shares, *columns])


def _over(upper: Floats, lower: Floats) -> Floats:
    shares: Floats = np.divide(upper, lower, out=np.full(len(upper), np.nan), where=lower > 0)
    return shares
