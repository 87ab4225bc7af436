"""Where prepared pixels lie in the stored slices: one affine for the whole scan, and the way back.

Places are (row, column) with whole numbers at pixel centres. *Canonical* slices are stored ones turned so that rows run
to the patient's back and columns to the patient's left; an *edge* coordinate is 0 at the outer edge of the first pixel.
Letters: D slices, H rows, W columns, S prepared size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.orient import Orientation

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """How one in-plane axis of the canonical slices is cut into prepared pixels.

    Attributes:
        length: stored pixels along the axis.
        start: edge coordinate, in stored pixels, where the field of view begins; below 0 it begins outside the image.
        step: stored pixels per prepared pixel.
        count: prepared pixels in the field of view.
        margin: prepared pixels of air before the field of view (as many or one more follow it).
    """

    length: int
    start: float
    step: float
    count: int
    margin: int

    @property
    def offset(self) -> float:
        """Canonical place of prepared pixel 0."""
        return self.start + (0.5 - self.margin) * self.step - 0.5


@dataclass(frozen=True, slots=True)
class Placement:
    """The way from prepared slices to the stored ones, the same for all slices of a scan.

    Attributes:
        shape: (D, H, W) as stored.
        size: S, the prepared slices' rows and columns.
        orientation: how stored slices become canonical.
        rows: the cut along canonical rows.
        columns: the cut along canonical columns.
    """

    shape: tuple[int, int, int]
    size: int
    orientation: Orientation
    rows: Span
    columns: Span

    @property
    def matrix(self) -> Points:
        """(2, 3) affine: stored (row, column) = matrix @ (prepared row, prepared column, 1)."""
        spans = (self.rows, self.columns)
        steps = [span.step for span in spans]
        offsets = [span.offset for span in spans]
        for axis, flipped in enumerate((self.orientation.flip_rows, self.orientation.flip_columns)):
            if flipped:
                steps[axis], offsets[axis] = -steps[axis], spans[axis].length - 1 - offsets[axis]
        canonical = np.array([[steps[0], 0.0, offsets[0]], [0.0, steps[1], offsets[1]]])
        return canonical[::-1].copy() if self.orientation.transposed else canonical

    def to_stored(self, prepared: Points) -> Points:
        """Stored places of (..., 2) prepared places."""
        return np.asarray(prepared @ self.matrix[:, :2].T + self.matrix[:, 2], dtype=np.float64)

    def to_prepared(self, stored: Points) -> Points:
        """Prepared places of (..., 2) stored places: undoes `to_stored`."""
        inverse = np.linalg.inv(self.matrix[:, :2])
        return np.asarray((stored - self.matrix[:, 2]) @ inverse.T, dtype=np.float64)


def place_span(length: int, centre: float, *, step: float, count: int, size: int) -> Span:
    """Cut an axis so that the field of view lies around a centre.

    Its beginning is moved to the nearest stored pixel's edge, or, outside the image, by a part of a prepared pixel so
    that a prepared pixel begins where the image does: at most half a pixel off centre, and no pixel needs to be
    shifted by a fraction. The span says exactly where it came to lie.

    Args:
        length: stored pixels along the axis.
        centre: place of the middle, in stored pixels.
        step: stored pixels per prepared pixel.
        count: prepared pixels in the field of view.
        size: prepared pixels with the air around it.
    """
    start = centre + 0.5 - count * step / 2
    start = float(round(start)) if start >= 0 else -round(-start / step) * step
    return Span(length, start, step, count, (size - count) // 2)
