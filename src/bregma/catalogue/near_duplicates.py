"""Scans that look like copies of one another: noise added, grey levels shifted, resampled, stored under another UID.

A sketch is a few slices seen through a brain window at 24 x 24 pixels, where noise has averaged out; two sketches of
different people correlate far less than two of one scan. What the sketches bring up is looked at again at 64 x 64
pixels, where only edges and texture count: those of another head do not fall in the same places. So the pixels of each
scan are read once, three slices of it, and twice again for each pair in doubt. Letters: N and M scans, E numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.scan.volume import HU

Sketch = NDArray[np.float32]
"""(E,) of length 1."""

LEVELS = (0.25, 0.5, 0.75)
"""Which slices are sketched, as shares of the way from foot to head."""
SIDE = 24
DETAIL_SIDE = 64
LOWEST_HU, HIGHEST_HU = -20.0, 100.0
"""Air and bone are flat outside these, so that neither decides."""
ALIKE = 0.97
"""Correlation of sketches from which a pair is looked at again.

Of 1,770 pairs of drawn heads the most alike had 0.957, of 325 pairs of real ones 0.855; changed copies 0.985 and more.
"""
SAME_DETAIL = 0.6
"""Correlation of details from which a pair is taken for copies.

Of 276 pairs of drawn heads the most alike had 0.71 (not alike from afar) and the next 0.57, of 325 pairs of real ones
(PHE-SICH, middle slices) 0.50; copies with noise, with fewer pixels or moved by one had 0.72 and more.
"""
_CHUNK = 1024


def probed(depth: int) -> tuple[int, ...]:
    """Indices of the slices that are sketched of a scan with so many."""
    return tuple(round(share * (depth - 1)) for share in LEVELS)


def middle(depth: int) -> int:
    """Index of the slice that is looked at again."""
    return probed(depth)[1]


def sketch(slices: Sequence[HU]) -> Sketch:
    """(E,) what a scan looks like from afar, without its mean and of length 1; zeros where it is flat."""
    return _unit(np.concatenate([_centred(_shrunk(one, SIDE)).ravel() for one in slices]))


def alike(here: NDArray[np.float32], there: NDArray[np.float32], *, least: float = ALIKE) -> Iterator[tuple[int, int]]:
    """Pairs (row of here, row of there) whose sketches correlate.

    Args:
        here: (N, E) sketches.
        there: (M, E) sketches.
        least: correlation from which a pair is given.
    """
    for start in range(0, len(here), _CHUNK):
        rows, columns = np.nonzero(here[start : start + _CHUNK] @ there.T >= least)
        yield from zip((rows + start).tolist(), columns.tolist(), strict=True)


def detail(one: HU, other: HU) -> float:
    """Correlation of edges and texture of two slices, 1 for the same ones; 0 where one of them is flat."""
    first, second = (_fine(_shrunk(each, DETAIL_SIDE)) for each in (one, other))
    return float((_unit(first.ravel()) * _unit(second.ravel())).sum())


def _fine(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(image - cv2.blur(image, (3, 3)), np.float32)


def _shrunk(one: HU, side: int) -> NDArray[np.float32]:
    """(side, side) means over areas of the windowed slice."""
    shown = np.clip(one.astype(np.float32), LOWEST_HU, HIGHEST_HU)
    return np.asarray(cv2.resize(shown, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _centred(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(image - image.mean(), np.float32)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(values))
    return np.asarray(values / length if length > 1e-3 else np.zeros_like(values), np.float32)
