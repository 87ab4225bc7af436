"""Pictures of several models at once, as PNG bytes: AUC with intervals, ROC curves, learning, rank on ImageNet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from bregma.evaluation.comparison import Table
from bregma.evaluation.correlation import Correlation
from bregma.evaluation.groups import Group
from bregma.evaluation.learning import ACCURACIES, AREAS, LOSSES, Learning
from bregma.evaluation.pictures import INK, QUIET, empty_figure, png_of, square
from bregma.scan.errors import RequestError

COLOURS = ("#2b6ca3", "#b3261e", "#3d8b55", "#8a5fb0", "#c27a12", "#127f86", "#a8457c", "#5c6670", "#7b6a2e", "#1d2733")
"""Told apart by most people who see fewer colours; from the eleventh model on they come again, dashed."""

LEARNING_WORDS = {
    LOSSES: ("loss", "validation full, training dashed"),
    ACCURACIES: ("accuracy of slices at 0.5", "validation full, training dashed"),
    AREAS: ("AUC", "validation: slices full, scans dashed"),
}
"""Two figures -> what they are, and which is drawn how."""


def areas_picture(table: Table) -> bytes:
    """AUC of every model with its interval over patients; seeds as dots."""
    names = [name for name, _ in table.groups]
    height = 1.1 + 0.34 * len(names)
    figure, axes = empty_figure("AUC", "", _named(table.finding, table.level), size=(6.4, height))
    axes.set_position((0.34, 0.62 / height, 0.62, 1 - 1.05 / height))
    for row, (_, means) in enumerate(table.groups):
        auc = means[0]
        if auc.measure.value is None:
            continue
        if auc.measure.interval is not None:
            axes.plot(
                [auc.measure.interval.low, auc.measure.interval.high], [row, row], color=_colour(row), linewidth=2
            )
        axes.plot(auc.measure.value, row, marker="o", color=_colour(row), markersize=7)
        if len(auc.members) > 1:
            seeds = [value for value in auc.members if value is not None]
            axes.plot(seeds, [row] * len(seeds), "|", color=INK, markersize=9, markeredgewidth=1.2)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    return png_of(figure)


def roc_overlay(groups: Sequence[Group], level: str, finding: str) -> bytes:
    """ROC curves of all models that answer a finding, each with its 95 % band, light; of seeds one curve each, no band.

    Raises:
        RequestError: none of them has a curve, for want of positives or negatives.
    """
    figure, axes = empty_figure("1 - specificity", "sensitivity", _named(finding, level), size=(5.2, 5.2))
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    drawn, banded = 0, all(len(group.members) == 1 for group in groups)
    for row, group in enumerate(groups):
        label: str | None = group.name
        for member in group.members:
            found = [one for one in member.levels if (one.level, one.finding) == (level, finding)]
            if not found or found[0].roc is None:
                continue
            roc = found[0].roc
            if roc.band and banded:
                false, low, high = np.array(roc.band).T
                axes.fill_between(false, low, high, color=_colour(row), alpha=0.08, linewidth=0)
            width = 1.6 if len(group.members) == 1 else 1.0
            axes.plot(
                *(roc.false_positive_rate, roc.recall),
                color=_colour(row),
                linewidth=width,
                linestyle=_dash(row),
                label=label,
            )
            label, drawn = None, drawn + 1
    if not drawn:
        raise RequestError(f"there is no ROC curve for {finding} at level {level}: only one kind of case")
    square(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    return png_of(figure)


def learning_picture(learning: Sequence[Learning], figures: tuple[str, str] = LOSSES) -> bytes:
    """Two figures by epoch, the first full and the second dashed.

    Args:
        learning: at least one.
        figures: `LOSSES`, `AREAS` or `ACCURACIES`.
    """
    what, title = LEARNING_WORDS[figures]
    figure, axes = empty_figure("epoch", what, title, size=(5.2, 4.2))
    rows = {group: row for row, group in enumerate(dict.fromkeys(one.group for one in learning))}
    named: set[str] = set()
    for one in learning:
        row = rows[one.group]
        for name, dash, mark in zip(figures, ("-", "--"), ("o", ""), strict=True):
            curve = one.curve(name)
            if curve:
                axes.plot(
                    *zip(*curve, strict=True),
                    color=_colour(row),
                    linestyle=dash,
                    linewidth=1.4,
                    marker=mark,
                    markersize=3,
                    label=None if one.group in named else one.group,
                )
                named.add(one.group)
    axes.legend(frameon=False, fontsize=8)
    return png_of(figure)


def correlation_picture(correlation: Correlation) -> bytes:
    """AUC against top-1 accuracy on ImageNet, a dot per model."""
    title = f"Spearman {correlation.spearman:.2f}, p {correlation.p:.2f}, {len(correlation.models)} models"
    figure, axes = empty_figure("top-1 accuracy on ImageNet", "AUC", title, size=(5.2, 4.2))
    for row, (name, one, other) in enumerate(
        zip(correlation.models, correlation.first, correlation.second, strict=True)
    ):
        axes.plot(one, other, "o", color=_colour(row), markersize=7)
        axes.annotate(name, (one, other), (0, 7), textcoords="offset points", fontsize=8, ha="center")
    _room(axes)
    return png_of(figure)


def _named(finding: str, level: str) -> str:
    return f"all findings pooled, per {level}" if finding == "pooled" else f"{finding} per {level}"


def _colour(row: int) -> str:
    return COLOURS[row % len(COLOURS)]


def _dash(row: int) -> str:
    return "-" if row < len(COLOURS) else "--"


def _room(axes: Axes) -> None:
    """Names of dots at the edge need some."""
    axes.margins(x=0.18, y=0.15)
