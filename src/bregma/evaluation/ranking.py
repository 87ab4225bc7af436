"""Figures of a score against the truth that need no threshold: ROC area, average precision and their curves.

Letters: N cases, R resamples. Weights say how often a case was drawn; they are (R, N), in the order of the cases.
Ties are honest: a positive and a negative with the same score are half a win, and a curve never steps inside a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.metrics import Bools, Floats

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scores sorted once, so that thousands of resamples only sum. Make it with `rank`.

    Attributes:
        positives: indices of the positive cases.
        negatives: indices of the negative cases, lowest score first.
        below: for each positive, how many negatives score lower.
        not_above: for each positive, how many negatives score lower or the same.
        descending: indices of all cases, highest score first.
        ends: places in `descending` at which a run of equal scores ends.
        is_positive: (N,) as float, in the order `descending`.
        thresholds: the score of each run, highest first.
    """

    positives: Indices
    negatives: Indices
    below: Indices
    not_above: Indices
    descending: Indices
    ends: Indices
    is_positive: Floats
    thresholds: Floats

    @property
    def cases(self) -> int:
        """N."""
        return len(self.descending)

    def auc(self, weights: Floats | None = None) -> Floats:
        """Chance that a positive case scores above a negative one (Hanley and McNeil 1982), ties counting half.

        Args:
            weights: (R, N); None for every case once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive or no negative.
        """
        drawn = np.ones((1, self.cases)) if weights is None else weights
        lower = np.zeros((len(drawn), len(self.negatives) + 1))
        np.cumsum(drawn[:, self.negatives], axis=1, out=lower[:, 1:])
        of_positives = drawn[:, self.positives]
        wins = np.einsum("rp,rp->r", of_positives, lower[:, self.below] + lower[:, self.not_above]) / 2
        return _share(wins, of_positives.sum(axis=1) * lower[:, -1])

    def average_precision(self, weights: Floats | None = None) -> Floats:
        """Mean precision over the positives as the threshold falls: sum of (recall step x precision).

        Args:
            weights: (R, N); None for every case once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive.
        """
        hits, called = self._cumulated(weights)
        precision = _share(hits, called, empty=0.0)
        steps = np.diff(hits, axis=1, prepend=0.0)
        return _share((steps * precision).sum(axis=1), hits[:, -1:].sum(axis=1))

    def roc(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """False positive rate and recall as the threshold falls from above the highest score.

        Returns:
            two arrays (R, T + 1) for T different scores, both from 0 to 1; NaN without negatives or positives.
        """
        hits, called = self._cumulated(weights)
        false = called - hits
        start = np.zeros((len(hits), 1))
        recall = np.hstack([start, _share(hits, hits[:, -1:])])
        return np.hstack([start, _share(false, false[:, -1:])]), recall

    def _cumulated(self, weights: Floats | None) -> tuple[Floats, Floats]:
        drawn = np.ones((1, self.cases)) if weights is None else weights
        ordered = drawn[:, self.descending]
        called = np.cumsum(ordered, axis=1)[:, self.ends]
        ordered *= self.is_positive
        return np.cumsum(ordered, axis=1)[:, self.ends], called


def rank(scores: Floats, truth: Bools) -> Ranking:
    """Sort N scores once.

    Args:
        scores: (N,) any finite numbers, higher for more suspicious.
        truth: (N,) whether the finding is there.

    Raises:
        ValueError: when lengths differ or a score is NaN or infinite.
    """
    scores, truth = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    if scores.shape != truth.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} against truth {truth.shape}; expected one score per case")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite numbers")
    order = np.argsort(scores, kind="stable")
    negatives = order[~truth[order]]
    positives = order[truth[order]]
    descending = order[::-1]
    falling = scores[descending]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], np.ones(min(len(falling), 1), dtype=bool)))
    return Ranking(
        positives=positives,
        negatives=negatives,
        below=np.searchsorted(scores[negatives], scores[positives], side="left"),
        not_above=np.searchsorted(scores[negatives], scores[positives], side="right"),
        descending=descending,
        ends=ends,
        is_positive=truth[descending].astype(np.float64),
        thresholds=falling[ends],
    )


def _share(part: Floats, whole: Floats, *, empty: float = np.nan) -> Floats:
    """Part / whole, and `empty` where whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)
    return shares
