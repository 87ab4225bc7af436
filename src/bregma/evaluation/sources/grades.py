"""What more can be said of a source that gives probabilities, not only yes and no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.cases import Cases
from bregma.evaluation.decision_curve import decision_curve
from bregma.evaluation.delong import areas
from bregma.evaluation.measure import Measure
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


def area_figures(found: Sequence[Measure], cases: Cases) -> tuple[list[Measure], list[Measure]]:
    """The figures of graded scores, the AUC with DeLong's interval where every case is another patient; and the other.

    Args:
        found: from `measure_level`, intervals over resampled patients.
        cases: they are of.

    Returns:
        the figures, and the AUC with the interval that was found in another way; none where DeLong has none.
    """
    auc = next(one for one in found if one.name == "auc")
    codes = patient_codes(cases.patients)
    kinds = [len(np.unique(codes[kind])) for kind in (cases.truth, ~cases.truth)]
    interval = areas(cases.scores[None], cases.truth, codes).interval() if min(kinds) > 1 else None
    if interval is None:
        return list(found), []
    other = Measure(auc.name, auc.value, interval)
    if len(set(cases.patients)) < len(cases.patients):
        return list(found), [other]
    return [other if one is auc else one for one in found], [auc]


def _by_site(
    cases: Cases, sites: Sequence[str], aims: Sequence[Aim], question: SourceQuestion
) -> Mapping[str, tuple[Chosen, ...]]:
    rng = np.random.default_rng(question.seed)
    places = [site or UNKNOWN_SITE for site in sites]
    given = (cases.scores, cases.truth, cases.patients, places)
    each = [choose_by_site(*given, aim, rng, replicates=question.replicates) for aim in aims]
    return {site: tuple(one[site] for one in each) for site in each[0]}
