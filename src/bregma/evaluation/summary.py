"""Several models as rows of text: one compact row each, the figures of groups, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bregma.evaluation.cases import POOLED, SCAN, SLICE
from bregma.evaluation.comparison import Comparison, Mean, Table
from bregma.evaluation.evaluation import Cost, Evaluation
from bregma.evaluation.groups import Group
from bregma.evaluation.intervals import Interval
from bregma.evaluation.measure import Measure
from bregma.evaluation.table import TITLES, difference_text, interval_text, point_text, value_text
from bregma.scan.terms import ANY

Rows = list[tuple[str, ...]]

CHIEF = (
    *((SLICE, name) for name in ("auc", "weighted_log_loss", "log_loss", "sensitivity_at_specificity")),
    *((SLICE, name) for name in ("accuracy", "f1")),
    *((SCAN, name) for name in ("auc", "accuracy", "sensitivity_at_specificity", "f1")),
)
"""The figures that are shown first, for the chief finding and for all findings pooled."""

GROUP_HEADER = ("what", "figure", "model", "mean", "95 % over patients", "95 % over seeds", "each seed")
CONFUSION_HEADER = ("model", "what", "threshold", "TP", "FP", "FN", "TN")
DIFFERENCE_HEADER = ("what", "figure", "model", "difference", "95 % over patients", "p", "p (Holm)", "95 % over seeds")


def summary_header(groups: Sequence[Group]) -> tuple[str, ...]:
    """Titles of `summary_rows`; intervals stand in brackets."""
    finding, specificity = chief_finding(groups), groups[0].members[0].setup.specificity
    share = f"{100 * specificity:.4g} %"
    return (
        "model",
        f"slice AUC, {finding}",
        "slice AUC, pooled",
        "slice accuracy, pooled",
        f"sensitivity at {share}, slices",
        "log loss, slices",
        f"scan AUC, {finding}",
        "scan accuracy at rule",
        "parameters",
        "MACs per slice",
        "seconds per scan",
    )


def summary_rows(groups: Sequence[Group], tables: Sequence[Table]) -> Rows:
    """One row per model or group under `summary_header`, with intervals in brackets; what it does not answer is "-".

    Args:
        groups: in the order in which they were compared.
        tables: from `compare_groups`.
    """
    return [
        tuple(figure + (f" ({ends})" if ends else "") for figure, ends in row) for row in summary_cells(groups, tables)
    ]


def summary_cells(groups: Sequence[Group], tables: Sequence[Table]) -> list[tuple[tuple[str, str], ...]]:
    """The same as (figure, interval or "") per cell; arguments as for `summary_rows`."""
    finding = chief_finding(groups)
    rows = []
    for group in groups:
        losses = (
            _found(tables, group, SLICE, POOLED, "weighted_log_loss"),
            _found(tables, group, SLICE, POOLED, "log_loss"),
            _found(tables, group, SLICE, finding, "log_loss"),
        )
        measures = (
            _found(tables, group, SLICE, finding, "auc"),
            _found(tables, group, SLICE, POOLED, "auc"),
            _found(tables, group, SLICE, POOLED, "accuracy"),
            _found(tables, group, SLICE, finding, "sensitivity_at_specificity"),
            next((loss for loss in losses if loss is not None), None),
            _found(tables, group, SCAN, finding, "auc"),
            _found(tables, group, SCAN, finding, "accuracy"),
        )
        seeds = f"{len(group.members)} seeds" if len(group.members) > 1 else ""
        costs = cost_cells([member.cost for member in group.members])
        rows.append(((group.name, seeds), *(_cell(one) for one in measures), *costs))
    return rows


def chief_finding(groups: Sequence[Group]) -> str:
    """`any` where the first model answers it, else its first finding."""
    findings = groups[0].findings
    return ANY if ANY in findings else findings[0]


def cost_cells(costs: Sequence[Cost]) -> tuple[tuple[str, str], ...]:
    """Parameters, MACs and seconds of one model, or of the seeds of one recipe, as (figure, interval or "")."""
    first = costs[0]
    medians = [cost.seconds for cost in costs if cost.seconds is not None]
    slow = [cost.seconds_p90 for cost in costs if cost.seconds_p90 is not None]
    time = (f"{sum(medians) / len(medians):.3f}", f"p90 {max(slow):.3f}") if medians else ("-", "")
    return (large(first.parameters), ""), (large(first.macs), ""), time


def large(number: int | None) -> str:
    """Such as "25.6 M" or "4.1 G"; "-" where nobody says."""
    if number is None:
        return "-"
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{letter}"
    return str(number)


def group_rows(tables: Sequence[Table], *, everything: bool = False) -> Rows:
    """Figures under `GROUP_HEADER`: one row per figure and group.

    Args:
        tables: from `compare_groups`.
        everything: all figures of all findings, not the chief ones of `any` and pooled only.
    """
    return [
        (
            f"{table.level} {table.finding}",
            TITLES[mean.measure.name],
            name,
            value_text(mean.measure),
            interval_text(mean.measure),
            _ends(mean.measure.name, mean.over_seeds),
            " ".join(_number(mean.measure.name, value) for value in mean.members),
        )
        for table, place in _chosen(tables, everything=everything)
        for name, means in table.groups
        for mean in means[place : place + 1]
    ]


def difference_rows(tables: Sequence[Table], *, everything: bool = False) -> Rows:
    """Differences to the first under `DIFFERENCE_HEADER`; arguments as for `group_rows`."""
    return [
        (
            f"{comparison.level} {comparison.finding}",
            TITLES[one.name],
            comparison.second,
            difference_text(one),
            interval_text(one),
            p_text(one.p),
            p_text(one.adjusted_p),
            _ends(one.name, one.over_seeds),
        )
        for table, place in _chosen(tables, everything=everything)
        for comparison in table.comparisons
        for one in comparison.differences[place : place + 1]
    ]


def confusion_rows(members: Sequence[Evaluation]) -> Rows:
    """The counts of every finding and level at each threshold of its package, under `CONFUSION_HEADER`."""
    return [
        (
            member.setup.label,
            f"{level.level} {level.finding}",
            point_text(result),
            *(f"{cell:.0f}" for cell in (result.counts.tp, result.counts.fp, result.counts.fn, result.counts.tn)),
        )
        for member in members
        for level in member.levels
        if level.cases
        for result in level.points
    ]


def filled(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows without the columns in which every row says "-"."""
    kept = [place for place in range(len(header)) if not rows or any(row[place] != "-" for row in rows)]
    return [header[place] for place in kept], [[row[place] for place in kept] for row in rows]


def p_text(p: float | None) -> str:
    """Three decimals; "-" where there is none."""
    return "-" if p is None else f"{p:.3f}" if p >= 0.0005 else "< 0.001"


def comparisons_of(tables: Sequence[Table]) -> list[Comparison]:
    """Every comparison of every table."""
    return [comparison for table in tables for comparison in table.comparisons]


def _chosen(tables: Sequence[Table], *, everything: bool) -> Iterator[tuple[Table, int]]:
    """(table, place of a figure in it) for what is to be shown."""
    for table in tables:
        for place, mean in enumerate(table.groups[0][1]):
            chief = (table.level, mean.measure.name) in CHIEF and table.finding in (ANY, POOLED)
            if everything or chief or (len(tables) <= 2 and (table.level, mean.measure.name) in CHIEF):
                yield table, place


def _found(tables: Sequence[Table], group: Group, level: str, finding: str, name: str) -> Measure | None:
    for table in tables:
        if (table.level, table.finding) == (level, finding):
            means: dict[str, tuple[Mean, ...]] = dict(table.groups)
            return next((m.measure for m in means.get(group.name, ()) if m.measure.name == name), None)
    return None


def _cell(measure: Measure | None) -> tuple[str, str]:
    if measure is None:
        return "-", ""
    return value_text(measure), interval_text(measure) if measure.interval else ""


def _number(name: str, value: float | None) -> str:
    return value_text(Measure(name, value)).removesuffix(" %")


def _ends(name: str, interval: Interval | None) -> str:
    return interval_text(Measure(name, None, interval))
