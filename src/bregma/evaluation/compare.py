"""Models on the same cases: every figure and every difference is taken on the same resamples of patients.

Letters: R resamples, P patients, M figures, G groups, S seeds in a group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import REPLICATES, Statistic, bootstrap, paired_difference, patient_codes
from bregma.evaluation.cases import SCAN, SLICE, Cases
from bregma.evaluation.comparison import LOWER_IS_BETTER, Comparison, Difference, Mean, Table
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.figures import OF_SCORES
from bregma.evaluation.groups import Group, alone
from bregma.evaluation.holm import corrected, p_value
from bregma.evaluation.levels import Drawn, Point, every_figure, log_loss_name, point_result, score_measures
from bregma.evaluation.measure import resampled
from bregma.evaluation.metrics import PROPORTIONS, Floats
from bregma.evaluation.seeds import difference_over_seeds, mean_over_seeds
from bregma.evaluation.shared import Shared, answered, shared_cases
from bregma.scan.errors import RequestError


def compare_groups(groups: Sequence[Group], *, seed: int = 0, replicates: int = REPLICATES) -> list[Table]:
    """Every level and finding that at least two groups answer, or that the first answers; then findings pooled.

    Differences are to the first group, with 95 % intervals, and p-values after Holm per figure and level over all
    findings and groups.

    Args:
        groups: at least one; the first is the one to compare with.
        seed: of the resamples.
        replicates: how many.

    Raises:
        RequestError: groups share no case, or were held against other truths.
    """
    findings = list(dict.fromkeys(finding for group in groups for finding in group.findings))
    tables: list[Table] = []
    for level in (SCAN, SLICE):
        asked = [f for f in findings if answered([g for g in groups if f in g.findings], level, f)]
        tables += [_table([g for g in groups if f in g.findings], level, (f,), seed, replicates) for f in asked]
        several = [group for group in groups if len(group.findings) > 1]
        common = tuple(finding for finding in asked if all(finding in group.findings for group in several))
        if several and len(common) > 1:
            tables.append(_table(several, level, common, seed, replicates))
    first = groups[0].name
    return corrected([t if t.groups[0][0] == first else dataclasses.replace(t, comparisons=()) for t in tables])


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    level: str = SCAN,
    finding: str = "any",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Comparison:
    """Two models at one level and finding; p-values are corrected for nothing.

    Args:
        first: the one to compare with.
        second: the one in question.
        level: "slice" or "scan".
        finding: both packages must answer it.
        seed: of the resamples.
        replicates: how many.

    Raises:
        RequestError: a package does not answer the finding, the two share no case, or were held against other truths.
    """
    for group in alone([first, second]):
        if finding not in group.findings:
            raise RequestError(f"{group.name} does not answer {finding!r}; it answers {', '.join(group.findings)}")
    return _table(alone([first, second]), level, (finding,), seed, replicates).comparisons[0]


def _table(groups: Sequence[Group], level: str, findings: tuple[str, ...], seed: int, replicates: int) -> Table:
    shared = shared_cases(groups, level, findings)
    one = shared.any_of_them
    names = (*OF_SCORES[:3], log_loss_name(one), *OF_SCORES[4:], *(figure.name for figure in PROPORTIONS))
    values, draws = _resampled(groups, shared, np.random.default_rng(seed), replicates)
    columns = range(len(names))
    return Table(
        level=level,
        finding=one.finding,
        findings=findings,
        cases=len(one.truth),
        groups=tuple(
            (group.name, _means(group, shared.cases[g], names, values[g], draws[:, g]))
            for g, group in enumerate(groups)
        ),
        comparisons=tuple(
            Comparison(
                first=groups[0].name,
                second=groups[g].name,
                level=level,
                finding=one.finding,
                cases=len(one.truth),
                left_out=shared.left_out,
                differences=tuple(
                    _difference(names[i], values[0][:, i], values[g][:, i], draws[:, [0, g], i]) for i in columns
                ),
            )
            for g in range(1, len(groups))
        ),
    )


def _resampled(
    groups: Sequence[Group], shared: Shared, rng: np.random.Generator, replicates: int
) -> tuple[list[Floats], Floats]:
    """Per group (S, M) figures of its members, and (R, G, M) means over the members on resampled patients."""
    codes = patient_codes(shared.any_of_them.patients)
    statistics = [
        [_figures(cases, member, codes) for cases, member in zip(of_group, group.members, strict=True)]
        for of_group, group in zip(shared.cases, groups, strict=True)
    ]

    def means(weights: Floats) -> Floats:
        return np.stack([np.mean([one(weights) for one in of_group], axis=0) for of_group in statistics], axis=1)

    once = np.ones((1, int(codes.max()) + 1))
    values = [np.stack([one(once)[0] for one in of_group]) for of_group in statistics]
    return values, bootstrap(means, codes, rng, replicates=replicates)


def _figures(cases: Cases, member: Evaluation, codes: NDArray[np.intp]) -> Statistic:
    """The figures of one model: weights (R, P) -> (R, M)."""
    setup = member.setup
    return every_figure(cases, codes, [setup.rule.threshold], specificity=setup.specificity)


def _means(
    group: Group, cases: Sequence[Cases], names: Sequence[str], values: Floats, draws: Floats
) -> tuple[Mean, ...]:
    """Every figure of a group from (S, M) values and (R, M) means; a model by itself has the intervals it has alone."""
    means = [_mean(name, values[:, i], draws[:, i]) for i, name in enumerate(names)]
    if len(group.members) > 1:
        return tuple(means)
    (one,), setup = cases, group.members[0].setup
    codes, drawn = patient_codes(one.patients), Drawn(values[0], draws)
    rng, point = np.random.default_rng(setup.seed), Point("rule", setup.rule.threshold, "")
    own = (
        *score_measures(one, codes, drawn, (), rng),
        *point_result(one, point, codes, drawn, len(OF_SCORES)).measures,
    )
    by_name = {measure.name: measure for measure in own}
    return tuple(dataclasses.replace(mean, measure=by_name[mean.measure.name]) for mean in means)


def _mean(name: str, values: Floats, draws: Floats) -> Mean:
    """A figure of a group from (S,) values of its members and (R,) means on resamples."""
    ceiling = np.inf if name in LOWER_IS_BETTER else 1.0
    unless = "these cases do not define it" if len(values) == 1 else "these cases do not define it for every seed"
    return Mean(
        measure=resampled(name, float(values.mean()), draws, unless=unless),
        members=tuple(None if np.isnan(value) else float(value) for value in values),
        over_seeds=mean_over_seeds(values.tolist(), floor=0.0, ceiling=ceiling) if np.isfinite(values).all() else None,
    )


def _difference(name: str, first: Floats, second: Floats, draws: Floats) -> Difference:
    """Second minus first, from (S,) values of either side and (R, 2) means on resamples."""
    value = float(second.mean() - first.mean())
    if np.isnan(value):
        return Difference(name, None, reason=f"{name} is undefined for one of the two")
    interval = paired_difference(draws)
    return Difference(
        name,
        value,
        interval,
        None if interval else "every resample gives the same difference",
        p=p_value(draws[:, 1] - draws[:, 0]),
        over_seeds=difference_over_seeds(first.tolist(), second.tolist()),
    )
