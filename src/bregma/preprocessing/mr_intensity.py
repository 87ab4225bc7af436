"""MR values, which have no unit, on a scale that scanners share: dark tissue near 0, the brightest near 1.

Arrays are (slices, rows, columns), but the functions here look at values only. Letters: none are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.scan.counted import counted
from bregma.scan.errors import RecipeError, RefusedError

BINS = 256
"""Of the histogram in which the background is told from the head."""

SAMPLED = 1 << 20
"""No more values than this are looked at, evenly spread: percentiles of a million do not move with more."""

CEILING = 1.5
"""The highest value kept: an enhancing tumour may outshine the high percentile, a spike of noise tells nothing."""


@dataclass(frozen=True, slots=True)
class MrIntensity:
    """Which values of the head become 0 and 1.

    Attributes:
        low_percentile: share of the head, in percent, that is as dark or darker than what becomes 0.
        high_percentile: the same for what becomes 1.
    """

    low_percentile: float = 1.0
    high_percentile: float = 99.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.low_percentile < self.high_percentile <= 100.0:
            raise RecipeError(
                f"MR intensity goes from percentile {self.low_percentile} to {self.high_percentile}; "
                "expected two numbers from 0 to 100, the lower first"
            )


def normalise(values: NDArray[Any], settings: MrIntensity) -> NDArray[np.float32]:
    """The values of a scan on a scale of their own: 0 and 1 at two percentiles of the head, clipped to [0, 1.5].

    The same whatever the scan is multiplied by and whatever is added to it, so scanner units, 8-bit exports and scans
    that were z-scored come out alike. The percentiles are those of the head, since how much air is around it depends
    on the field of view (Nyul and Udupa 1999 take theirs from the head for the same reason).

    Args:
        values: of a whole scan, any shape and real type; a part of one would be put on another scale.
        settings: which percentiles.

    Returns:
        the same shape, float32; all 0 for a scan of one value.

    Raises:
        RefusedError: a value is no number ("not_a_number").
    """
    sample = np.asarray(values).ravel()
    sample = sample[:: max(1, -(-sample.size // SAMPLED))].astype(np.float64)
    low, high = _head_range(sample, settings) if np.isfinite(sample).all() else (np.nan, np.nan)
    scale = 1.0 / (high - low) if high > low else 0.0
    out: NDArray[np.float32] = ((np.asarray(values, dtype=np.float64) - low) * scale).astype(np.float32)
    missing = int(out.size - np.count_nonzero(np.isfinite(out)))
    if missing:
        wrong = int(values.size - np.count_nonzero(np.isfinite(values)))
        raise RefusedError("not_a_number", f"{counted(wrong, 'value')} of the scan are no number; mend or leave it out")
    return np.clip(out, np.float32(0.0), np.float32(CEILING), out=out)


def background_level(sample: NDArray[np.float64]) -> float:
    """The value above which a voxel is taken for head: half-way from the background to where it parts from the rest.

    Background and head part where the variance between them is largest (Otsu 1979). That place is brighter than
    cerebrospinal fluid and bone, which are head too, hence half-way to the background's own median.

    Args:
        sample: (N,) finite values.
    """
    bottom, top = float(sample.min()), float(np.percentile(sample, 99.5))
    if top <= bottom:
        return bottom
    counts, edges = np.histogram(np.minimum(sample, top), bins=BINS, range=(bottom, top))
    middles = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty side has no mean, and is not chosen
        apart = total / below - (total[-1] - total) / above
        between = np.nan_to_num(below * above * apart**2)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # several where nothing lies in between
    parting = float(edges[1 + int(best[0])] + edges[1 + int(best[-1])]) / 2
    return (float(np.median(sample[sample <= parting])) + parting) / 2


def _head_range(sample: NDArray[np.float64], settings: MrIntensity) -> tuple[float, float]:
    """The values that become 0 and 1."""
    if sample.size == 0:
        return 0.0, 0.0
    head = sample[sample > background_level(sample)]
    if head.size == 0:
        return float(sample[0]), float(sample[0])
    low, high = np.percentile(head, (settings.low_percentile, settings.high_percentile))
    if high <= low:  # a head of one value: 0 is what is around it
        low = sample.min()
    return float(low), float(high)
