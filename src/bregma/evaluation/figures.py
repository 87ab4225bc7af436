"""The figures of a score that need no threshold chosen beforehand, on any resample of the patients.

Letters: N cases, P patients, R resamples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import Statistic, per_patient
from bregma.evaluation.cases import Cases
from bregma.evaluation.measure import ratio
from bregma.evaluation.metrics import Floats
from bregma.evaluation.ranking import rank

SPECIFICITY = 0.9
"""At which sensitivity is read off the ROC curve, unless somebody asks for another."""

CLIP = 1e-15
"""A probability nearer to 0 or 1 is taken for this, as the RSNA 2019 challenge did, so that no loss is infinite."""

OF_SCORES = ("auc", "average_precision", "brier", "log_loss", "sensitivity_at_specificity")
"""In the order in which `score_figures` gives them."""


def score_figures(cases: Cases, codes: NDArray[np.intp], *, specificity: float) -> Statistic:
    """Weights (R, P) -> (R, 5) in the order of `OF_SCORES`; NaN where a resample does not define one.

    Args:
        cases: N, may be empty.
        codes: (N,) patient of each case.
        specificity: at which the sensitivity is read.
    """
    ranking = rank(cases.scores, cases.truth, codes)
    counts = np.ones(len(cases.scores)) if cases.counts is None else cases.counts
    squares = (cases.scores - cases.truth) ** 2
    losses = counts * log_losses(cases)
    sums = per_patient(np.column_stack([squares, np.ones(len(squares)), losses, counts]), codes)

    def figures(weights: Floats) -> Floats:
        means = [ratio(sums[:, i], sums[:, i + 1], weights) for i in (0, 2)]
        of_ranks = ranking.both_and_sensitivity(specificity, weights)
        return np.column_stack([of_ranks[:, :2], *means, of_ranks[:, 2]])

    return figures


def log_losses(cases: Cases) -> Floats:
    """(N,) minus the logarithm of the probability that was given to what is so."""
    given = np.where(cases.truth, cases.scores, 1.0 - cases.scores)
    losses: Floats = -np.log(np.clip(given, CLIP, 1.0))
    return losses
