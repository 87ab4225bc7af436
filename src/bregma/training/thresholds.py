"""What a package takes from the validation part: a temperature, the rule's threshold, operating points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration, fit_calibration
from bregma.models.operating_points import OperatingPoint, choose_operating_points
from bregma.training.cases import Cases, both_kinds, cases_of
from bregma.training.recipe import Recipe
from bregma.training.sampling import TrainingScan
from bregma.training.validation import Answers

SURE = 1e-6
"""Scan scores are kept this far from 0 and 1 when a temperature is fitted on them: float32 knows no surer ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen, and the cases it was chosen on.

    Attributes:
        calibration: one temperature for all findings.
        fitted_on: slices; scans where no slices of both kinds are known; nothing where no scans are either.
        rule: with its threshold.
        points: of every finding and level that has both kinds of cases.
        cases: of each finding, scores calibrated.
    """

    calibration: Calibration
    fitted_on: Literal["slices", "scans", "nothing"]
    rule: Rule
    points: tuple[OperatingPoint, ...]
    cases: tuple[Cases, ...]

    def point(self, name: str, level: str, finding: str) -> OperatingPoint | None:
        """The point of that name, level and finding; None when there is none."""
        sought = (name, level, finding)
        return next((one for one in self.points if (one.name, one.level, one.finding) == sought), None)


def choose(answers: Answers, scans: Sequence[TrainingScan], records: Sequence[ScanRecord], recipe: Recipe) -> Choice:
    """Temperature and rule threshold from the first finding, operating points for all.

    The rule's threshold is that of the first finding's point of scans that the recipe names. Without both kinds of
    scans it is 0.5.
    """
    settings = recipe.rule
    rule = Rule(settings.run_slices, settings.run_mm)
    calibration, fitted_on = _calibrate(cases_of(answers.logits, scans, records, rule))
    cases = tuple(
        cases_of(answers.logits, scans, records, rule, calibration=calibration, finding=column)
        for column in range(len(recipe.findings))
    )
    points = tuple(
        point
        for one, finding in zip(cases, recipe.findings, strict=True)
        for point in _points(one, calibration, finding, settings.specificity)
    )
    chosen = Choice(calibration, fitted_on, rule, points, cases)
    best = chosen.point(settings.point, "scan", recipe.findings[0])
    if best is None:
        return chosen
    rule = Rule(settings.run_slices, settings.run_mm, threshold=max(best.threshold, 1e-6))
    return Choice(calibration, fitted_on, rule, points, cases)


def _calibrate(raw: Cases) -> tuple[Calibration, Literal["slices", "scans", "nothing"]]:
    """One temperature. A scan's score is one of its slices' probabilities, so it can be fitted on scans as well."""
    if both_kinds(raw.slice_truth):
        return fit_calibration(raw.slice_logits, raw.slice_truth), "slices"
    if both_kinds(raw.scan_truth):
        score = np.clip(raw.scan_scores, SURE, 1 - SURE)
        return fit_calibration(np.log(score / (1 - score)), raw.scan_truth), "scans"
    return Calibration(), "nothing"


def _points(cases: Cases, calibration: Calibration, finding: str, specificity: float) -> Iterator[OperatingPoint]:
    """Both points of each level where there is something to choose."""
    slices = calibration.probabilities(cases.slice_logits)
    for level, scores, truth in (
        ("slice", slices, cases.slice_truth),
        ("scan", cases.scan_scores, cases.scan_truth),
    ):
        if both_kinds(truth):
            yield from choose_operating_points(scores, truth, level=level, finding=finding, specificity=specificity)
