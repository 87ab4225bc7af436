"""What a search answers."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.retrieval.entry import Entry


@dataclass(frozen=True, slots=True)
class Match:
    """One hit.

    Attributes:
        entry: what was found.
        distance: L2 between its vector and the query's.
    """

    entry: Entry
    distance: float
