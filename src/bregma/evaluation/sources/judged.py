"""What judging one source, and comparing two, found: records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bregma.evaluation.comparison import Difference
from bregma.evaluation.decision_curve import NetBenefit
from bregma.evaluation.false_alerts import Day
from bregma.evaluation.levels import Level
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import Counts
from bregma.evaluation.murphy import BrierParts
from bregma.evaluation.operating_points import Chosen


@dataclass(frozen=True, slots=True)
class SubgroupFigures:
    """A source on some of the cases.

    Attributes:
        fact: by which they are grouped.
        name: which group.
        counts: confusion table.
        measures: as for all cases.
        warnings: figures that rest on too few cases to say much.
    """

    fact: str
    name: str
    counts: Counts
    measures: tuple[Measure, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graded:
    """What more there is of a source that gives probabilities.

    Attributes:
        brier: parts of the Brier score.
        decisions: net benefit over thresholds.
        chosen: threshold at a stated specificity, then at a stated sensitivity.
        by_site: the same for each site, where sites are known.
    """

    brier: BrierParts | None
    decisions: tuple[NetBenefit, ...]
    chosen: tuple[Chosen, ...]
    by_site: Mapping[str, tuple[Chosen, ...]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One source against the reference.

    Attributes:
        source: who is judged.
        reference: what he was held against, in words; he has no say in it.
        cases: with an answer of his and of the reference.
        unanswered: cases that the reference knows and he did not answer.
        unknown: cases that he answered and the reference does not know.
        independent: whether every case is another patient.
        level: every figure with intervals over patients, curve, bins and histogram, as `bregma evaluate` has them.
        counts: confusion table at his threshold.
        measures: accuracy, recall, specificity, precision, F1, likelihood ratios, predictive values; for a graded
            source AUC, average precision, Brier score, calibration error and log loss too.
        others: the same figures with intervals found in another way.
        graded: None for a source that only says yes and no.
        day: what a day would look like; None unless it was asked for.
        subgroups: broken down by the facts that were asked for.
    """

    source: str
    reference: str
    cases: int
    unanswered: int
    unknown: int
    independent: bool
    level: Level
    counts: Counts
    measures: tuple[Measure, ...]
    others: tuple[Measure, ...]
    graded: Graded | None
    day: Day | None
    subgroups: tuple[SubgroupFigures, ...]

    def measure(self, name: str) -> Measure | None:
        """One figure; None for one that he does not have."""
        return next((one for one in self.measures if one.name == name), None)


@dataclass(frozen=True, slots=True)
class TestedDifference:
    """How one figure of two sources differs.

    Attributes:
        difference: second minus first with its interval, its p-value and that after Holm.
        test: where the p-value comes from.
        discovery_p: after Benjamini and Hochberg.
    """

    difference: Difference
    test: str
    discovery_p: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sources on the cases that both answered.

    Attributes:
        first: the one to compare with.
        second: the one in question.
        reference: what both were held against, in words; neither has a say in it.
        cases: that both answered and the reference knows.
        differences: per figure.
        reason: why there are none.
    """

    first: str
    second: str
    reference: str
    cases: int
    differences: tuple[TestedDifference, ...] = ()
    reason: str | None = None
