"""Pictures of an evaluation as PNG bytes: ROC, reliability, confusion, histogram, thumbnails.

Drawn on Figure objects of their own, never through pyplot, so that nothing is left behind and threads do not meet.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bregma.evaluation.intervals import Interval
from bregma.evaluation.levels import Level, PointResult
from bregma.evaluation.measure import Measure
from bregma.preprocessing.window import PRESETS, apply_windows
from bregma.scan.errors import RequestError
from bregma.scan.regions import Mask
from bregma.scan.volume import HU

INK, BLOOD, CALM, QUIET = "#1d2733", "#b3261e", "#2b6ca3", "#c9d3dc"
INCHES, DPI = 4.2, 110
THUMBNAIL = 240
OUTLINE_BGR = (60, 220, 255)


def roc_picture(level: Level) -> bytes:
    """The ROC curve with its 95 % band and the operating points.

    Raises:
        RequestError: the level has no curve, for want of positives or negatives.
    """
    if level.roc is None:
        raise RequestError(f"there is no ROC curve for {level.finding} at level {level.level}: only one kind of case")
    figure, axes = empty_figure("1 - specificity", "recall", _title(level))
    if level.roc.band:
        false, low, high = np.array(level.roc.band).T
        axes.fill_between(false, low, high, color=QUIET, alpha=0.7, linewidth=0, label="95 % of resampled patients")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    auc = level.measures[0]
    axes.plot(level.roc.false_positive_rate, level.roc.recall, color=CALM, linewidth=2, label=_auc_label(auc))
    for result, marker in zip(level.points, "osD^v", strict=False):
        at = _roc_place(result)
        if at is not None:
            label = f"{result.point.name} at {result.point.threshold:.3f}"
            axes.plot(*at, marker=marker, color=BLOOD, markersize=7, linestyle="none", label=label, alpha=0.85)
    square(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    return png_of(figure)


def reliability_picture(level: Level) -> bytes:
    """Said against observed, with intervals; on the diagonal a probability means what it says."""
    figure, axes = empty_figure("mean probability said", "share with the finding", _title(level))
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    said = [b.mean_probability for b in level.calibration]
    seen = [b.observed for b in level.calibration]
    ends = [b.interval for b in level.calibration]
    if ends:
        axes.errorbar(said, seen, yerr=_reach(seen, ends), fmt="o-", color=CALM, ecolor=CALM, elinewidth=1, capsize=2)
    for b in level.calibration:
        below = -10 if b.observed > 0.5 else 5
        at = (b.mean_probability, b.observed)
        axes.annotate(f"{b.cases}", at, (5, below), textcoords="offset points", fontsize=7)
    square(axes)
    return png_of(figure)


def confusion_picture(level: Level, result: PointResult) -> bytes:
    """The confusion table, shaded by the share of its row."""
    counts = result.counts
    table = np.array([[counts.tp, counts.fn], [counts.fp, counts.tn]], dtype=np.float64)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, axes = empty_figure("called", "is", f"{_title(level)}\n{result.point.name}: {result.point.threshold:.3f}")
    axes.imshow(share, cmap="Blues", vmin=0, vmax=2.2)
    for (row, column), value in np.ndenumerate(table):
        text = f"{value:.0f}\n{100 * share[row, column]:.0f} %"
        axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=13)
    axes.set_xticks([0, 1], ["positive", "negative"])
    axes.set_yticks([0, 1], ["positive", "negative"], rotation=90, va="center")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    return png_of(figure)


def histogram_picture(level: Level) -> bytes:
    """How many cases got which score, apart for those with and without the finding; counts on a root scale."""
    figure, axes = empty_figure("score", "cases", _title(level))
    negatives, positives = np.array(level.histogram, dtype=np.float64).T
    left = np.arange(len(negatives)) / len(negatives)
    width = 1 / len(negatives)
    axes.bar(left, negatives, width, align="edge", color=CALM, alpha=0.75, label="absent")
    axes.bar(left, -positives, width, align="edge", color=BLOOD, alpha=0.75, label="present")
    axes.set_yscale("function", functions=(_signed_root, _signed_square))
    top, bottom = max(negatives.max(), 1.0), max(positives.max(), 1.0)
    axes.set_ylim(-bottom * 1.15, top * 1.15)
    ticks = [-bottom, -round(bottom / 4), 0, round(top / 4), top]
    axes.set_yticks(ticks, [f"{abs(tick):.0f}" for tick in ticks])
    axes.set_xlim(0, 1)
    for result in level.points[:1]:
        axes.axvline(result.point.threshold, color=INK, linewidth=1, linestyle=":")
    axes.legend(frameon=False, fontsize=8)
    return png_of(figure)


def thumbnail(hu: HU, truth: Mask | None) -> bytes:
    """One slice in the brain window, the truth outlined, as PNG.

    Args:
        hu: (H, W) Hounsfield units.
        truth: (H, W) where the finding is; None where nobody drew it.
    """
    grey = (apply_windows(hu[None], (PRESETS["brain"],))[0, 0] * 255).astype(np.uint8)
    scale = THUMBNAIL / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    picture = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    if truth is not None and truth.any():
        inside = cv2.resize(truth.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, OUTLINE_BGR, 1)
    written, png = cv2.imencode(".png", picture)
    if not written:
        raise AssertionError(f"OpenCV did not encode a picture of shape {picture.shape}")
    return png.tobytes()


def empty_figure(x: str, y: str, title: str, *, size: tuple[float, float] = (INCHES, INCHES)) -> tuple[Figure, Axes]:
    """A figure of its own with one pair of axes in our manner.

    Args:
        x: what is across.
        y: what is upwards.
        title: above it.
        size: inches across and high.
    """
    figure = Figure(figsize=size, dpi=DPI)
    axes = figure.add_axes((0.14, 0.12, 0.82, 0.76))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10, color=INK)
    axes.grid(visible=True, color="#eef2f5", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def square(axes: Axes) -> None:
    """Both axes from 0 to 1, with room for a line on the edge."""
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")


def _title(level: Level) -> str:
    return f"{level.finding} per {level.level}: {level.positives} of {level.cases} positive, {level.patients} patients"


def _auc_label(auc: Measure) -> str:
    if auc.interval is None:
        return f"AUC {auc.value:.3f}"
    return f"AUC {auc.value:.3f} ({auc.interval.low:.3f} to {auc.interval.high:.3f})"


def _roc_place(result: PointResult) -> tuple[float, float] | None:
    """(1 - specificity, recall) of a threshold."""
    figures = {measure.name: measure.value for measure in result.measures}
    recall, specificity = figures["recall"], figures["specificity"]
    return None if recall is None or specificity is None else (1 - specificity, recall)


def _reach(seen: list[float], ends: list[Interval]) -> NDArray[np.float64]:
    """(2, bins) how far each interval reaches below and above."""
    pairs = [(value - end.low, end.high - value) for value, end in zip(seen, ends, strict=True)]
    reach: NDArray[np.float64] = np.maximum(np.array(pairs).T, 0.0)
    return reach


def _signed_root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rooted: NDArray[np.float64] = np.sign(values) * np.sqrt(np.abs(values))
    return rooted


def _signed_square(values: NDArray[np.float64]) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = np.sign(values) * np.square(values)
    return squared


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
