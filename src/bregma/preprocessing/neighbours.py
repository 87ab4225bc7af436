"""Neighbouring slices as further channels, so that a network that sees one slice also sees what lies next to it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Pixel = TypeVar("Pixel", np.float32, np.uint8)


def with_neighbours(images: NDArray[Pixel], neighbours: int) -> NDArray[Pixel]:
    """Each slice with those below and above it, the lowest first; the outermost slices repeat themselves.

    Args:
        images: (D, C, S, S).
        neighbours: slices on either side.

    Returns:
        (D, C * (2 * neighbours + 1), S, S); `images` itself when there are none.
    """
    if not neighbours:
        return images
    last = len(images) - 1
    offsets = range(-neighbours, neighbours + 1)
    return np.concatenate([images[np.clip(np.arange(last + 1) + offset, 0, last)] for offset in offsets], axis=1)
