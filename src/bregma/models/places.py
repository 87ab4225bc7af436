"""Where the slices of a scan lie, as a network that reads along them is told: in training and in reading alike.

Letters: D slices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.scan.volume import Geometry

MM_PER_DM, MM_PER_CM = 100.0, 10.0
"""Heights in dm and spacings in cm are about 1, as networks like their inputs."""


def places_of(geometry: Geometry | None, slices: int) -> NDArray[np.float32]:
    """Height of each slice above the middle of the scan in dm, and its spacing to the next slice in cm.

    Both are measured at right angles to the slices. The middle lies half-way between the first and the last slice. The
    last slice has no next one: its spacing is 0, as is everything where nobody knows where the slices lie.

    Args:
        geometry: of the scan; None when nobody knows.
        slices: D.

    Returns:
        (D, 2).
    """
    if geometry is None:
        return np.zeros((slices, 2), dtype=np.float32)
    if geometry.slices != slices:
        raise ValueError(f"the geometry has {geometry.slices} slices; the scan has {slices}")
    height = geometry.origins @ geometry.normal
    spacing = np.append(geometry.spacing_mm, 0.0)
    return np.stack([(height - (height[0] + height[-1]) / 2) / MM_PER_DM, spacing / MM_PER_CM], axis=1).astype(
        np.float32
    )
