"""Figures of a score against the truth that need no threshold: ROC area, average precision and the curve.

Letters: N cases, P patients, R resamples, T different scores. Weights are (R, P): how often each patient was drawn,
with all of his cases. Ties are honest: a positive and a negative with the same score are half a win, and a curve never
steps inside a tie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.metrics import Bools, Floats

Indices = NDArray[np.intp]
Whole = NDArray[np.int32]
"""How many cases: summed and gathered several times faster than floats, and exact."""
_LAST_DIGITS = 1e-12
"""A specificity of exactly the one asked for is enough, whatever the last digit of a division says."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scores sorted once, so that thousands of resamples only sum. Make it with `rank`.

    Attributes:
        patients: P.
        positives: patient of each positive case, lowest score first.
        negatives: patient of each negative case, lowest score first.
        below: for each positive, how many negatives score lower.
        not_above: for each positive, how many negatives score lower or the same.
        positives_below: for each positive, how many positives score lower.
        thresholds: the different scores, highest first.
        positives_under: for each place of the curve, how many positives score lower than its threshold: first all, as
            nobody is called there, then for each of `thresholds`.
        negatives_under: the same of the negatives.
    """

    patients: int
    positives: Indices
    negatives: Indices
    below: Indices
    not_above: Indices
    positives_below: Indices
    thresholds: Floats
    positives_under: Indices
    negatives_under: Indices

    @property
    def cases(self) -> int:
        """N."""
        return len(self.positives) + len(self.negatives)

    def auc(self, weights: Floats | None = None) -> Floats:
        """Chance that a positive case scores above a negative one (Hanley and McNeil 1982), ties counting half.

        Args:
            weights: (R, P); None for every patient once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive or no negative.
        """
        drawn = self._drawn(weights)
        return self._auc(_gathered(drawn, self.positives), _lower(drawn, self.negatives))

    def average_precision(self, weights: Floats | None = None) -> Floats:
        """Mean precision over the positives, each at its own score: sum of (recall step x precision).

        Args:
            weights: (R, P); None for every patient once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive.
        """
        drawn = self._drawn(weights)
        of_positives = _gathered(drawn, self.positives)
        return self._average_precision(of_positives, _lower(drawn, self.negatives), _sums_before(of_positives))

    def both(self, weights: Floats | None = None) -> Floats:
        """(R, 2) ROC area and average precision for little more than the price of one."""
        drawn = self._drawn(weights)
        of_positives, lower = _gathered(drawn, self.positives), _lower(drawn, self.negatives)
        precision = self._average_precision(of_positives, lower, _sums_before(of_positives))
        return np.stack([self._auc(of_positives, lower), precision], axis=1)

    def both_and_sensitivity(self, specificity: float, weights: Floats | None = None) -> Floats:
        """(R, 3) ROC area, average precision and `sensitivity`, from one pass over the cases."""
        drawn = self._drawn(weights)
        of_positives, lower = _gathered(drawn, self.positives), _lower(drawn, self.negatives)
        fewer = _sums_before(of_positives)
        return np.stack(
            [
                self._auc(of_positives, lower),
                self._average_precision(of_positives, lower, fewer),
                self._sensitivity(specificity, fewer, lower),
            ],
            axis=1,
        )

    def sensitivity(self, specificity: float, weights: Floats | None = None) -> Floats:
        """The highest sensitivity that leaves at least so many negatives alone; each resample picks its own threshold.

        Args:
            specificity: least share of negatives left alone, 0 to 1.
            weights: (R, P); None for every patient once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive or no negative.
        """
        drawn = self._drawn(weights)
        return self._sensitivity(specificity, _lower(drawn, self.positives), _lower(drawn, self.negatives))

    def specificity(self, sensitivity: float, weights: Floats | None = None) -> Floats:
        """The highest specificity that still finds so many positives; each resample picks its own threshold.

        Args:
            sensitivity: least share of positives found, 0 to 1.
            weights: (R, P); None for every patient once.

        Returns:
            (R,) in [0, 1]; NaN where a resample has no positive or no negative.
        """
        drawn = self._drawn(weights)
        positives, negatives = _lower(drawn, self.positives), _lower(drawn, self.negatives)
        # recall rises with the place, so the first place with enough of it has the fewest false alarms
        recall, false = _rates(positives, self.positives_under), _rates(negatives, self.negatives_under)
        enough = _first(lambda places: recall(places) >= sensitivity - _LAST_DIGITS, len(drawn), len(self.thresholds))
        return _known(1.0 - false(enough), positives, negatives)

    def roc(self, weights: Floats | None = None, *, at: Indices | None = None) -> tuple[Floats, Floats]:
        """False positive rate and recall as the threshold falls from above the highest score.

        Args:
            weights: (R, P); None for every patient once.
            at: places in `thresholds` to stop at, rising; all when None.

        Returns:
            two arrays (R, T + 1), both from 0 to 1; NaN without negatives or positives.
        """
        drawn, chosen = self._drawn(weights), slice(None) if at is None else at
        rates = []
        for cases, under in ((self.negatives, self.negatives_under), (self.positives, self.positives_under)):
            lower = _lower(drawn, cases)
            called = lower[:, -1:] - _gathered(lower, under[1:][chosen])
            rates.append(np.hstack([np.zeros((len(drawn), 1)), _share(called, lower[:, -1:])]))
        return rates[0], rates[1]

    def _drawn(self, weights: Floats | None) -> Whole:
        return np.ones((1, self.patients), dtype=np.int32) if weights is None else weights.astype(np.int32)

    def _auc(self, of_positives: Whole, lower: Whole) -> Floats:
        twice = _gathered(lower, self.below) + _gathered(lower, self.not_above)
        wins = np.einsum("rp,rp->r", of_positives, twice, dtype=np.float64) / 2
        return _share(wins, of_positives.sum(axis=1) * lower[:, -1].astype(np.float64))

    def _sensitivity(self, specificity: float, fewer: Whole, lower: Whole) -> Floats:
        # false alarms rise with the place, and recall too: the last place with few enough of them is the best
        allowed = 1.0 - specificity + _LAST_DIGITS
        recall, false = _rates(fewer, self.positives_under), _rates(lower, self.negatives_under)
        too_many = _first(lambda places: ~(false(places) <= allowed), len(lower), len(self.thresholds) + 1)
        return _known(recall(too_many - 1), fewer, lower)

    def _average_precision(self, of_positives: Whole, lower: Whole, fewer: Whole) -> Floats:
        hits = fewer[:, -1:] - _gathered(fewer, self.positives_below)
        alarms = lower[:, -1:] - _gathered(lower, self.below)
        precision = _share(hits, hits + alarms, empty=0.0)
        return _share(np.einsum("rp,rp->r", of_positives, precision), fewer[:, -1])


def rank(scores: Floats, truth: Bools, codes: Indices | None = None) -> Ranking:
    """Sort N scores once.

    Args:
        scores: (N,) any finite numbers, higher for more suspicious.
        truth: (N,) whether the finding is there.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`; None when every case has one of its own.

    Raises:
        ValueError: when lengths differ or a score is NaN or infinite.
    """
    scores, truth = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    patient = np.arange(len(scores)) if codes is None else codes
    if scores.shape != truth.shape or scores.ndim != 1 or patient.shape != scores.shape:
        raise ValueError(f"scores {scores.shape} against truth {truth.shape}; expected one score per case")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite numbers")
    order = np.argsort(scores, kind="stable")
    of_positives, of_negatives = scores[order[truth[order]]], scores[order[~truth[order]]]
    thresholds = np.unique(scores)[::-1]
    return Ranking(
        patients=int(patient.max(initial=-1)) + 1,
        positives=patient[order[truth[order]]],
        negatives=patient[order[~truth[order]]],
        below=np.searchsorted(of_negatives, of_positives, side="left"),
        not_above=np.searchsorted(of_negatives, of_positives, side="right"),
        positives_below=np.searchsorted(of_positives, of_positives, side="left"),
        thresholds=thresholds,
        positives_under=np.append(len(of_positives), np.searchsorted(of_positives, thresholds, side="left")),
        negatives_under=np.append(len(of_negatives), np.searchsorted(of_negatives, thresholds, side="left")),
    )


def _lower(drawn: Whole, cases: Indices) -> Whole:
    """(R, n + 1) how many drawn cases come before each of n sorted ones, and all of them."""
    return _sums_before(_gathered(drawn, cases))


def _sums_before(counts: Whole) -> Whole:
    """(R, n + 1) sum of the (R, n) counts before each place, and of all."""
    sums = np.zeros((len(counts), counts.shape[1] + 1), dtype=np.int32)
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums


def _gathered(rows: Whole, places: Indices) -> Whole:
    """(R, n) of each row the numbers at n places."""
    # "clip" leaves out a second look at every place; none lies outside
    found: Whole = np.take(rows, places, axis=1, mode="clip")
    return found


def _rates(lower: Whole, under: Indices) -> Callable[[Indices], Floats]:
    """(R,) places of the curve -> (R,) share of the drawn cases that is called there; place 0 calls nobody.

    Args:
        lower: (R, n + 1) from `_lower`.
        under: for each place, how many cases score lower.
    """
    whole, rows = lower[:, -1], np.arange(len(lower))
    return lambda places: _share(whole - lower[rows, under[places]], whole)


def _first(holds: Callable[[Indices], Bools], rows: int, end: int) -> Indices:
    """(R,) the first place, 0 to `end`, at which each row holds, by halving; `end` where none before does.

    Args:
        holds: (R,) places -> whether; once it does, it does at every later place.
        rows: R.
        end: the last place, at which nothing is asked.
    """
    low, high = np.zeros(rows, dtype=np.intp), np.full(rows, end, dtype=np.intp)
    while (low < high).any():
        middle = (low + high) // 2
        there = holds(np.minimum(middle, end - 1))
        still = low < high
        low, high = np.where(still & ~there, middle + 1, low), np.where(still & there, middle, high)
    return low


def _known(figures: Floats, positives: Whole, negatives: Whole) -> Floats:
    """The figures, and NaN where a resample drew no positive or no negative."""
    known: Floats = np.where((positives[:, -1] > 0) & (negatives[:, -1] > 0), figures, np.nan)
    return known


def _share(part: Floats | Whole, whole: Floats | Whole, *, empty: float = np.nan) -> Floats:
    """Part / whole, and `empty` where whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)
    return shares
