"""Pictures of compared sources, as PNG bytes: ROC with readers as points, forest plot, agreement, net benefit."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from bregma.evaluation.agreement import Agreement, PairAgreement
from bregma.evaluation.comparison_pictures import COLOURS
from bregma.evaluation.measure import Measure
from bregma.evaluation.pictures import INK, QUIET, empty_figure, png_of, square
from bregma.evaluation.sources.comparison import SourceComparison
from bregma.evaluation.sources.judged import Judged, Pair, TestedDifference
from bregma.evaluation.table import TITLES, difference_text, interval_text, scale_of

LONGEST = 36
"""Letters of a source's name in a picture; longer ones lose their middle."""

LETTER = 0.078
"""Inches for one of them, in the size of the labels."""

FOREST = ("accuracy", "recall", "specificity", "f1", "auc")


def roc_picture(comparison: SourceComparison) -> bytes:
    """Curves of graded sources, and every source as a point at its threshold, with the intervals of both figures."""
    title = f"{comparison.finding} per {comparison.level}"
    figure, axes = empty_figure("1 - specificity", "sensitivity", title, size=(5.6, 5.6))
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    for row, one in enumerate(comparison.judged):
        colour = COLOURS[row % len(COLOURS)]
        if one.graded is not None and one.level.roc is not None:
            axes.plot(one.level.roc.false_positive_rate, one.level.roc.recall, color=colour, linewidth=1.6)
        _cross(axes, one, colour)
    square(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    return png_of(figure)


def forest_picture(comparison: SourceComparison, figure_name: str) -> bytes:
    """One figure's difference of every pair with its interval, drawn and in digits; shares times 100."""
    shown = [(pair, one) for pair in comparison.pairs if (one := _named(pair, figure_name)) is not None]
    firsts = {pair.first for pair, _ in shown}
    labels = [
        short(pair.second) if len(firsts) == 1 else f"{short(pair.second)}\n- {short(pair.first)}" for pair, _ in shown
    ]
    than = f", minus {short(*firsts)}" if len(firsts) == 1 else ""
    unit = ", points of 100" if scale_of(figure_name) > 1 else ""
    left, middle, right, height = 0.3 + LETTER * _longest(labels), 3.4, 1.9, 1.2 + 0.42 * max(1, len(shown))
    width = left + middle + right
    title = f"{TITLES[figure_name]}, {comparison.finding}{than}"
    figure, axes = empty_figure(f"worse \u2190 difference{unit} \u2192 better", "", title, size=(width, height))
    axes.set_position((left / width, 0.66 / height, middle / width, 1 - 1.1 / height))
    axes.axvline(0.0, color=INK, linewidth=1, linestyle=":")
    for row, (_, one) in enumerate(shown):
        _difference_row(axes, row, one)
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=6)
    return png_of(figure)


def _difference_row(axes: Axes, row: int, one: TestedDifference) -> None:
    difference, scale = one.difference, scale_of(one.difference.name)
    text = difference_text(difference)
    if difference.interval is not None:
        colour = COLOURS[0] if difference.interval.low <= 0 <= difference.interval.high else COLOURS[1]
        axes.plot(
            [scale * difference.interval.low, scale * difference.interval.high], [row, row], color=colour, linewidth=2
        )
        text += f" ({interval_text(difference)})"
    if difference.value is not None:
        axes.plot(scale * difference.value, row, "s", color=INK, markersize=6)
    axes.annotate(
        text, (1.0, row), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=8, annotation_clip=False,
    )  # fmt: skip


def short(name: str) -> str:
    """A name that fits beside a picture: its beginning and its end."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2 - 1]}...{name[-(LONGEST // 2 - 2) :]}"


def _longest(labels: list[str]) -> int:
    return max((len(line) for label in labels for line in label.split("\n")), default=0)


def agreement_picture(agreement: Agreement, finding: str) -> bytes:
    """Cohen's kappa of every two sources, shaded."""
    size = len(agreement.sources)
    kappas = np.full((size, size), np.nan)
    for pair in agreement.pairs:
        i, j = agreement.sources.index(pair.first), agreement.sources.index(pair.second)
        kappas[i, j] = kappas[j, i] = _kappa(pair)
    names = [short(source) for source in agreement.sources]
    left, cells = 0.4 + LETTER * _longest(names), 0.6 + 0.75 * size
    inches = left + cells + 0.3
    figure, axes = empty_figure("", "", f"Cohen's kappa, {finding}", size=(inches, inches))
    axes.set_position((left / inches, 0.7 * left / inches, cells / inches, cells / inches))
    axes.imshow(kappas, cmap="Blues", vmin=-0.2, vmax=1.6)
    for (row, column), value in np.ndenumerate(kappas):
        text = f"{value:.2f}" if np.isfinite(value) else "-"
        axes.text(column, row, "" if row == column else text, ha="center", va="center", color=INK, fontsize=11)
    axes.set_xticks(range(size), names, rotation=35, ha="right", fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    return png_of(figure)


def decision_picture(one: Judged, finding: str) -> bytes:
    """Net benefit of a graded source over thresholds, beside acting on all and on none."""
    figure, axes = empty_figure("threshold", "net benefit", f"{short(one.source)}, {finding}", size=(5.2, 4.2))
    points = one.graded.decisions if one.graded else ()
    at = [point.threshold for point in points]
    axes.axhline(0.0, color=INK, linewidth=1, label="none")
    axes.plot(at, [point.of_all for point in points], color=QUIET, linewidth=1.6, label="all")
    axes.plot(at, [point.value for point in points], color=COLOURS[0], linewidth=2, label="by score")
    banded = [(p.threshold, p.interval.low, p.interval.high) for p in points if p.interval is not None]
    if banded:
        axes.fill_between(*np.array(banded).T, color=COLOURS[0], alpha=0.15, linewidth=0)
    top = max([0.05, *(point.value for point in points), *(high for _, _, high in banded)])
    axes.set_ylim(-0.3 * top, 1.15 * top)
    axes.legend(frameon=False, fontsize=8)
    return png_of(figure)


def _cross(axes: Axes, one: Judged, colour: str) -> None:
    recall, specificity = one.measure("recall"), one.measure("specificity")
    if recall is None or specificity is None or recall.value is None or specificity.value is None:
        return
    x, y = 1 - specificity.value, recall.value
    axes.plot(x, y, marker="o", color=colour, markersize=7, linestyle="none", label=_label(one))
    if specificity.interval is not None:
        axes.plot([1 - specificity.interval.high, 1 - specificity.interval.low], [y, y], color=colour, linewidth=1)
    if recall.interval is not None:
        axes.plot([x, x], [recall.interval.low, recall.interval.high], color=colour, linewidth=1)


def _label(one: Judged) -> str:
    auc: Measure | None = one.measure("auc")
    return short(one.source) if auc is None or auc.value is None else f"{short(one.source)}, AUC {auc.value:.3f}"


def _named(pair: Pair, name: str) -> TestedDifference | None:
    return next((one for one in pair.differences if one.difference.name == name), None)


def _kappa(pair: PairAgreement) -> float:
    value = pair.measures[1].value
    return np.nan if value is None else value
