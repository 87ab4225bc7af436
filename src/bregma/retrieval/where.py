"""Which entries may be hits: what is asked of their labels, sizes, modality and dates. What is unknown never fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bregma.retrieval.entry import Entry
from bregma.scan.errors import RequestError

SIZES = ("volume_ml", "longest_mm")
DATE = "date"
MODALITY = "modality"


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included."""

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise RequestError(f"a range from {self.low:g} to {self.high:g} is empty; give the lower end first")


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that a hit must meet, all of them.

    Attributes:
        words: criterion, or "modality" -> the terms of which the entry must have one.
        ranges: "volume_ml", "longest_mm" or "date" (YYYYMMDD as a number) -> from where to where.
    """

    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.ranges) - {*SIZES, DATE}):
            raise RequestError(f"{unknown[0]!r} has no range; expected {', '.join(SIZES)} or {DATE}")

    def __bool__(self) -> bool:
        return bool(self.words or self.ranges)

    def holds(self, entry: Entry) -> bool:
        """Whether an entry meets all conditions."""
        said = {**entry.labels, MODALITY: entry.modality}
        sizes = {"volume_ml": entry.volume_ml, "longest_mm": entry.longest_mm}
        sizes[DATE] = None if entry.date is None else float(entry.date)
        return all(said.get(name) in terms for name, terms in self.words.items()) and all(
            (value := sizes[name]) is not None and span.low <= value <= span.high for name, span in self.ranges.items()
        )


def parse_where(texts: Iterable[str]) -> Where:
    """Conditions as a person writes them: "type=meningioma,glioma", "longest_mm=10..30", "date=20150101..".

    Raises:
        RequestError: a text is no condition, or a name is given twice.
    """
    words: dict[str, frozenset[str]] = {}
    ranges: dict[str, Range] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and name and value) or name in words or name in ranges:
            raise RequestError(
                f"condition {text!r} cannot be read; expected NAME=TERM[,TERM] or NAME=LOW..HIGH, each name once"
            )
        if name in (*SIZES, DATE):
            ranges[name] = _range(name, value)
        else:
            words[name] = frozenset(term.strip() for term in value.split(","))
    return Where(words, ranges)


def _range(name: str, value: str) -> Range:
    low, dots, high = value.partition("..")
    ends = (low, high if dots else low)
    try:
        numbers = [float(end) if end else default for end, default in zip(ends, (-math.inf, math.inf), strict=True)]
    except ValueError:
        numbers = [math.nan]
    if any(math.isnan(number) for number in numbers):
        raise RequestError(f"{name}={value!r} is no range; expected LOW..HIGH, either end may be left out")
    return Range(*numbers)
