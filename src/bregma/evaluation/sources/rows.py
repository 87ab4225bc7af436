"""A comparison of sources as rows of text, for the terminal and the page."""

from __future__ import annotations

from bregma.evaluation.agreement import Agreement
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import Counts
from bregma.evaluation.operating_points import Chosen, kept
from bregma.evaluation.sources.comparison import SourceComparison
from bregma.evaluation.sources.judged import Judged, TestedDifference
from bregma.evaluation.summary import p_text
from bregma.evaluation.table import TITLES, difference_text, interval_text, value_text
from bregma.scan.counted import counted

Rows = list[tuple[str, ...]]
Cells = list[tuple[tuple[str, str], ...]]
"""Rows of (figure, its interval in words or "")."""

PAPER = ("accuracy", "recall", "specificity", "precision", "f1", "auc")
"""The columns of RADnet's tables, with specificity and, where there are grades, the AUC."""

PAPER_HEADER = ("source", "cases", "TP", "FP", "FN", "TN", *(TITLES[name] for name in PAPER))
FIGURE_HEADER = ("source", "figure", "value", "95 % interval", "method", "95 % interval, another way")
PAIR_HEADER = ("against", "source", "cases", "figure", "difference", "95 % interval", "p", "p (Holm)", "p (BH)", "test")
AGREEMENT_HEADER = ("of", "cases", "figure", "value", "95 % interval")
CONFUSION_HEADER = ("first", "second", "cases", "both", "first only", "second only", "none")
SUBGROUP_HEADER = ("source", "by", "group", "TP", "FP", "FN", "TN", "accuracy", "recall", "specificity", "warning")
POINT_HEADER = ("source", "site", "held", "threshold", "is", "figure", "value", "95 % interval")
DAY_HEADER = ("source", "scans a day", "prevalence", "figure", "value", "95 % interval")
FEW_PATIENTS = 20
"""Percentile intervals of fewer are too narrow."""
CHIEF_DIFFERENCES = ("auc", "accuracy", "recall", "specificity", "f1")


def paper_cells(comparison: SourceComparison) -> Cells:
    """The paper's table under `PAPER_HEADER`: a row for each source."""
    return [
        (
            (one.source, ""),
            (str(one.cases), ""),
            *((text, "") for text in _counts(one.counts)),
            *(_cell(one.measure(name)) for name in PAPER),
        )
        for one in comparison.judged
    ]


def paper_rows(comparison: SourceComparison) -> Rows:
    """The same with intervals in brackets."""
    return [tuple(figure + (f" ({ends})" if ends else "") for figure, ends in row) for row in paper_cells(comparison)]


def figure_rows(comparison: SourceComparison) -> Rows:
    """Every figure of every source under `FIGURE_HEADER`."""
    rows: Rows = []
    for one in comparison.judged:
        others = {measure.name: measure for measure in one.others}
        for measure in (*one.measures, *(one.day.measures if one.day else ())):
            other = others.get(measure.name)
            again = f"{interval_text(other)} ({_method(other)})" if other else ""
            rows.append(
                (one.source, TITLES[measure.name], value_text(measure), interval_text(measure), _method(measure), again)
            )
    return rows


def pair_rows(comparison: SourceComparison, *, everything: bool = False) -> Rows:
    """Differences under `PAIR_HEADER`, the chief figures only or all."""
    return [
        (pair.first, pair.second, str(pair.cases), *_difference(one))
        for pair in comparison.pairs
        for one in pair.differences
        if everything or one.difference.name in CHIEF_DIFFERENCES
    ]


def agreement_rows(comparison: SourceComparison) -> Rows:
    """Coefficients under `AGREEMENT_HEADER`: of all, of the readers, of every two."""
    rows: Rows = []
    for name, one in (("all sources", comparison.agreement), ("readers", comparison.readers)):
        if one is not None:
            rows += [(name, str(_seen(one, m)), TITLES[m.name], value_text(m), interval_text(m)) for m in one.measures]
    if comparison.agreement is not None:
        for pair in comparison.agreement.pairs:
            of = f"{pair.first}, {pair.second}"
            rows += [(of, str(pair.cases), TITLES[m.name], value_text(m), interval_text(m)) for m in pair.measures]
    return rows


def confusion_rows(comparison: SourceComparison) -> Rows:
    """What every two sources say of the same cases, under `CONFUSION_HEADER`."""
    pairs = comparison.agreement.pairs if comparison.agreement else ()
    return [
        (p.first, p.second, str(p.cases), str(p.yes_yes), str(p.yes_no), str(p.no_yes), str(p.no_no)) for p in pairs
    ]


def subgroup_rows(comparison: SourceComparison) -> Rows:
    """Sources group by group under `SUBGROUP_HEADER`."""
    return [
        (
            one.source,
            group.fact,
            group.name,
            *_counts(group.counts),
            *(_bracketed(m) for m in group.measures[:3]),
            "; ".join(group.warnings),
        )
        for one in comparison.judged
        for group in one.subgroups
    ]


def day_rows(comparison: SourceComparison) -> Rows:
    """Alerts on a day of the stated volume and prevalence under `DAY_HEADER`."""
    return [
        (
            *(one.source, f"{one.day.scans:g}", f"{100 * one.day.prevalence:g} %"),
            *(TITLES[measure.name], value_text(measure), interval_text(measure)),
        )
        for one in comparison.judged
        if one.day is not None
        for measure in one.day.measures
    ]


def point_rows(comparison: SourceComparison) -> Rows:
    """Thresholds of graded sources for stated aims under `POINT_HEADER`, of all cases and site by site."""
    rows: Rows = []
    for one in comparison.judged:
        if one.graded is not None:
            for site, chosen in (("all", one.graded.chosen), *one.graded.by_site.items()):
                rows += [_point(one, site, each) for each in chosen]
    return rows


def notes(comparison: SourceComparison) -> list[str]:
    """What a reader of the table must know: the reference, who had no say in it, and what was not counted."""
    reference = comparison.reference
    whole = counted(comparison.cases, comparison.level)
    lines = [
        f"Reference: {reference.words}: {reference.positive} positive, {reference.negative} negative, "
        f"{reference.unknown} without an answer, of {whole} of {counted(comparison.patients, 'patient')}."
    ]
    for one in comparison.judged:
        parts = [] if one.reference == reference.words else [f"held against {one.reference}, in which it has no say"]
        if one.unanswered:
            parts.append(f"{one.unanswered} not answered")
        if one.unknown:
            parts.append(f"{one.unknown} answered of which the reference has no answer")
        if not one.independent:
            parts.append("patients have several cases: intervals over patients")
        if not one.independent and one.level.patients < FEW_PATIENTS:
            parts.append(f"only {counted(one.level.patients, 'patient')}: they are too narrow; take them as a hint")
        if parts:
            lines.append(f"{one.source}: {'; '.join(parts)}.")
    lines += [f"{pair.second} and {pair.first}: {pair.reason}." for pair in comparison.pairs if pair.reason]
    lines += [f"{one.source}, {m.reason}." for one in comparison.judged for m in one.measures if m.reason and _tells(m)]
    return lines


def _tells(measure: Measure) -> bool:
    return measure.name != "calibration_error"


def _point(one: Judged, site: str, chosen: Chosen) -> tuple[str, ...]:
    held, is_kept = f"{chosen.aim.hold} {chosen.aim.least:g}", kept(chosen)
    threshold = "-" if chosen.threshold is None else f"{chosen.threshold:.3f}"
    share = "-" if is_kept is None else f"{100 * is_kept:.1f} %"
    measure = chosen.measure
    return (
        *(one.source, site, held, threshold, share),
        *(TITLES[measure.name], value_text(measure), interval_text(measure)),
    )


def _difference(one: TestedDifference) -> tuple[str, ...]:
    difference = one.difference
    p_values = (difference.p, difference.adjusted_p, one.discovery_p)
    texts = (TITLES[difference.name], difference_text(difference), interval_text(difference))
    return (*texts, *(p_text(value) for value in p_values), one.test)


def _counts(counts: Counts) -> tuple[str, ...]:
    return tuple(f"{cell:.0f}" for cell in (counts.tp, counts.fp, counts.fn, counts.tn))


def _cell(measure: Measure | None) -> tuple[str, str]:
    if measure is None:
        return "-", ""
    return value_text(measure), "" if measure.interval is None else interval_text(measure)


def _bracketed(measure: Measure) -> str:
    value, ends = _cell(measure)
    return f"{value} ({ends})" if ends else value


def _method(measure: Measure) -> str:
    return measure.interval.method if measure.interval else ""


def _seen(agreement: Agreement, measure: Measure) -> int:
    return agreement.read_by_all if measure.name == "fleiss_kappa" else agreement.read_by_two
