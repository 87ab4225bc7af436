"""One source against the reference, in which he has no say: every figure, with the interval that fits its cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bregma.evaluation.cases import Cases, only
from bregma.evaluation.false_alerts import Day, expected_day
from bregma.evaluation.figures import OF_SCORES
from bregma.evaluation.levels import Drawn, Point, measure_level
from bregma.evaluation.measure import Measure, resampled
from bregma.evaluation.metrics import count
from bregma.evaluation.sources.answers import Answers, CaseFacts
from bregma.evaluation.sources.drawn import Draws
from bregma.evaluation.sources.grades import graded, is_graded
from bregma.evaluation.sources.held import held_against
from bregma.evaluation.sources.judged import Judged, SubgroupFigures
from bregma.evaluation.sources.question import SourceQuestion
from bregma.evaluation.sources.table_figures import exact_figures, table_figures
from bregma.evaluation.subgroups import subgroups, too_few
from bregma.scan.errors import RequestError

SITE = "site"
"""The fact by which thresholds are chosen apart."""


def judge(answers: Answers, source: str, question: SourceQuestion, draws: Draws) -> Judged:
    """Everything about one source.

    Args:
        answers: about one finding.
        source: who is judged.
        question: against what, and how.
        draws: of this finding and question.

    Raises:
        RequestError: there is no case that both the source and the reference know, or he would be his own judge.
    """
    held = held_against(answers, question.reference, question, (source,))
    (cases,) = held.cases
    reference, threshold = str(question.reference.without(source)), question.threshold(source)
    if not len(cases.truth):
        raise RequestError(f"{source} and {reference} know {answers.finding!r} of no {answers.level} in common")
    point = Point("call", threshold, "from where on the source calls positive")
    rng, drawn = np.random.default_rng(question.seed), draws.of(held, 0, source)
    level = measure_level(cases, [point], rng, replicates=question.replicates, drawn=drawn)
    counts, answered = level.points[0].counts, np.isfinite(answers.of(source))
    facts = [answers.cases[place] for place in held.places.tolist()]
    has_grades = is_graded(cases)
    figures = table_figures(cases, threshold, question)
    exact: Sequence[Measure] = exact_figures(counts) if held.independent else ()
    return Judged(
        source=source,
        reference=reference,
        cases=len(cases.truth),
        unanswered=int((held.known & ~answered).sum()),
        unknown=int((answered & ~held.known).sum()),
        independent=held.independent,
        level=level,
        counts=counts,
        measures=(*figures, *(level.measures if has_grades else ())),
        others=(*exact, *(_drawn_area(drawn) if has_grades else ())),
        graded=graded(cases, [str(one.facts.get(SITE, "")) for one in facts], question) if has_grades else None,
        day=_day(figures, question),
        subgroups=_subgroups(cases, facts, threshold, question),
    )


def _drawn_area(drawn: Drawn) -> tuple[Measure, ...]:
    """The AUC with the interval of resampled patients, to stand beside the other; nothing where they give none."""
    place = OF_SCORES.index("auc")
    found = resampled("auc", drawn.values[place], drawn.draws[:, place], unless="a kind of case is missing")
    return (found,) if found.interval is not None else ()


def _day(figures: Sequence[Measure], question: SourceQuestion) -> Day | None:
    if question.scans_per_day is None or question.prevalence is None:
        return None
    by_name = {one.name: one for one in figures}
    return expected_day(
        by_name["recall"], by_name["specificity"], scans=question.scans_per_day, prevalence=question.prevalence
    )


def _subgroups(
    cases: Cases, facts: Sequence[CaseFacts], threshold: float, question: SourceQuestion
) -> tuple[SubgroupFigures, ...]:
    """The chief figures of each group; a share that rests on too few cases comes with a warning."""
    groups = [one for fact in question.subgroups for one in subgroups(fact, [case.facts for case in facts])]
    found = []
    for group in groups:
        part = only(cases, {cases.keys[place] for place in group.places})
        measures = table_figures(part, threshold, question)[:5]
        warnings = tuple(note for one in measures[:3] if (note := too_few(one)))
        counts = count(part.scores >= threshold, part.truth)
        found.append(SubgroupFigures(group.fact, group.name, counts, tuple(measures), warnings))
    return tuple(found)
