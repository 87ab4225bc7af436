"""The nearest so far: at most so many, one per patient on request."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Hashable
from typing import NamedTuple


class Found(NamedTuple):
    """One row as it is ranked: by distance, then by case and number, so that ties do not depend on where it lies."""

    squared: float
    case: bytes
    number: int
    segment: int
    row: int
    group: Hashable


class Nearest:
    """The k best of all that was offered, of each group only the best.

    Attributes:
        most: k.
        ranked: nearest first.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.ranked: list[Found] = []
        self._best: dict[Hashable, Found] = {}

    @property
    def limit(self) -> float:
        """The squared distance beyond which nothing can be among the k best any more; infinite while there is room."""
        return self.ranked[-1].squared if len(self.ranked) == self.most else math.inf

    def offer(self, found: Found) -> None:
        """Take a row in if it is better than the worst, and than what its group has."""
        before = self._best.get(found.group)
        if before is not None:
            if before <= found:
                return
            del self.ranked[bisect_left(self.ranked, before)]
        elif len(self.ranked) == self.most:
            if self.ranked[-1] <= found:
                return
            del self._best[self.ranked.pop().group]
        self._best[found.group] = found
        insort(self.ranked, found)
