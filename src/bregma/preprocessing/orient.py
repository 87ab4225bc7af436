"""Turning slices so that rows run to the patient's back and columns to the patient's left, and turning them back.

Only exact transposes and flips: no value changes. Arrays are (..., rows, columns); patient space is LPS mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bregma.scan.volume import Geometry

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored slices become canonical ones: transpose first, then flip.

    Attributes:
        transposed: whether stored rows become columns.
        flip_rows: whether the rows are then reversed.
        flip_columns: whether the columns are then reversed.
    """

    transposed: bool = False
    flip_rows: bool = False
    flip_columns: bool = False


AS_STORED = Orientation()


def canonical_orientation(geometry: Geometry | None) -> Orientation:
    """The turn that brings a scan nearest to rows towards the back (+y) and columns towards the left (+x).

    Args:
        geometry: only its in-plane directions are used, so tilt and uneven gaps do not matter; None keeps the slices
            as they are stored.
    """
    if geometry is None:
        return AS_STORED
    across, down = geometry.along_row, geometry.along_column
    transposed = bool(abs(across[0]) + abs(down[1]) < abs(across[1]) + abs(down[0]))
    if transposed:
        across, down = down, across
    return Orientation(transposed, flip_rows=bool(down[1] < 0), flip_columns=bool(across[0] < 0))


def turn(stored: NDArray[Scalar], orientation: Orientation) -> NDArray[Scalar]:
    """A view of stored slices (..., H, W) in canonical orientation."""
    turned = stored.swapaxes(-1, -2) if orientation.transposed else stored
    return _flip(turned, orientation)


def turn_back(canonical: NDArray[Scalar], orientation: Orientation) -> NDArray[Scalar]:
    """Undo `turn`: a view of canonical slices as they are stored."""
    flipped = _flip(canonical, orientation)
    return flipped.swapaxes(-1, -2) if orientation.transposed else flipped


def _flip(image: NDArray[Scalar], orientation: Orientation) -> NDArray[Scalar]:
    rows = slice(None, None, -1 if orientation.flip_rows else 1)
    columns = slice(None, None, -1 if orientation.flip_columns else 1)
    return image[..., rows, columns]
