"""int8: a quarter of the memory, for an index that is larger than what is free.

With y a row less the centre of its segment, a = round(y / s) with the row's own scale s, and what rounding left,
r = y - s a: y.p = s a.p + r.p for a query p, and |r.p| <= |r| |p| (Cauchy-Schwarz). The longest r / s of a segment is
stored, so that one number bounds it for all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.bounds import BLOCK, Arrays, Doubles, Floats, rounding
from bregma.retrieval.rounded import left_over, rounded

LARGEST = 127
_AT_ONCE = 1024
"""Rows turned into float32 at a time: they and their product stay in the second cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Int8Scanner:
    """|y|^2 - s (2 a.p + k), less |p|^2; k is what rounding may have hidden."""

    arrays: Arrays
    query: Floats
    hidden: float
    base: float
    slack: float

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """See `bounds.Scanner`."""
        whole, scales, norms = (self.arrays[name] for name in ("whole", "scales", "centred_norms"))
        twice, rows = 2.0 * self.query, len(whole)
        held = np.empty(min(BLOCK, rows), np.float32)
        for start in range(0, rows, BLOCK):
            low = held[: min(BLOCK, rows - start)]
            self._products(whole[start : start + BLOCK], twice, low)
            low += np.float32(self.hidden)
            low *= scales[start : start + BLOCK]
            np.subtract(norms[start : start + BLOCK], low, out=low)
            yield start, low

    @staticmethod
    def _products(whole: NDArray[np.int8], query: Floats, into: Floats) -> None:
        held = np.empty((_AT_ONCE, whole.shape[1]), np.float32)
        for start in range(0, len(whole), _AT_ONCE):
            part = held[: min(_AT_ONCE, len(whole) - start)]
            np.copyto(part, whole[start : start + _AT_ONCE])
            np.dot(part, query, out=into[start : start + _AT_ONCE])


class Int8:
    """See `bounds.Form`."""

    def encode(self, vectors: Floats) -> dict[str, NDArray[Any]]:
        """Whole numbers from -127 to 127, a scale for each row, and the centre."""

        def scale(centred: Doubles) -> Doubles:
            return np.asarray(np.abs(centred).max(axis=1) / LARGEST, dtype=np.float64)

        arrays, whole = rounded(vectors, scale)
        return {**arrays, "whole": whole.astype(np.int8)}

    def scanner(self, arrays: Arrays, query: Floats) -> Int8Scanner:
        """One query against the whole numbers."""
        centred = query - arrays["centre"]
        length = float(np.linalg.norm(centred))
        hidden = 2.0 * left_over(arrays) * length
        slack = rounding(len(query), float(arrays["centred_reach"][0]), length)
        return Int8Scanner(arrays, centred.astype(np.float32), hidden, length**2, slack)
