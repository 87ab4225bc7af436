"""Thresholds, chosen on validation data and carried in the package.

A score at or above the threshold is positive. Thresholds lie half-way between two neighbouring scores, so that the last
digit of another machine's arithmetic does not move a case across.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bregma.scan.errors import RequestError

SPECIFICITY = 0.9
"""The specificity at which the sensitive point is chosen, unless a recipe says otherwise."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One threshold, why it was chosen, and how it did where it was chosen.

    Attributes:
        name: "sensitive" (highest sensitivity at a stated specificity) or "f1" (highest F1).
        level: "slice" or "scan".
        finding: a name from scan.terms.
        threshold: scores at or above it are positive.
        sensitivity: share of positives found on the validation data.
        specificity: share of negatives left alone there.
        precision: share of calls that were right there; None when there was no call.
        aim: what it was chosen for, in words.
    """

    name: str
    level: str
    finding: str
    threshold: float
    sensitivity: float
    specificity: float
    precision: float | None
    aim: str


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Counts at every threshold, from the highest to the lowest."""

    thresholds: NDArray[np.float64]
    hits: NDArray[np.float64]
    alarms: NDArray[np.float64]
    positives: int
    negatives: int

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of positives called, per threshold."""
        return self.hits / self.positives

    @property
    def specificity(self) -> NDArray[np.float64]:
        """Share of negatives left alone, per threshold."""
        return 1.0 - self.alarms / self.negatives

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and sensitivity, per threshold."""
        return 2 * self.hits / (self.hits + self.alarms + self.positives)

    def point(self, at: int, *, name: str, level: str, finding: str, aim: str) -> OperatingPoint:
        """One threshold as a record."""
        calls = self.hits[at] + self.alarms[at]
        return OperatingPoint(
            name=name,
            level=level,
            finding=finding,
            threshold=float(self.thresholds[at]),
            sensitivity=float(self.sensitivity[at]),
            specificity=float(self.specificity[at]),
            precision=float(self.hits[at] / calls) if calls else None,
            aim=aim,
        )


def choose_operating_points(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    level: str,
    finding: str = "any",
    specificity: float = SPECIFICITY,
) -> tuple[OperatingPoint, OperatingPoint]:
    """The sensitive point and the F1 point of one level and finding.

    Args:
        scores: (N,) probabilities of slices, or scan scores (`aggregate.scan_score`) of scans.
        labels: (N,) truth; positive from 0.5. Unknown ones are left out by the caller.
        level: "slice" or "scan", as it will be written into the package.
        finding: a name from scan.terms.
        specificity: least specificity of the sensitive point.

    Raises:
        RequestError: there is no positive or no negative, so that nothing can be chosen.
    """
    sensitive = sensitivity_at_specificity(scores, labels, level=level, finding=finding, specificity=specificity)
    return sensitive, f1_point(scores, labels, level=level, finding=finding)


def sensitivity_at_specificity(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    level: str,
    finding: str = "any",
    specificity: float = SPECIFICITY,
) -> OperatingPoint:
    """The highest sensitivity at a specificity of at least the one stated; among equals the highest threshold."""
    if not 0.0 <= specificity <= 1.0:
        raise RequestError(f"specificity is {specificity}; expected a share in [0, 1]")
    sweep = _sweep(scores, labels)
    allowed = np.flatnonzero(sweep.specificity >= specificity - 1e-12)
    best = int(allowed[sweep.sensitivity[allowed].argmax()])
    aim = f"highest sensitivity at a specificity of at least {specificity:.3g}"
    return sweep.point(best, name="sensitive", level=level, finding=finding, aim=aim)


def f1_point(scores: ArrayLike, labels: ArrayLike, *, level: str, finding: str = "any") -> OperatingPoint:
    """The threshold with the highest F1; among equals the highest threshold."""
    sweep = _sweep(scores, labels)
    return sweep.point(int(sweep.f1.argmax()), name="f1", level=level, finding=finding, aim="highest F1")


def _sweep(scores: ArrayLike, labels: ArrayLike) -> _Sweep:
    score = np.asarray(scores, dtype=np.float64).ravel()
    truth = np.asarray(labels, dtype=np.float64).ravel() >= 0.5
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if len(score) != len(truth) or not positives or not negatives:
        raise RequestError(
            f"an operating point needs positives and negatives with a score each; got {positives} positives, "
            f"{negatives} negatives and {len(score)} scores"
        )
    order = np.argsort(-score, kind="stable")
    score, truth = score[order], truth[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    below = np.append(score[last_of_tie[:-1] + 1], 0.0)
    thresholds = np.concatenate([[(score[0] + max(1.0, score[0])) / 2], (score[last_of_tie] + below) / 2])
    thresholds[0] = np.nextafter(score[0], np.inf) if score[0] >= 1.0 else thresholds[0]
    hits = np.concatenate([[0.0], np.cumsum(truth)[last_of_tie]])
    alarms = np.concatenate([[0.0], np.cumsum(~truth)[last_of_tie]])
    return _Sweep(thresholds, hits, alarms, positives, negatives)
