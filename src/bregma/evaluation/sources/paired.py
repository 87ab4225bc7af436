"""How two sources differ on the same cases, held against a reference in which neither has a say.

Where every case is another patient, shares are compared by McNemar's mid-p with Newcombe's interval; all else, and
everything where patients have several cases, by resampled patients; ROC areas by DeLong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bregma.evaluation.auc_interval import auc_difference
from bregma.evaluation.benjamini_hochberg import benjamini_hochberg
from bregma.evaluation.bootstrap import METHOD, bootstrap, paired_difference
from bregma.evaluation.cases import Cases
from bregma.evaluation.comparison import Difference
from bregma.evaluation.figures import OF_SCORES
from bregma.evaluation.holm import holm, p_value
from bregma.evaluation.levels import Drawn, proportion_figures
from bregma.evaluation.mcnemar import mid_p
from bregma.evaluation.metrics import PROPORTIONS, Bools, Floats
from bregma.evaluation.newcombe import newcombe_paired
from bregma.evaluation.sources.answers import Answers
from bregma.evaluation.sources.drawn import Draws
from bregma.evaluation.sources.grades import is_graded
from bregma.evaluation.sources.held import Held, held_against
from bregma.evaluation.sources.judged import Pair, TestedDifference
from bregma.evaluation.sources.question import SourceQuestion
from bregma.scan.errors import RequestError

MCNEMAR = "mcnemar, mid-p"
NAMES = (*OF_SCORES, *(figure.name for figure in PROPORTIONS))
"""In the order of `every_figure`."""


def compare_pair(answers: Answers, first: str, second: str, question: SourceQuestion, draws: Draws) -> Pair:
    """Second minus first; p-values are corrected for nothing yet. Without a common case or reference, the reason.

    Args:
        answers: about one finding.
        first: the one to compare with.
        second: the one in question.
        question: against what, and how.
        draws: of this finding and question.
    """
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
    differences = _differences(held, (first, second), question, draws)
    return Pair(first, second, str(reference), count, tuple(differences))


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


def _differences(held: Held, names: tuple[str, str], question: SourceQuestion, draws: Draws) -> list[TestedDifference]:
    graded = all(is_graded(cases) for cases in held.cases)
    figures = NAMES if graded else NAMES[len(OF_SCORES) :]
    each = [
        draws.of(held, k, name) if graded else _drawn_shares(held, k, name, question) for k, name in enumerate(names)
    ]
    values = np.stack([one.values for one in each])
    drawn = np.stack([one.draws for one in each], axis=1)
    thresholds = (question.threshold(names[0]), question.threshold(names[1]))
    exact = _mcnemar(held.cases, thresholds) if held.independent else {}
    found = []
    for column, name in enumerate(figures):
        if np.isnan(values[:, column]).any():
            found.append(TestedDifference(Difference(name, None, reason=f"{name} is undefined for one of the two"), ""))
        elif name in exact:
            found.append(exact[name])
        elif name == "auc":
            found.append(_of_areas(held))
        else:
            found.append(_resampled(name, values[:, column], drawn[:, :, column]))
    return found


def _drawn_shares(held: Held, which: int, source: str, question: SourceQuestion) -> Drawn:
    """The figures of `PROPORTIONS` alone, which need no ranks."""
    figures = proportion_figures(held.cases[which], held.codes, [question.threshold(source)])
    rng = np.random.default_rng(question.seed)
    values = figures(np.ones((1, int(held.codes.max()) + 1)))[0]
    return Drawn(values, bootstrap(figures, held.codes, rng, replicates=question.replicates))


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
    found, both = auc_difference(np.stack([first.scores, second.scores]), first.truth, held.codes)
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
