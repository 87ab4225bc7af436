"""The slice labels of RSNA 2019, long as Kaggle hands them out or wide, read line by line into few bytes per image."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bregma.catalogue.label_rows import LabelTableError, Problem
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import FINDINGS

LONG = ["ID", "Label"]
"""Header of Kaggle's table: ID_<image>_<finding> and 0 or 1."""

NAMES = tuple(term.name for term in FINDINGS)
WIDE = {"sop_id", *NAMES}
"""Columns of the wide table, in any order."""

BIT = {name: 1 << place for place, name in enumerate(NAMES)}
PRESENT, UNSAID = 6, 12
"""Of an image's bits, the lowest six say what is known, the next six what is present, the last what is contradicted."""

VALUES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}

PROBLEMS = 100
"""Wrong cells after which a table is not read on."""


@dataclass(slots=True)
class SliceLabels:
    """What a table says of images.

    Attributes:
        name: of the table's file.
        column: in which it names the images.
        conflicts: an image said to have a finding and not to have it; neither is taken.
        duplicates: how often something was said again.
    """

    name: str
    column: str = ""
    conflicts: list[Problem] = field(default_factory=list)
    duplicates: int = 0
    _said: dict[str, int] = field(default_factory=dict)  # image -> first row and 18 bits

    def __len__(self) -> int:
        return len(self._said)

    def say(self, image: str, finding: str, value: int, *, row: int, column: str) -> None:
        """Note one cell."""
        bit = BIT[finding]
        said = self._said.get(image, row << 18)
        if said & bit << UNSAID:
            return
        if said & bit:
            if bool(said & bit << PRESENT) == bool(value):
                self.duplicates += 1
                return
            reason = f"{value} here, {1 - value} before, of {finding!r} in image {image}"
            self.conflicts.append(Problem(row, column, reason, self.name))
            said = (said | bit << UNSAID) & ~bit
        else:
            said |= bit | (bit << PRESENT if value else 0)
        self._said[image] = said

    def take(self, image: str) -> tuple[int, dict[str, float]] | None:
        """The first row about an image and its findings, once; None when nothing was said of it."""
        said = self._said.pop(image, None)
        if said is None:
            return None
        values = {name: float(bool(said & bit << PRESENT)) for name, bit in BIT.items() if said & bit}
        return said >> 18, values

    def left(self) -> Iterator[tuple[str, int]]:
        """Images that nobody has taken, with their first row."""
        return ((image, said >> 18) for image, said in self._said.items())


def read_slice_labels(table: Path) -> SliceLabels:
    """Read a table, CSV or gzipped CSV.

    Raises:
        LabelTableError: a cell or the header is wrong.
        RequestError: the file cannot be read as a table at all.
    """
    labels = SliceLabels(table.name)
    problems: list[Problem] = []
    try:
        with _opened(table) as file:
            for problem in _read(csv.reader(file, strict=True), labels):
                problems.append(problem)
                if len(problems) == PROBLEMS:
                    break
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RequestError(f"label table {table.name} is damaged or ends early; fetch it again") from error
    except OSError as error:
        raise RequestError(f"label table {table.name} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"label table {table.name} is no UTF-8 CSV ({type(error).__name__}: {error})") from error
    if problems:
        raise LabelTableError(table, problems, or_more=len(problems) == PROBLEMS)
    return labels


def header_of(table: Path) -> list[str]:
    """The first row of a table; empty where it cannot be read."""
    try:
        with _opened(table) as file:
            return [cell.strip() for cell in next(csv.reader(file), [])]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error):
        return []


def is_slice_table(header: Sequence[str]) -> bool:
    """Whether a header is one of those read here, or nearly."""
    return list(header) == LONG or "sop_id" in header


def _opened(table: Path) -> TextIO:
    if table.name.lower().endswith(".gz"):
        return gzip.open(table, "rt", encoding="utf-8-sig", newline="")
    return table.open(encoding="utf-8-sig", newline="")


def _read(lines: Iterator[list[str]], labels: SliceLabels) -> Iterator[Problem]:
    header = [cell.strip() for cell in next(lines, [])]
    labels.column = "ID" if header == LONG else "sop_id"
    if header == LONG:
        yield from _read_long(lines, labels)
        return
    if labels.column not in header:
        there = f"the header is {','.join(header)!r}" if header else "the table is empty"
        yield Problem(
            1, LONG[0], f"{there}; expected {','.join(LONG)!r}, as Kaggle has it, or a wide one with 'sop_id'"
        )
        return
    wrong = list(_check_wide(header))
    yield from wrong
    if not wrong:
        yield from _read_wide(lines, header, labels)


def _read_long(lines: Iterator[list[str]], labels: SliceLabels) -> Iterator[Problem]:
    name, column = LONG
    for row, cells in enumerate(lines, start=2):
        if not cells:
            continue
        if len(cells) != len(LONG):
            yield Problem(row, column, f"the row has {len(cells)} cells; the header has {len(LONG)}")
            continue
        image, _, finding = cells[0].rpartition("_")
        value = VALUES.get(cells[1])
        if finding not in BIT or not image.startswith("ID_"):
            reason = f"{cells[0]!r} is no ID_<image>_<finding>{did_you_mean(finding, NAMES)}"
            yield Problem(row, name, reason)
        elif value is not None:
            labels.say(image, finding, value, row=row, column=column)
        elif cells[1].strip():
            yield Problem(row, column, f"{cells[1]!r} is neither 0 nor 1 (leave it blank if unknown)")


def _check_wide(header: Sequence[str]) -> Iterator[Problem]:
    for name in header:
        if name not in WIDE:
            yield Problem(1, name, f"there is no such column{did_you_mean(name, WIDE)}")
        elif header.count(name) > 1:
            yield Problem(1, name, f"the column is there {header.count(name)} times")
    for name in sorted(WIDE.difference(header)):
        yield Problem(1, name, "the column is missing")


def _read_wide(lines: Iterator[list[str]], header: Sequence[str], labels: SliceLabels) -> Iterator[Problem]:
    at = header.index("sop_id")
    columns = [(place, name) for place, name in enumerate(header) if place != at]
    for row, cells in enumerate(lines, start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            yield Problem(row, header[-1], f"the row has {len(cells)} cells; the header has {len(header)}")
            continue
        if not cells[at].strip():
            yield Problem(row, "sop_id", "it is blank; expected the id of an image")
            continue
        for place, name in columns:
            value = VALUES.get(cells[place])
            if value is not None:
                labels.say(cells[at], name, value, row=row, column=name)
            elif cells[place].strip():
                yield Problem(row, name, f"{cells[place]!r} is neither 0 nor 1 (leave it blank if unknown)")
