"""MR values in 16 bits: whole numbers as they are, anything else in steps finer than its noise.

MR values have no unit: a scan times two is the same scan, and what a network sees does not depend on scale and shift
(`preprocessing.mr_intensity`). So whole numbers that fit are kept, and fractions (z-scores, rescaled exports) are laid
on `LEVELS` steps; slope and intercept that give the file's own values back are kept with the scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import RefusedError
from bregma.scan.volume import HU

LEVELS = 32000
"""Steps between the lowest and the highest value of a scan of fractions; scanners have 4,096 at most."""

MANY_NAN = 0.5
"""Share of voxels without a number above which there is no scan."""

_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """MR values as they are stored.

    Attributes:
        values: int16.
        slope: the file's own values are slope * values + intercept.
        intercept: see there.
        missing: voxels that held no number; they have the lowest value.
    """

    values: HU
    slope: float = 1.0
    intercept: float = 0.0
    missing: int = 0

    @property
    def facts(self) -> dict[str, float]:
        """What is noted with the scan: nothing where the values are the file's own."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            return {}
        return {"ValueSlope": self.slope, "ValueIntercept": self.intercept}


def to_signal(values: NDArray[Any]) -> Signal:
    """Values of a scan in 16 bits.

    Args:
        values: any shape and real type.

    Raises:
        RefusedError: most voxels hold no number ("not_a_number").
    """
    finite = np.isfinite(values)
    missing = int(finite.size - np.count_nonzero(finite))
    if missing > MANY_NAN * finite.size:
        raise RefusedError("not_a_number", f"{missing} of {finite.size} voxels hold no number; that is no scan")
    if missing:
        values = np.where(finite, values, values[finite].min())
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low >= _INT16.min and high <= _INT16.max and _whole(values):
        return Signal(values.astype(np.int16), missing=missing)
    slope = (high - low) / LEVELS
    steps = np.rint((values.astype(np.float64) - low) / slope)
    return Signal(steps.astype(np.int16), slope, low, missing)


def _whole(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iub" or bool(np.array_equal(values, np.rint(values)))
