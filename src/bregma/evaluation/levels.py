"""Everything measured of one finding at one level: slices, or scans. Letters: N cases, R resamples, M figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.auc_interval import auc_interval
from bregma.evaluation.bootstrap import Statistic, bootstrap, logit_interval, patient_codes, per_patient
from bregma.evaluation.calibration import ReliabilityBin, expected_calibration_error, reliability
from bregma.evaluation.cases import Cases
from bregma.evaluation.curves import Roc, roc_with_band
from bregma.evaluation.figures import OF_SCORES, SPECIFICITY, score_figures
from bregma.evaluation.intervals import Interval
from bregma.evaluation.mean_intervals import mean_intervals
from bregma.evaluation.measure import Measure, resampled, share_over_patients
from bregma.evaluation.metrics import F1, PROPORTIONS, Bools, Counts, Floats, Proportion, count
from bregma.evaluation.shares import shares_of

HISTOGRAM_BINS = 20


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold to measure at.

    Attributes:
        name: "rule", "sensitive", "f1" or another name given in the package.
        threshold: scores at or above it are called positive.
        aim: what it was chosen for, in words.
    """

    name: str
    threshold: float
    aim: str


@dataclass(frozen=True, slots=True)
class PointResult:
    """Figures at one threshold.

    Attributes:
        point: the threshold.
        counts: confusion table.
        measures: accuracy, recall, specificity, precision and F1, in this order.
    """

    point: Point
    counts: Counts
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """Figures of one finding at one level.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms, or "pooled".
        cases: N with a usable truth.
        positives: of them, the finding is there.
        patients: whose cases they are.
        measures: AUC, average precision, Brier score, calibration error, log loss (weighted when six findings are
            pooled), sensitivity at a fixed specificity.
        points: at each threshold.
        roc: the curve with its band; None without positives or negatives.
        calibration: reliability bins.
        histogram: cases by score in bins of equal width: (negatives, positives) each.
    """

    level: str
    finding: str
    cases: int
    positives: int
    patients: int
    measures: tuple[Measure, ...]
    points: tuple[PointResult, ...]
    roc: Roc | None
    calibration: tuple[ReliabilityBin, ...]
    histogram: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The figures of `every_figure`.

    Attributes:
        values: (M,) on the cases as they are; NaN where undefined.
        draws: (R, M) on resampled patients.
    """

    values: Floats
    draws: Floats


def measure_level(
    cases: Cases,
    points: Sequence[Point],
    rng: np.random.Generator,
    *,
    replicates: int,
    specificity: float = SPECIFICITY,
    drawn: Drawn | None = None,
) -> Level:
    """All figures of one level with their intervals, from one set of resamples.

    Args:
        cases: may be empty; then everything is undefined, with the reason.
        points: thresholds to measure at.
        rng: where resamples come from.
        replicates: R.
        specificity: at which sensitivity is read off the curve.
        drawn: of these cases and thresholds, where they are drawn already; from `draw_figures`.
    """
    codes, bins = patient_codes(cases.patients), reliability(cases.scores, cases.truth)
    if drawn is None:
        thresholds = [point.threshold for point in points]
        drawn = draw_figures(cases, codes, thresholds, rng, replicates=replicates, specificity=specificity)
    roc = roc_with_band(cases.scores, cases.truth, codes, rng, replicates=replicates)
    starts = range(len(OF_SCORES), len(drawn.values), len(PROPORTIONS))
    return Level(
        level=cases.level,
        finding=cases.finding,
        cases=len(cases.truth),
        positives=int(cases.truth.sum()),
        patients=len(set(cases.patients)),
        measures=score_measures(cases, codes, drawn, bins, rng),
        points=tuple(point_result(cases, point, codes, drawn, at) for point, at in zip(points, starts, strict=True)),
        roc=roc,
        calibration=bins,
        histogram=_histogram(cases),
    )


def log_loss_name(cases: Cases) -> str:
    """Weighted, as RSNA 2019 did it, it is another figure."""
    return "log_loss" if cases.counts is None else "weighted_log_loss"


def proportions_of(cells: Floats) -> Floats:
    """The five figures of confusion tables.

    Args:
        cells: (R, 4 P) TP, FP, FN, TN of P thresholds side by side.

    Returns:
        (R, 5 P) in the order of `metrics.PROPORTIONS`; NaN where undefined.
    """
    tp, fp, fn, tn = (cells[:, i::4] for i in range(4))
    parts = (tp + tn, tp, tn, tp, 2 * tp)
    wholes = (tp + fp + fn + tn, tp + fn, fp + tn, tp + fp, 2 * tp + fp + fn)
    shares = [np.divide(p, w, out=np.full(p.shape, np.nan), where=w > 0) for p, w in zip(parts, wholes, strict=True)]
    return np.stack(shares, axis=2).reshape(len(cells), -1)


def every_figure(
    cases: Cases, codes: NDArray[np.intp], thresholds: Sequence[float], *, specificity: float
) -> Statistic:
    """Weights (R, P) -> (R, 5 + 5 T): the figures of `OF_SCORES`, then those of `PROPORTIONS` at each of T thresholds.

    Args:
        cases: N, may be empty.
        codes: (N,) patient of each case.
        thresholds: scores at or above one are called positive.
        specificity: at which the sensitivity is read.
    """
    of_scores = score_figures(cases, codes, specificity=specificity)
    shares = proportion_figures(cases, codes, thresholds)
    return lambda weights: np.hstack([of_scores(weights), shares(weights)])


def proportion_figures(cases: Cases, codes: NDArray[np.intp], thresholds: Sequence[float]) -> Statistic:
    """Weights (R, P) -> (R, 5 T): the figures of `PROPORTIONS` at each of T thresholds; arguments as above."""
    sums = per_patient(confusion_cells(cases.scores, cases.truth, thresholds), codes)
    return lambda weights: proportions_of(weights @ sums)


def draw_figures(
    cases: Cases,
    codes: NDArray[np.intp],
    thresholds: Sequence[float],
    rng: np.random.Generator,
    *,
    replicates: int,
    specificity: float,
) -> Drawn:
    """Those of `OF_SCORES`, then five per threshold, from one set of resamples.

    Args:
        cases: N, may be empty.
        codes: (N,) patient of each case.
        thresholds: scores at or above one are called positive.
        rng: where resamples come from.
        replicates: R.
        specificity: at which the sensitivity is read.
    """
    figures = every_figure(cases, codes, thresholds, specificity=specificity)
    values = figures(np.ones((1, int(codes.max(initial=-1)) + 1)))[0]
    if len(codes) == 0:
        return Drawn(values, np.full((1, len(values)), np.nan))
    return Drawn(values, bootstrap(figures, codes, rng, replicates=replicates))


def confusion_cells(scores: Floats, truth: Bools, thresholds: Sequence[float]) -> Floats:
    """(N, 4 P) in which cell of the confusion table each case falls at each of P thresholds, as 0 and 1."""
    columns: list[Bools] = []
    for threshold in thresholds:
        called = scores >= threshold
        columns += [called & truth, called & ~truth, ~called & truth, ~called & ~truth]
    return np.stack(columns, axis=1).astype(np.float64) if columns else np.zeros((len(scores), 0))


def score_measures(
    cases: Cases,
    codes: NDArray[np.intp],
    drawn: Drawn,
    bins: tuple[ReliabilityBin, ...],
    rng: np.random.Generator,
) -> tuple[Measure, ...]:
    """The figures that need no threshold, each with the interval that fits it (docs/decisions/0010-intervals.md).

    Args:
        cases: may be empty.
        codes: (N,) patient of each case.
        drawn: from `draw_figures`, of these cases.
        bins: of their reliability.
        rng: where further resamples come from.
    """
    both, no_case = "it needs a positive and a negative case", "there is no case"
    names = ("auc", "average_precision", "brier", log_loss_name(cases), OF_SCORES[-1])
    unless = (both, "there is no positive case", no_case, no_case, both)
    given = [
        resampled(name, drawn.values[i], drawn.draws[:, i], unless=why)
        for i, (name, why) in enumerate(zip(names, unless, strict=True))
    ]
    better: tuple[Interval | None, ...] = (
        auc_interval(cases.scores, cases.truth, codes),
        logit_interval(float(drawn.values[1]), drawn.draws[:, 1]),
        *mean_intervals(cases, codes, rng, replicates=len(drawn.draws)),
    )
    auc, *measured = [
        Measure(one.name, one.value, interval) if interval and one.value is not None else one
        for one, interval in zip_longest(given, better)
    ]
    return (auc, *measured[:2], _calibration_error(bins), *measured[2:])


def point_result(cases: Cases, point: Point, codes: NDArray[np.intp], drawn: Drawn, at: int) -> PointResult:
    """The figures at one threshold, which begin at place `at` of those drawn; arguments as of `score_measures`."""
    called = cases.scores >= point.threshold
    counts = count(called, cases.truth)
    if len(np.unique(codes)) == len(codes):
        return PointResult(point, counts, tuple(shares_of(counts)))
    measures = [
        proportion_measure(figure, float(value), draws, whole_of(figure, called, cases.truth), codes=codes)
        for figure, value, draws in zip(PROPORTIONS, drawn.values[at:], drawn.draws.T[at:], strict=False)
    ]
    return PointResult(point, counts, tuple(measures))


def proportion_measure(
    figure: Proportion, value: float, draws: Floats, counted: Bools, *, codes: NDArray[np.intp]
) -> Measure:
    """A figure of the confusion table with its interval over patients.

    Args:
        figure: which.
        value: on the cases as they are; NaN where they do not define it.
        draws: (R,) on resampled patients.
        counted: (N,) from `whole_of`.
        codes: (N,) patient of each case.
    """
    if figure is F1:
        return resampled(figure.name, value, draws, unless=figure.unless)
    return share_over_patients(figure.name, value, draws, counted=counted, codes=codes, unless=figure.unless)


def whole_of(figure: Proportion, called: Bools, truth: Bools) -> Bools:
    """(N,) the cases that a figure is a share of."""
    wholes = {"recall": truth, "specificity": ~truth, "precision": called}
    return wholes.get(figure.name, np.ones(len(truth), dtype=bool))


def _calibration_error(bins: tuple[ReliabilityBin, ...]) -> Measure:
    value = expected_calibration_error(bins)
    reason = (
        "calibration error is undefined: there is no case" if value is None else "bins have intervals, their sum not"
    )
    return Measure("calibration_error", value, reason=reason)


def _histogram(cases: Cases) -> tuple[tuple[int, int], ...]:
    place = np.minimum((cases.scores * HISTOGRAM_BINS).astype(np.intp), HISTOGRAM_BINS - 1)
    negatives = np.bincount(place[~cases.truth], minlength=HISTOGRAM_BINS)
    positives = np.bincount(place[cases.truth], minlength=HISTOGRAM_BINS)
    return tuple((int(n), int(p)) for n, p in zip(negatives, positives, strict=True))
