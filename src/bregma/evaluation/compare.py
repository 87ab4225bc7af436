"""Two packages on the same cases: every difference is taken on the same resamples of patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import (
    REPLICATES,
    Statistic,
    bootstrap,
    both,
    paired_difference,
    patient_codes,
    per_patient,
)
from bregma.evaluation.cases import SCAN, Cases, cases_of
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.levels import confusion_cells, proportions_of
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import PROPORTIONS, Floats
from bregma.evaluation.ranking import rank
from bregma.scan.errors import RequestError

FIGURES = ("auc", "average_precision", *(figure.name for figure in PROPORTIONS))


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second package differs from a first one.

    Attributes:
        first: name and version.
        second: name and version.
        level: "slice" or "scan".
        finding: a name from scan.terms.
        cases: on which both answered.
        left_out: cases that only one of them answered.
        differences: second minus first, at the threshold of each package's rule; above 0 the second is better.
    """

    first: str
    second: str
    level: str
    finding: str
    cases: int
    left_out: int
    differences: tuple[Measure, ...]


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    level: str = SCAN,
    finding: str = "any",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Comparison:
    """Differences with 95 % intervals; one that leaves out 0 is a difference that resampled patients agree on.

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
    one, other = _cases(first, level, finding), _cases(second, level, finding)
    shared = set(one.keys) & set(other.keys)
    if not shared:
        raise RequestError(f"{_name(first)} and {_name(second)} share no {level} with a known truth for {finding!r}")
    left, right = _only(one, shared), _only(other, shared)
    if not np.array_equal(left.truth, right.truth):
        raise RequestError(
            f"{int((left.truth != right.truth).sum())} of {len(shared)} cases have another truth for {_name(second)} "
            f"than for {_name(first)}; evaluate both against the same sources"
        )
    codes, rng = patient_codes(left.patients), np.random.default_rng(seed)
    statistics = [
        _figures(left, first.setup.rule.threshold, codes),
        _figures(right, second.setup.rule.threshold, codes),
    ]
    draws = bootstrap(both(*statistics), codes, rng, replicates=replicates)
    values = [figures(np.ones((1, int(codes.max()) + 1)))[0] for figures in statistics]
    return Comparison(
        first=_name(first),
        second=_name(second),
        level=level,
        finding=finding,
        cases=len(shared),
        left_out=len(one.keys) + len(other.keys) - 2 * len(shared),
        differences=tuple(
            _difference(name, float(values[1][i] - values[0][i]), draws[:, :, i]) for i, name in enumerate(FIGURES)
        ),
    )


def _cases(evaluation: Evaluation, level: str, finding: str) -> Cases:
    findings = evaluation.scans[0].findings
    if finding not in findings:
        raise RequestError(f"{_name(evaluation)} does not answer {finding!r}; it answers {', '.join(findings)}")
    return cases_of(evaluation.scans, level, findings.index(finding))


def _only(cases: Cases, keys: set[tuple[str, int | None]]) -> Cases:
    """The cases under some keys, in the order of the keys."""
    place = {key: i for i, key in enumerate(cases.keys)}
    chosen = [place[key] for key in sorted(keys, key=lambda key: (key[0], -1 if key[1] is None else key[1]))]
    return Cases(
        level=cases.level,
        finding=cases.finding,
        keys=tuple(cases.keys[i] for i in chosen),
        patients=tuple(cases.patients[i] for i in chosen),
        scores=cases.scores[chosen],
        truth=cases.truth[chosen],
    )


def _figures(cases: Cases, threshold: float, codes: NDArray[np.intp]) -> Statistic:
    """The figures of one package: weights (R, P) -> (R, 7) in the order of `FIGURES`."""
    ranking = rank(cases.scores, cases.truth, codes)
    sums = per_patient(confusion_cells(cases.scores, cases.truth, [threshold]), codes)
    return lambda weights: np.hstack([ranking.both(weights), proportions_of(weights @ sums)])


def _difference(name: str, value: float, draws: Floats) -> Measure:
    if np.isnan(value):
        return Measure(name, None, reason=f"{name} is undefined for one of the two")
    interval = paired_difference(draws)
    return Measure(name, value, interval, None if interval else "every resample gives the same difference")


def _name(evaluation: Evaluation) -> str:
    return f"{evaluation.setup.package} {evaluation.setup.version}"
