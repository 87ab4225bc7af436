"""Which PNG files are slices of one head, and in which order: all there is to go by are their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from bregma.io.entry import Entry

_DIGITS = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"^(.*?)[_\-. ]?(\d+)\.png$", re.IGNORECASE)


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sorting key by which "slice_2" comes before "slice_10"."""
    parts = _DIGITS.split(name)
    return tuple((1, int(part), part) if part.isdecimal() and part.isascii() else (0, 0, part) for part in parts)


def group_slices(entries: Iterable[Entry]) -> list[list[Entry]]:
    """PNG files by folder and by the part of the name before the number: "0001_00.png", "0001_01.png" are one head.

    A file without a number in its name belongs to the group of its whole name.

    Returns:
        groups in natural order, the files of each in natural order.
    """
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        folder, _, base = entry.name.rpartition("/")
        numbered = _NUMBERED.match(base)
        groups[f"{folder}/{numbered.group(1) if numbered else base}"].append(entry)
    ordered = sorted(groups.items(), key=lambda item: natural_order(item[0]))
    return [sorted(group, key=lambda entry: natural_order(entry.name)) for _, group in ordered]
