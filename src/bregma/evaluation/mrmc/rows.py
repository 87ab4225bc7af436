"""A reader study's analysis and plan as rows of text, and as JSON; whoever shows them need not compute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bregma.evaluation.mrmc.analysis import Analysis
from bregma.evaluation.mrmc.components import Components
from bregma.evaluation.mrmc.inference import Estimate
from bregma.evaluation.mrmc.planning import Power

Rows = list[tuple[str, ...]]

ANOVA_HEADER = ("source", "degrees of freedom", "mean square")
COMPONENTS_HEADER = ("component", "variance", "correlation")
MEANS_HEADER = ("treatment", "reader", "figure", "standard error", "95 % interval")
DIFFERENCES_HEADER = ("difference", "reader", "figure", "standard error", "95 % interval", "p", "p (Holm)")
PLAN_HEADER = ("readers", "cases", "power")


def anova_rows(components: Components) -> Rows:
    """Mean squares of treatments, readers and their interaction, under `ANOVA_HEADER`."""
    crossed = components.reader is not None
    readers = str(round(components.readers) - 1)
    squares = (
        ("treatment", str(components.treatments - 1), components.treatment),
        ("reader", readers, components.reader),
        ("treatment x reader" if crossed else "reader in treatment", str(components.degrees), components.interaction),
    )
    return [(source, degrees, f"{square:.7g}") for source, degrees, square in squares if square is not None]


def component_rows(components: Components) -> Rows:
    """Variances and covariances, under `COMPONENTS_HEADER`; a variance that chance makes negative is shown as it is."""
    of_readers = [
        ("reader", components.reader_variance),
        ("treatment x reader", components.interaction_variance),
    ]
    rows: Rows = [(name, f"{variance:.7g}", "") for name, variance in of_readers if variance is not None]
    rows.append(("error", f"{components.error:.7g}", ""))
    for name, covariance in (("Cov1", components.cov1), ("Cov2", components.cov2), ("Cov3", components.cov3)):
        correlation = covariance / components.error if components.error > 0 else 0.0
        rows.append((name, f"{covariance:.7g}", f"{correlation:.4f}"))
    return rows


def test_sentence(analysis: Analysis) -> str:
    """The test in a sentence, with what it holds for."""
    test = analysis.test
    if test is None:
        return f"One treatment: nothing to compare ({analysis.factors.words})."
    degrees = f"{test.df1}" if math.isinf(test.df2) else f"{test.df1} and {test.df2:.2f}"
    statistic = f"{test.statistic} {test.value:.4f} on {degrees} degrees of freedom"
    return f"All treatments alike? {statistic}, p {test.p:.4f} ({analysis.factors.words})."


def title(analysis: Analysis) -> str:
    """What was measured, how, and on what."""
    missing = f", {analysis.missing} reads missing" if analysis.missing else ""
    whose = f" of {analysis.patients} patients" if analysis.patients < analysis.cases else ""
    cases = f"{analysis.cases} cases{whose}, {analysis.positives} positive{missing}"
    how = f"{analysis.method}, {analysis.covariance} covariances, {analysis.components.design.value}"
    return f"{analysis.merit}: {cases} ({how})"


def mean_rows(analysis: Analysis) -> Rows:
    """Every treatment over its readers, then reader by reader, under `MEANS_HEADER`."""
    rows: Rows = []
    for one in analysis.means:
        if one.mean is not None:
            rows.append((one.treatment, "all", *_cells(one.mean)))
        rows.extend((one.treatment, reader, *_cells(figure)) for reader, figure in one.readers.items())
    return rows


def difference_rows(analysis: Analysis) -> Rows:
    """Every pair of treatments over all readers, then reader by reader, under `DIFFERENCES_HEADER`."""
    rows: Rows = []
    for one in analysis.differences:
        name = f"{one.first} - {one.second}"
        rows.append((name, "all", *_cells(one.difference, sign="+"), _p(one.difference.p), _p(one.adjusted_p)))
        rows.extend((name, reader, *_cells(own, sign="+"), _p(own.p), "") for reader, own in one.readers.items())
    return rows


def plan_rows(plan: Sequence[tuple[int, Power | None]]) -> Rows:
    """Cases needed for each number of readers, under `PLAN_HEADER`."""
    return [
        (str(readers), "-", "out of reach") if power is None else (str(readers), str(power.cases), f"{power.power:.3f}")
        for readers, power in plan
    ]


def document(analysis: Analysis, plan: Sequence[tuple[int, Power | None]] = ()) -> dict[str, Any]:
    """Everything, for JSON: infinite degrees of freedom are null."""
    content = asdict(analysis)
    content["components"]["design"] = analysis.components.design.value
    content["components"]["reader_variance"] = analysis.components.reader_variance
    content["components"]["interaction_variance"] = analysis.components.interaction_variance
    content["plan"] = [
        {"readers": readers, **(asdict(power) if power else {"cases": None, "power": None})} for readers, power in plan
    ]
    finite: dict[str, Any] = _finite(content)
    return finite


def _cells(figure: Estimate, *, sign: str = "") -> tuple[str, str, str]:
    ends = "-" if figure.interval is None else f"{figure.interval.low:{sign}.4f} to {figure.interval.high:{sign}.4f}"
    return f"{figure.value:{sign}.4f}", f"{figure.standard_error:.4f}", ends


def _p(p: float | None) -> str:
    return "" if p is None else f"{p:.4f}"


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
