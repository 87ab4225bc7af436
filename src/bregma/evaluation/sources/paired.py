"""How two sources differ on the same cases, held against a reference in which neither has a say.

Where every case is another patient, shares are compared by McNemar's mid-p with Newcombe's interval; all else, and
everything where patients have several cases, by resampled patients; ROC areas always by DeLong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bregma.evaluation.benjamini_hochberg import benjamini_hochberg
from bregma.evaluation.bootstrap import METHOD, Statistic, bootstrap, paired_difference
from bregma.evaluation.cases import Cases
from bregma.evaluation.comparison import Difference
from bregma.evaluation.delong import areas
from bregma.evaluation.figures import OF_SCORES
from bregma.evaluation.holm import holm, p_value
from bregma.evaluation.levels import every_figure, proportion_figures
from bregma.evaluation.mcnemar import mid_p
from bregma.evaluation.metrics import PROPORTIONS, Bools, Floats
from bregma.evaluation.newcombe import newcombe_paired
from bregma.evaluation.sources.answers import Answers
from bregma.evaluation.sources.grades import is_graded
from bregma.evaluation.sources.held import Held, held_against
from bregma.evaluation.sources.judged import Pair, TestedDifference
from bregma.evaluation.sources.question import SourceQuestion
from bregma.scan.errors import RequestError

MCNEMAR = "mcnemar, mid-p"
NAMES = (*OF_SCORES, *(figure.name for figure in PROPORTIONS))
"""In the order of `every_figure`."""


def compare_pair(answers: Answers, first: str, second: str, question: SourceQuestion) -> Pair:
    """Second minus first; p-values are corrected for nothing yet. Without a common case or reference, the reason."""
    try:
        reference = question.reference.without(first, second)
        held = held_against(answers, reference, question, (first, second))
    except RequestError as error:
        return Pair(first, second, "", 0, reason=str(error))
    count = len(held.codes)
    if not count:
        return Pair(
            first, second, str(reference), 0, reason="there is no case that both answered and the reference knows"
        )
    thresholds = (question.threshold(first), question.threshold(second))
    return Pair(first, second, str(reference), count, tuple(_differences(held, thresholds, question)))


def corrected(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The same with p-values after Holm and after Benjamini and Hochberg; a family is one figure over all pairs."""
    families: dict[str, list[float | None]] = {}
    for one in (d for pair in pairs for d in pair.differences):
        families.setdefault(one.difference.name, []).append(one.difference.p)
    strict = {name: iter(holm(p_values)) for name, p_values in families.items()}
    lenient = {name: iter(benjamini_hochberg(p_values)) for name, p_values in families.items()}
    return tuple(
        replace(
            pair,
            differences=tuple(
                replace(
                    one,
                    difference=replace(one.difference, adjusted_p=next(strict[one.difference.name])),
                    discovery_p=next(lenient[one.difference.name]),
                )
                for one in pair.differences
            ),
        )
        for pair in pairs
    )


def _differences(held: Held, thresholds: tuple[float, float], question: SourceQuestion) -> list[TestedDifference]:
    graded = all(is_graded(cases) for cases in held.cases)
    names = NAMES if graded else NAMES[len(OF_SCORES) :]
    statistics = [
        every_figure(cases, held.codes, [threshold], specificity=question.specificity)
        if graded
        else proportion_figures(cases, held.codes, [threshold])
        for cases, threshold in zip(held.cases, thresholds, strict=True)
    ]
    once = np.ones((1, int(held.codes.max()) + 1))
    values = np.stack([one(once)[0] for one in statistics])
    rng = np.random.default_rng(question.seed)
    draws = bootstrap(_both(statistics), held.codes, rng, replicates=question.replicates)
    exact = _mcnemar(held.cases, thresholds) if held.independent else {}
    found = []
    for column, name in enumerate(names):
        if np.isnan(values[:, column]).any():
            found.append(TestedDifference(Difference(name, None, reason=f"{name} is undefined for one of the two"), ""))
        elif name in exact:
            found.append(exact[name])
        elif name == "auc":
            found.append(_of_areas(held))
        else:
            found.append(_resampled(name, values[:, column], draws[:, :, column]))
    return found


def _both(statistics: Sequence[Statistic]) -> Statistic:
    return lambda weights: np.stack([one(weights) for one in statistics], axis=1)


def _resampled(name: str, values: Floats, draws: Floats) -> TestedDifference:
    interval = paired_difference(draws)
    reason = None if interval else "every resample gives the same difference"
    p = p_value(draws[:, 1] - draws[:, 0])
    return TestedDifference(Difference(name, float(values[1] - values[0]), interval, reason, p=p), METHOD)


def _of_areas(held: Held) -> TestedDifference:
    first, second = held.cases
    kinds = [len(np.unique(held.codes[kind])) for kind in (first.truth, ~first.truth)]
    if min(kinds) < 2:
        return TestedDifference(Difference("auc", None, reason="auc needs two patients of each kind"), "")
    both = areas(np.stack([first.scores, second.scores]), first.truth, held.codes)
    found = both.difference(0, 1)
    reason = None if found.interval else "both order the cases alike"
    return TestedDifference(Difference("auc", found.value, found.interval, reason, p=found.p), both.method)


def _mcnemar(cases: Sequence[Cases], thresholds: tuple[float, float]) -> Mapping[str, TestedDifference]:
    """Accuracy, recall and specificity: shares of the same cases."""
    truth = cases[0].truth
    right = [(one.scores >= threshold) == truth for one, threshold in zip(cases, thresholds, strict=True)]
    wholes = {"accuracy": np.ones(len(truth), dtype=bool), "recall": truth, "specificity": ~truth}
    return {name: _of_shares(name, right[0][whole], right[1][whole]) for name, whole in wholes.items() if whole.any()}


def _of_shares(name: str, first: Bools, second: Bools) -> TestedDifference:
    cells = (first & second, first & ~second, ~first & second, ~first & ~second)
    both, one, other, neither = (int(cell.sum()) for cell in cells)
    interval = newcombe_paired(both, one, other, neither)
    value = (other - one) / len(first)
    return TestedDifference(Difference(name, value, interval, p=mid_p(one, other)), MCNEMAR)
