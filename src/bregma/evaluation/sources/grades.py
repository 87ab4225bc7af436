"""What more can be said of a source that gives probabilities, not only yes and no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.cases import Cases
from bregma.evaluation.decision_curve import decision_curve
from bregma.evaluation.murphy import brier_parts
from bregma.evaluation.operating_points import Aim, Chosen, Hold, choose, choose_by_site
from bregma.evaluation.sources.judged import Graded
from bregma.evaluation.sources.question import SourceQuestion

UNKNOWN_SITE = "unknown"


def is_graded(cases: Cases) -> bool:
    """Whether a score is neither 0 nor 1."""
    return bool(((cases.scores != 0.0) & (cases.scores != 1.0)).any())


def graded(cases: Cases, sites: Sequence[str], question: SourceQuestion) -> Graded:
    """Brier's parts, decision curve and operating points.

    Args:
        cases: N, at least one.
        sites: (N,) where each case is from; "" where nobody said.
        question: for aims and resamples.
    """
    aims = (Aim(Hold.SPECIFICITY, question.specificity), Aim(Hold.SENSITIVITY, question.sensitivity))
    given = (cases.scores, cases.truth, cases.patients)
    rng, codes = np.random.default_rng(question.seed), patient_codes(cases.patients)
    return Graded(
        brier=brier_parts(cases.scores, cases.truth),
        decisions=decision_curve(cases.scores, cases.truth, codes, rng, replicates=question.replicates),
        chosen=tuple(choose(*given, aim, rng, replicates=question.replicates) for aim in aims),
        by_site=_by_site(cases, sites, aims, question) if any(sites) else {},
    )


def _by_site(
    cases: Cases, sites: Sequence[str], aims: Sequence[Aim], question: SourceQuestion
) -> Mapping[str, tuple[Chosen, ...]]:
    rng = np.random.default_rng(question.seed)
    places = [site or UNKNOWN_SITE for site in sites]
    given = (cases.scores, cases.truth, cases.patients, places)
    each = [choose_by_site(*given, aim, rng, replicates=question.replicates) for aim in aims]
    return {site: tuple(one[site] for one in each) for site in each[0]}
