"""Agreement of two measurements of the same things, such as lesion volumes (Bland and Altman 1986, 1999)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bregma.evaluation.intervals import CONFIDENCE, Interval, z_value
from bregma.evaluation.pictures import CALM, INK, QUIET, empty_figure, png_of
from bregma.scan.errors import RequestError

LEAST_PAIRS = 3
_METHOD, _LIMIT_METHOD = "t", "noncentral t"


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Differences of pairs against their means.

    Attributes:
        means: of each pair.
        differences: first less second, of each pair.
        bias: mean difference, with its interval (Student's t).
        limits: between which 95 % of differences lie, each with its exact interval (Carkeet 2015).
        bias_interval: of the bias; None when all differences are the same.
        limit_intervals: of the lower and the upper limit.
    """

    means: tuple[float, ...]
    differences: tuple[float, ...]
    bias: float
    limits: tuple[float, float]
    bias_interval: Interval | None
    limit_intervals: tuple[Interval, Interval] | None


def bland_altman(first: Sequence[float], second: Sequence[float]) -> BlandAltman:
    """Bias and limits of agreement of two measurements of the same things; one pair per patient.

    Args:
        first: N measurements, such as volumes in mL by a model.
        second: N of the same things by another.

    Raises:
        RequestError: fewer than three pairs, or a measurement is missing.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or len(one) < LEAST_PAIRS:
        raise RequestError(f"{one.size} against {other.size} measurements; expected pairs, three at least")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise RequestError("a measurement is missing or no finite number; leave the pair out")
    differences = one - other
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    half = z_value(CONFIDENCE) * spread
    intervals = _intervals(bias, spread, len(differences)) if spread > 0 else None
    return BlandAltman(
        means=tuple(((one + other) / 2).tolist()),
        differences=tuple(differences.tolist()),
        bias=bias,
        limits=(bias - half, bias + half),
        bias_interval=intervals[0] if intervals else None,
        limit_intervals=intervals[1:] if intervals else None,
    )


def bland_altman_picture(agreement: BlandAltman, *, unit: str = "mL") -> bytes:
    """Differences against means, with bias and limits and their intervals, as PNG.

    Args:
        agreement: of the pairs.
        unit: of the measurements.
    """
    figure, axes = empty_figure(
        f"mean of both, {unit}", f"difference, {unit}", f"{len(agreement.means)} pairs", size=(5.2, 4.2)
    )
    lines = [agreement.bias, *agreement.limits]
    intervals = [agreement.bias_interval, *(agreement.limit_intervals or (None, None))]
    for line, interval, dash in zip(lines, intervals, ("-", "--", "--"), strict=True):
        if interval is not None:
            axes.axhspan(interval.low, interval.high, color=QUIET, alpha=0.4, linewidth=0)
        axes.axhline(line, color=INK, linewidth=1, linestyle=dash)
        axes.annotate(
            f"{line:+.2f}",
            (1, line),
            (-2, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    axes.plot(agreement.means, agreement.differences, "o", color=CALM, markersize=4, alpha=0.8)
    return png_of(figure)


def _intervals(bias: float, spread: float, pairs: int) -> tuple[Interval, Interval, Interval]:
    """Of the bias, the lower and the upper limit: sqrt(n) (mu + z sigma - mean) / s follows a noncentral t."""
    tails = np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    error, df = spread / np.sqrt(pairs), pairs - 1
    middle = bias + stats.t.ppf(tails, df) * error
    beyond = stats.nct.ppf(tails, df, z_value(CONFIDENCE) * np.sqrt(pairs)) * error
    return (
        Interval(float(middle[0]), float(middle[1]), _METHOD),
        Interval(float(bias - beyond[1]), float(bias - beyond[0]), _LIMIT_METHOD),
        Interval(float(bias + beyond[0]), float(bias + beyond[1]), _LIMIT_METHOD),
    )
