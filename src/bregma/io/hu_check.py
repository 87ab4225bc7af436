"""Whether values can be Hounsfield units of a head: air, soft tissue and bone. A sample of each slice is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HU = NDArray[np.int16]

OK = "ok"
AIR_BELOW, SOFT, BONE_ABOVE = -700, (-150, 150), 300
SAMPLED = 64
"""Rows and columns looked at in each slice."""

MAX_HU = 20000
"""Extended CT scales end well below; metal reaches some 10,000."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What a sample of each slice holds, as shares of its pixels.

    Attributes:
        lowest: (D,) lowest HU.
        highest: (D,) highest HU.
        air: (D,) share of air and padding.
        soft: (D,) share of soft tissue and water.
        bone: (D,) share of bone and denser.
    """

    lowest: NDArray[np.int16]
    highest: NDArray[np.int16]
    air: NDArray[np.float64]
    soft: NDArray[np.float64]
    bone: NDArray[np.float64]

    @property
    def body(self) -> NDArray[np.float64]:
        """(D,) share of the patient: all that is not air."""
        return 1.0 - self.air

    @property
    def blank(self) -> bool:
        """Whether there is nothing to see: one value a slice, or air alone."""
        return bool(np.all((self.highest == self.lowest) | (self.highest < AIR_BELOW)))


def look(values: HU) -> Content:
    """Sample a volume.

    Args:
        values: (D, H, W) HU.
    """
    _, rows, columns = values.shape
    sample = values[:, :: max(1, rows // SAMPLED), :: max(1, columns // SAMPLED)]
    sample = sample.reshape(len(values), -1)
    pixels = sample.shape[1]
    soft = (sample >= SOFT[0]) & (sample <= SOFT[1])
    return Content(
        lowest=sample.min(axis=1),
        highest=sample.max(axis=1),
        air=np.count_nonzero(sample < AIR_BELOW, axis=1) / pixels,
        soft=np.count_nonzero(soft, axis=1) / pixels,
        bone=np.count_nonzero(sample > BONE_ABOVE, axis=1) / pixels,
    )


def doubts(content: Content) -> tuple[str, ...]:
    """For every slice "ok", or what speaks against Hounsfield units."""
    return tuple(
        _doubt(int(low), int(high), float(air), float(soft))
        for low, high, air, soft in zip(content.lowest, content.highest, content.air, content.soft, strict=True)
    )


def _doubt(low: int, high: int, air: float, soft: float) -> str:
    if low == high:
        return f"blank: every value is {low}"
    if high > MAX_HU:
        return f"values up to {high} HU"
    if low >= 0:
        return f"no value below 0: from {low} to {high}, not Hounsfield units"
    if soft < 0.002 and air < 0.9:  # a slice that only grazes the scalp is mostly air
        return f"no soft tissue: values from {low} to {high}"
    if air == 0.0 and low > -100:
        return f"no air and no fat: values from {low} to {high}"
    return OK
