"""float32: the originals are scanned themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.bounds import BLOCK, Arrays, Floats, rounding


@dataclass(frozen=True, slots=True, eq=False)
class PlainScanner:
    """norm - 2 x.q, less the norm of q: the squared distance but for rounding.

    Attributes:
        vectors: (n, E).
        norms: (n,) squared lengths.
        query: (E,).
        base: squared length of the query.
        slack: see `bounds.rounding`.
    """

    vectors: Floats
    norms: Floats
    query: Floats
    base: float
    slack: float

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """See `bounds.Scanner`."""
        twice = -2.0 * self.query
        held = np.empty(min(BLOCK, len(self.vectors)), np.float32)
        for start in range(0, len(self.vectors), BLOCK):
            rows = self.vectors[start : start + BLOCK]
            low = held[: len(rows)]
            np.dot(rows, twice, out=low)
            np.add(low, self.norms[start : start + BLOCK], out=low)
            yield start, low

    def some(self, rows: NDArray[np.intp]) -> Floats:
        """The bounds of some rows."""
        vectors = np.take(self.vectors, rows, axis=0)
        return np.asarray(vectors @ (-2.0 * self.query) + self.norms[rows], dtype=np.float32)


class Plain:
    """See `bounds.Form`."""

    def encode(self, vectors: Floats) -> dict[str, NDArray[Any]]:  # noqa: ARG002 - the originals are enough
        """Nothing: the originals are enough."""
        return {}

    def scanner(self, arrays: Arrays, query: Floats) -> PlainScanner:
        """One query against the originals."""
        base = float(query.astype(np.float64) @ query.astype(np.float64))
        slack = rounding(len(query), float(arrays["reach"][0]), base**0.5)
        return PlainScanner(arrays["vectors"], arrays["norms"], query, base, slack)
