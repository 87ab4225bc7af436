"""What `bregma similar` writes as JSON, as docs/how-to/similar.md says and docs/similar.schema.json proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bregma import __version__
from bregma.retrieval.entry import Entry
from bregma.retrieval.index import Index
from bregma.retrieval.match import Match

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked about, and what is like it.

    Attributes:
        asked: the lesion.
        matches: nearest first.
    """

    asked: Entry
    matches: tuple[Match, ...]


def similar_document(index: Index, answers: Sequence[Answer]) -> Fields:
    """The whole file.

    Args:
        index: that was searched.
        answers: one for each lesion asked about.
    """
    return {
        "bregma": __version__,
        "index": {"package": index.manifest.digest, "width": index.manifest.width, "entries": len(index)},
        "queries": [
            {
                **entry_fields(answer.asked),
                "matches": matches_fields(answer.matches),
            }
            for answer in answers
        ],
    }


def matches_fields(matches: Sequence[Match]) -> list[Fields]:
    """Hits, nearest first."""
    return [
        {"rank": rank, "distance": round(match.distance, 6), **entry_fields(match.entry)}
        for rank, match in enumerate(matches, start=1)
    ]


def entry_fields(entry: Entry) -> Fields:
    """One lesion of an index."""
    return {
        "case": entry.case,
        "number": entry.number,
        "patient": entry.patient,
        "date": entry.date,
        "modality": entry.modality,
        "labels": dict(sorted(entry.labels.items())),
        "volume_ml": _rounded(entry.volume_ml, 3),
        "longest_mm": _rounded(entry.longest_mm, 1),
        "box": [list(entry.box.start), list(entry.box.stop)],
        "best_slice": entry.best_slice,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
