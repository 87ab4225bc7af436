"""Figures of merit of one reader under one treatment. Letters: K cases, W weightings of them.

A figure is computed under weights, how often each case counts, so that the jackknife (each case left out once) and the
bootstrap (cases drawn again) are one product and not a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.ranking import rank
from bregma.scan.errors import RequestError, did_you_mean

Weighted = Callable[[Floats, Bools, Floats], Floats]
"""(K,) ratings, (K,) truth, (W, K) weights -> (W,) figures in [0, 1]; NaN where the weights do not define them."""

AUC = "auc"


@dataclass(frozen=True, slots=True)
class Merit:
    """How well one reader reads.

    Attributes:
        name: "auc", "sensitivity", "specificity" or "accuracy".
        threshold: a case is called positive at this rating and above; None for the AUC, which needs none.
        of: the figure under weights.
        counts: (K,) truth -> (K,) which cases it looks at.
    """

    name: str
    threshold: float | None
    of: Weighted
    counts: Callable[[Bools], Bools]

    @property
    def title(self) -> str:
        """Such as "sensitivity at rating >= 3"."""
        return "empirical AUC" if self.threshold is None else f"{self.name} at rating >= {self.threshold:g}"


def auc() -> Merit:
    """The area under the empirical (trapezoidal) ROC curve, ties counting half (Hanley and McNeil 1982)."""
    return Merit(AUC, None, lambda ratings, truth, weights: rank(ratings, truth).auc(weights), np.ones_like)


def sensitivity(threshold: float) -> Merit:
    """Share of the positives that are called positive."""
    return _share("sensitivity", threshold, lambda called: called, lambda truth: truth)


def specificity(threshold: float) -> Merit:
    """Share of the negatives that are called negative."""
    return _share("specificity", threshold, lambda called: ~called, lambda truth: ~truth)


def accuracy(threshold: float) -> Merit:
    """Share of the cases that are called what they are."""
    return Merit("accuracy", threshold, _weighted(lambda ratings, truth: (ratings >= threshold) == truth), np.ones_like)


THRESHOLDED = {"sensitivity": sensitivity, "specificity": specificity, "accuracy": accuracy}
"""By name; each needs a threshold."""


def merit_named(name: str, threshold: float | None) -> Merit:
    """A figure of merit by name.

    Args:
        name: "auc" or one of `THRESHOLDED`.
        threshold: for those that need one.

    Raises:
        RequestError: there is no such figure, or a threshold is missing or too many.
    """
    if name == AUC:
        if threshold is not None:
            raise RequestError(f"the AUC looks at all ratings; leave the threshold {threshold:g} out")
        return auc()
    if name not in THRESHOLDED:
        raise RequestError(f"there is no figure of merit {name!r}{did_you_mean(name, (AUC, *THRESHOLDED))}")
    if threshold is None:
        raise RequestError(f"{name} needs a threshold: the least rating that counts as positive")
    return THRESHOLDED[name](threshold)


def _share(name: str, threshold: float, right: Callable[[Bools], Bools], counts: Callable[[Bools], Bools]) -> Merit:
    """The share of right calls among the cases that count."""

    def weighted(ratings: Floats, truth: Bools, weights: Floats) -> Floats:
        there = counts(truth)
        return _weighted(lambda rated, _: right(rated >= threshold))(ratings[there], truth[there], weights[:, there])

    return Merit(name, threshold, weighted, counts)


def _weighted(right: Callable[[Floats, Bools], Bools]) -> Weighted:
    def share(ratings: Floats, truth: Bools, weights: Floats) -> Floats:
        upper, lower = weights @ right(ratings, truth).astype(np.float64), weights.sum(axis=1)
        shares: Floats = np.divide(upper, lower, out=np.full(len(weights), np.nan), where=lower > 0)
        return shares

    return share
