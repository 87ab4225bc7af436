"""Which PNG files are slices of one head, and in which order: all there is to go by are their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from bregma.io.entry import Entry
from bregma.io.png_sidecar import read_sidecar
from bregma.scan.errors import RefusedError

SIDECAR = "scan.json"
_DIGITS = re.compile(r"(\d+)")
_NUMBERED = re.compile(r"^(.*?)[_\-. ]?(\d+)\.png$", re.IGNORECASE)


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sorting key by which "slice_2" comes before "slice_10"."""
    parts = _DIGITS.split(name)
    return tuple((1, int(part), part) if part.isdecimal() and part.isascii() else (0, 0, part) for part in parts)


def picture_scans(entries: Iterable[Entry]) -> list[list[Entry]]:
    """PNG files and side-cars put together to scans: by folder, and within a folder by the names.

    The pictures that a side-car lists are one scan. A side-car without a list holds for every head of its folder.

    Returns:
        the files of each scan, its side-car with them if there is one.
    """
    folders: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        folders[entry.name.rpartition("/")[0]].append(entry)
    found: list[list[Entry]] = []
    for folder in folders.values():
        sidecars = [entry for entry in folder if entry.name.rpartition("/")[2].lower() == SIDECAR]
        pictures = [entry for entry in folder if entry not in sidecars]
        groups = [pictures] if sidecars and not _holds_several(sidecars[0], pictures) else group_slices(pictures)
        found += [[*group, *sidecars[:1]] for group in groups]
    return found


def _holds_several(sidecar: Entry, pictures: list[Entry]) -> bool:
    """Whether a folder with a side-car is of several heads: all files numbered, some heads of several files."""
    try:
        listed = read_sidecar(sidecar).files
    except RefusedError:
        return False
    numbered = all(_NUMBERED.match(entry.name.rpartition("/")[2]) for entry in pictures)
    groups = group_slices(pictures)
    return not listed and numbered and len(groups) > 1 and max(map(len, groups)) > 1


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
