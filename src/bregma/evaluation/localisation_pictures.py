"""FROC and localisation ROC curves as PNG bytes."""

from __future__ import annotations

from bregma.evaluation.localisation.froc import RATES, Froc
from bregma.evaluation.localisation.lroc import Lroc
from bregma.evaluation.measure import Measure
from bregma.evaluation.pictures import BLOOD, CALM, empty_figure, png_of, square


def froc_picture(curve: Froc) -> bytes:
    """Lesions found against false marks per scan, with intervals over patients at the told rates."""
    figure, axes = empty_figure(
        "false marks per scan", "lesions found", f"{curve.lesions} lesions, {curve.scans} scans"
    )
    end = max(RATES[2], *curve.false_per_scan)
    axes.step([0.0, *curve.false_per_scan, end], [0.0, *curve.found, curve.found[-1]], where="post", color=CALM)
    for rate, measure in zip(RATES, curve.at_rates, strict=True):
        if rate <= end and measure.value is not None and measure.interval is not None:
            axes.plot([rate, rate], [measure.interval.low, measure.interval.high], color=BLOOD, linewidth=1)
            axes.plot(rate, measure.value, "o", color=BLOOD, markersize=5)
    axes.set_xlim(0, end * 1.02)
    axes.set_ylim(-0.02, 1.02)
    return png_of(figure)


def lroc_picture(curve: Lroc) -> bytes:
    """Positive scans localised against negative scans called positive."""
    title = f"{curve.positives} scans with and {curve.negatives} without a lesion"
    figure, axes = empty_figure("1 - specificity", "found and localised", title)
    axes.plot(curve.false_positive_rate, curve.localised, color=CALM, linewidth=2, label=_label(curve.area))
    square(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    return png_of(figure)


def _label(area: Measure) -> str:
    ends = "" if area.interval is None else f" ({area.interval.low:.3f} to {area.interval.high:.3f})"
    return f"area {area.value:.3f}{ends}"
