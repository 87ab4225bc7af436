"""Figures of a yes-or-no call against the truth, from the four counts of its confusion table.

A figure that the counts do not define (recall without a positive case) is None, never 0 or 1; `why_undefined` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """A confusion table. Counts are whole for cases, and may be fractions under weights.

    Attributes:
        tp: positive and called positive.
        fp: negative, called positive.
        fn: positive, called negative.
        tn: negative and called negative.
    """

    tp: float
    fp: float
    fn: float
    tn: float

    def __post_init__(self) -> None:
        if min(self.tp, self.fp, self.fn, self.tn) < 0:
            raise ValueError(f"{self} has a count below 0")

    @property
    def cases(self) -> float:
        """All cases."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def positives(self) -> float:
        """Cases in which the finding is there."""
        return self.tp + self.fn

    @property
    def negatives(self) -> float:
        """Cases in which it is not."""
        return self.fp + self.tn


def count(called: Bools, truth: Bools) -> Counts:
    """The confusion table of N calls.

    Args:
        called: (N,) what was said.
        truth: (N,) what is so.

    Raises:
        ValueError: when the two are not of one length.
    """
    if called.shape != truth.shape:
        raise ValueError(f"{called.shape} calls against {truth.shape} truths; expected one call per case")
    yes, there = np.asarray(called, dtype=bool), np.asarray(truth, dtype=bool)
    cells = (yes & there, yes & ~there, ~yes & there, ~yes & ~there)
    return Counts(*(int(cell.sum()) for cell in cells))


@dataclass(frozen=True, slots=True)
class Proportion:
    """A figure of the confusion table: so many of so many.

    Attributes:
        name: as it stands in tables and JSON.
        part: what is counted.
        whole: out of what; the figure is undefined where this is 0.
        unless: why it is undefined, in words.
    """

    name: str
    part: Callable[[Counts], float]
    whole: Callable[[Counts], float]
    unless: str

    def of(self, counts: Counts) -> float | None:
        """The figure in [0, 1]; None where the counts do not define it."""
        whole = self.whole(counts)
        return self.part(counts) / whole if whole > 0 else None


ACCURACY = Proportion("accuracy", lambda c: c.tp + c.tn, lambda c: c.cases, "there is no case")
RECALL = Proportion("recall", lambda c: c.tp, lambda c: c.positives, "there is no positive case")
SPECIFICITY = Proportion("specificity", lambda c: c.tn, lambda c: c.negatives, "there is no negative case")
PRECISION = Proportion("precision", lambda c: c.tp, lambda c: c.tp + c.fp, "nothing was called positive")
F1 = Proportion(
    "f1",
    lambda c: 2 * c.tp,
    lambda c: 2 * c.tp + c.fp + c.fn,
    "there is no positive case and nothing was called positive",
)
"""Not a share of independent cases (a hit counts twice), so Wilson's interval is not for it."""

PROPORTIONS = (ACCURACY, RECALL, SPECIFICITY, PRECISION, F1)
"""The five figures of RADnet's tables, in the order in which they are printed."""


def why_undefined(figure: Proportion, counts: Counts) -> str | None:
    """One sentence for a figure that the counts do not define; None for one that they do."""
    return None if figure.whole(counts) > 0 else f"{figure.name} is undefined: {figure.unless}"
