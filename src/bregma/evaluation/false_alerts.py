"""What a working day with alerts would look like: how many, how many of them false, how many bleeds missed."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.evaluation.intervals import Interval
from bregma.evaluation.measure import Measure
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


def expected_day(recall: Measure, specificity: Measure, *, scans: float, prevalence: float) -> Day:
    """Recall and specificity of a study, with their intervals, carried to a stated volume and prevalence.

    Args:
        recall: share of positive cases that are called.
        specificity: share of negative cases that are not.
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
    measures = (
        _number("true_alerts", recall, sick),
        _number("false_alerts", _rest(specificity), healthy),
        _number("missed", _rest(recall), sick),
    )
    return Day(scans, prevalence, measures)


def _rest(share: Measure) -> Measure:
    """What is left of 1."""
    ends = share.interval
    turned = None if ends is None else Interval(1.0 - ends.high, 1.0 - ends.low, ends.method)
    return Measure(share.name, None if share.value is None else 1.0 - share.value, turned, share.reason)


def _number(name: str, share: Measure, times: float) -> Measure:
    ends = share.interval
    interval = None if ends is None else Interval(ends.low * times, ends.high * times, ends.method)
    return Measure(name, None if share.value is None else share.value * times, interval, share.reason)
