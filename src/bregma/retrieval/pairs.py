"""16 bits a number: two rows share one float32, and one product answers for both.

A word holds 4096 a + b for small whole numbers a and b of two rows. Multiplied with a query of whole numbers w and
summed it is 4096 (a.w) + b.w. All lengths are kept so short that |b.w| <= |b| |w| < 2048 (Cauchy-Schwarz), so the two
sums can be told apart, and so that the whole stays below 2^24, where float32 counts exactly in any order. The matrix
product runs on half the memory and does half the work; nothing is unpacked. Its answer is coarse (about 5 bits a
number), which costs some more exact distances and never a neighbour: see int8.py for the bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.bounds import BLOCK, Arrays, Doubles, Floats, rounding
from bregma.retrieval.rounded import left_over, rounded
from bregma.scan.errors import RequestError

SHIFT = 4096.0
LIMIT = 2047.0
"""The most that a product of two rounded vectors may be."""

LENGTH = 45.0
"""The longest a rounded row may be: the square root of the limit shares the bits between rows and query."""

WIDEST = 2048
"""Beyond it rounding alone would use up the length of a row."""


@dataclass(frozen=True, slots=True, eq=False)
class PairsScanner:
    """|y|^2 - s (2 t a.w + k), less |p|^2, for p = t w + what rounding left of the query."""

    arrays: Arrays
    query: Floats
    step: float
    hidden: float
    base: float
    slack: float

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """See `bounds.Scanner`; the first and the second halves of the rows take turns."""
        words = self.arrays["paired"]
        half, rows = len(words), len(self.arrays["scales"])
        both, upper = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
        for start in range(0, half, BLOCK):
            part = words[start : start + BLOCK]
            lower, high = both[: len(part)], upper[: len(part)]
            np.dot(part, self.query, out=lower)
            np.multiply(lower, np.float32(1.0 / SHIFT), out=high)
            np.rint(high, out=high)
            lower -= high * np.float32(SHIFT)
            yield start, self._bounds(high, start)
            second = half + start
            yield second, self._bounds(lower[: rows - second], second)

    def _bounds(self, products: Floats, start: int) -> Floats:
        part = slice(start, start + len(products))
        products *= np.float32(2.0 * self.step)
        products += np.float32(self.hidden)
        products *= self.arrays["scales"][part]
        np.subtract(self.arrays["centred_norms"][part], products, out=products)
        return products


class Pairs:
    """See `bounds.Form`."""

    def encode(self, vectors: Floats) -> dict[str, NDArray[Any]]:
        """Words for two rows each (the row and the one half a segment later), a scale for each row, the centre."""
        if vectors.shape[1] > WIDEST:
            raise RequestError(f"vectors are {vectors.shape[1]} wide; 16 bits hold up to {WIDEST}: store them as int8")

        def scale(centred: Doubles) -> Doubles:
            return np.asarray(np.linalg.norm(centred, axis=1) / _within(LENGTH, vectors.shape[1]), dtype=np.float64)

        arrays, whole = rounded(vectors, scale)
        half = (len(whole) + 1) // 2
        words = whole[:half].astype(np.float32) * np.float32(SHIFT)
        words[: len(whole) - half] += whole[half:]
        return {**arrays, "paired": words}

    def scanner(self, arrays: Arrays, query: Floats) -> PairsScanner:
        """One query against the words."""
        centred = query - arrays["centre"]
        length = float(np.linalg.norm(centred))
        step = length / _within(LIMIT / LENGTH, len(query)) or 1.0
        whole = np.rint(centred / step)
        missed = float(np.linalg.norm(centred - whole * step))
        hidden = 2.0 * (left_over(arrays) * length + LENGTH * missed)
        slack = rounding(len(query), float(arrays["centred_reach"][0]), length)
        return PairsScanner(arrays, whole.astype(np.float32), step, hidden, length**2, slack)


def _within(length: float, width: int) -> float:
    """How long a vector may be so that, its E numbers rounded, it is at most `length` long."""
    return length - 0.5 * float(np.sqrt(width))
