"""What a working day with alerts would look like: how many, how many of them false, how many bleeds missed."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.evaluation.intervals import Interval, wilson
from bregma.evaluation.measure import Measure
from bregma.evaluation.metrics import RECALL, SPECIFICITY, Counts, why_undefined
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class Day:
    """Expected numbers per day.

    Attributes:
        scans: read per day.
        prevalence: share of them with the finding.
        measures: true alerts, false alerts, missed.
    """

    scans: float
    prevalence: float
    measures: tuple[Measure, ...]


def expected_day(counts: Counts, *, scans: float, prevalence: float) -> Day:
    """Recall and specificity of a study carried to a stated volume and prevalence; Wilson's intervals with them.

    Args:
        counts: of independent cases.
        scans: per day, more than 0.
        prevalence: share of them with the finding, 0 to 1.

    Raises:
        RequestError: volume or prevalence is no such number.
    """
    if scans <= 0 or not 0.0 <= prevalence <= 1.0:
        raise RequestError(
            f"{scans:g} scans a day of which a share of {prevalence:g} has the finding; expected more than 0 scans "
            "and a share from 0 to 1"
        )
    sick, healthy = scans * prevalence, scans * (1.0 - prevalence)
    recall, specificity = RECALL.of(counts), SPECIFICITY.of(counts)
    measures = (
        _number("true_alerts", recall, (counts.tp, counts.positives), sick, why_undefined(RECALL, counts)),
        _number(
            "false_alerts",
            None if specificity is None else 1.0 - specificity,
            (counts.fp, counts.negatives),
            healthy,
            why_undefined(SPECIFICITY, counts),
        ),
        _number(
            "missed",
            None if recall is None else 1.0 - recall,
            (counts.fn, counts.positives),
            sick,
            why_undefined(RECALL, counts),
        ),
    )
    return Day(scans, prevalence, measures)


def _number(name: str, share: float | None, of: tuple[float, float], times: float, reason: str | None) -> Measure:
    if share is None:
        return Measure(name, None, reason=reason)
    ends = wilson(*of)
    return Measure(name, share * times, Interval(ends.low * times, ends.high * times, ends.method))
