"""What comparing models found, as records."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.evaluation.intervals import Interval
from bregma.evaluation.measure import Measure

LOWER_IS_BETTER = frozenset({"brier", "log_loss", "weighted_log_loss"})


@dataclass(frozen=True, slots=True)
class Mean:
    """One figure of a group.

    Attributes:
        measure: the mean over its members; the interval is over patients, with these very trainings.
        members: the figure of each; None where undefined.
        over_seeds: interval over trainings, with these very patients; None for one member.
    """

    measure: Measure
    members: tuple[float | None, ...]
    over_seeds: Interval | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How one figure of two groups differs.

    Attributes:
        name: of the figure.
        value: second minus first; None where it is undefined for one of the two.
        interval: over patients, with these very trainings.
        reason: why value or interval is missing.
        p: two-sided p-value over patients.
        adjusted_p: after Holm, over all differences of this figure at this level that are shown together.
        over_seeds: interval over trainings, with these very patients; None without two seeds on either side.
    """

    name: str
    value: float | None
    interval: Interval | None = None
    reason: str | None = None
    p: float | None = None
    adjusted_p: float | None = None
    over_seeds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second model, or group, differs from a first one.

    Attributes:
        first: its name.
        second: its name.
        level: "slice" or "scan".
        finding: a name from scan.terms, or "pooled".
        cases: that all models answered.
        left_out: cases that only some of them answered.
        differences: second minus first; thresholds are those of each package's rule. Above 0 the second is better, but
            for the figures in `LOWER_IS_BETTER`.
    """

    first: str
    second: str
    level: str
    finding: str
    cases: int
    left_out: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Groups at one level and finding, on the cases that all of them answered.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms, or "pooled".
        findings: what is pooled; the finding itself otherwise.
        cases: how many.
        groups: (name, its figures) of every group that answers the finding.
        comparisons: of the first group with each other one; none when the first does not answer the finding.
    """

    level: str
    finding: str
    findings: tuple[str, ...]
    cases: int
    groups: tuple[tuple[str, tuple[Mean, ...]], ...]
    comparisons: tuple[Comparison, ...]
