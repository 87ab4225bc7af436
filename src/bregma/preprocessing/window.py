"""A radiologist's windows: which Hounsfield units are shown, and how they become grey.

Letters: D slices, H rows, W columns, C windows (channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import RecipeError

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of Hounsfield units shown from black to white: center - width/2 to center + width/2.

    Never a slice's own minimum and maximum, and never the window tags of a file, which may hold several values.

    Attributes:
        center: HU shown as middle grey (0.5).
        width: HU from black (0.0) to white (1.0), above 0.
    """

    center: float
    width: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.center) and np.isfinite(self.width) and self.width > 0):
            raise RecipeError(
                f"window has center {self.center} and width {self.width}; expected finite HU and a width above 0"
            )

    @property
    def low(self) -> float:
        """HU shown as black."""
        return self.center - self.width / 2

    @property
    def high(self) -> float:
        """HU shown as white."""
        return self.center + self.width / 2


PRESETS = {
    "brain": Window(40, 80),
    "subdural": Window(80, 200),
    "soft_tissue": Window(40, 380),
    "bone": Window(600, 2800),
    "grey_white": Window(32, 8),
}
"""Centre and width in HU; for subdural and soft tissue the eight-backbones paper gives ranges, and these are ours."""


def show(hu: NDArray[Any], windows: tuple[Window, ...], out: Image) -> Image:
    """Write values through several windows into `out`, one channel each.

    Args:
        hu: (..., H, W) Hounsfield units, any real type.
        windows: C windows, in channel order.
        out: (..., C, H, W) float32; overwritten.

    Returns:
        `out`, in [0, 1].
    """
    low, high, width = (
        np.array([getattr(window, name) for window in windows], np.float32)[:, None, None]
        for name in ("low", "high", "width")
    )
    np.clip(np.asarray(hu, np.float32)[..., None, :, :], low, high, out=out)
    np.subtract(out, low, out=out)
    return np.divide(out, width, out=out)


def apply_windows(hu: NDArray[Any], windows: tuple[Window, ...]) -> Image:
    """Show the same voxels through several windows, one channel each.

    Args:
        hu: (D, H, W) Hounsfield units.
        windows: C windows, in channel order.

    Returns:
        (C, D, H, W) float32 in [0, 1].
    """
    out = np.empty((len(windows), *hu.shape), np.float32)
    show(hu, windows, out.swapaxes(0, 1))
    return out
