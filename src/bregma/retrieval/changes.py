"""What a change makes of the parts of an index: which rows go, which are there already, which segments are joined."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np

from bregma.retrieval.bounds import Floats
from bregma.retrieval.entry import Entry
from bregma.retrieval.manifest import Part
from bregma.retrieval.segment import Segment
from bregma.scan.errors import RequestError

GROWTH = 2
"""A segment is joined to a new one less than so many times smaller: N entries lie in about log2(N) segments."""


def without(
    parts: Sequence[Part], segments: Sequence[Segment], cases: AbstractSet[str], number: int | None = None
) -> list[Part]:
    """The parts with the entries of some cases, or one entry of each, marked as deleted.

    Args:
        parts: of an index.
        segments: theirs.
        cases: whose entries go.
        number: only these of them.
    """
    left = []
    for part, segment in zip(parts, segments, strict=True):
        gone = {int(row) for case in cases for row in segment.rows_of(case, number)}
        left.append(replace(part, dead=tuple(sorted({*part.dead, *gone}))) if gone else part)
    return left


def demand_new(entries: Sequence[Entry], parts: Sequence[Part], segments: Sequence[Segment]) -> None:
    """Refuse entries that the index has, or that come twice.

    Raises:
        RequestError: with the first of them.
    """
    keys = {entry.key for entry in entries}
    if len(keys) != len(entries):
        raise RequestError(f"{len(entries) - len(keys)} of {len(entries)} entries come twice; give each once")
    cases = sorted({entry.case for entry in entries})
    for segment, part in zip(segments, parts, strict=True):
        for case in cases:
            if segment.code_of("case_names", case) < 0:
                continue
            rows = np.setdiff1d(segment.rows_of(case), np.array(part.dead, np.intp))
            for number in segment.arrays["numbers"][rows].tolist():
                if (case, number) in keys:
                    raise RequestError(f"entry {number} of case {case} is in the index already; replace the case")


def to_join(parts: Sequence[Part], rows: int) -> int:
    """How many of the last parts go into a new segment with so many rows."""
    for count, part in enumerate(reversed(parts)):
        if part.living >= GROWTH * rows:
            return count
        rows += part.living
    return len(parts)


def living(
    parts: Sequence[Part], segments: Sequence[Segment], joined: int, entries: Sequence[Entry], vectors: Floats
) -> tuple[list[Entry], Floats]:
    """What lives in the last `joined` parts, followed by what is new."""
    found, blocks = list[Entry](), list[Floats]()
    first = len(parts) - joined
    for part, segment in zip(parts[first:], segments[first:], strict=True):
        rows = np.setdiff1d(np.arange(part.rows), np.array(part.dead, np.intp), assume_unique=True)
        found += [segment.entry(int(row)) for row in rows]
        blocks.append(segment.arrays["vectors"][rows])
    return [*found, *entries], np.concatenate([*blocks, vectors])
