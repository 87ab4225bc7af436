"""How a segment is looked through: a lower bound of every row's squared distance, block by block.

No row whose bound lies above the worst distance that is still wanted can be among the nearest, so only the others are
measured exactly. Letters: n rows, E embedding, A names an array in a segment file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

BLOCK = 32_768
"""Rows whose bounds are computed in one go: few calls, and the bounds stay in the processor's cache."""

UNIT = 2.0**-24
"""Half the distance from 1 to the next float32: the relative error of one operation."""


class Scanner(Protocol):
    """One query against one segment."""

    @property
    def base(self) -> float:
        """What must be added to a bound; the same for all rows."""
        ...

    @property
    def slack(self) -> float:
        """How far rounding may have lifted a bound above the truth."""
        ...

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """(first row, bounds less `base`) of blocks that together are all rows; a block is overwritten by the next."""
        ...


class Form(Protocol):
    """A form in which vectors are scanned; the float32 originals are kept beside it."""

    def encode(self, vectors: Floats) -> dict[str, NDArray[Any]]:
        """The arrays that a segment stores for this form, of (n, E) vectors."""
        ...

    def scanner(self, arrays: Arrays, query: Floats) -> Scanner:
        """One query (E,) against the arrays of a segment."""
        ...


def rounding(width: int, reach: float, query: float) -> float:
    """How far float32 may be wrong about norm - 2 x.q (Higham 2002, section 3.1: any order of summation).

    Args:
        width: E.
        reach: the longest row.
        query: length of the query.
    """
    return (2 * width + 16) * UNIT * (reach + query) ** 2
