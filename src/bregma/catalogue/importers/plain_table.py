"""A table of a data set, read whole: CSV with a header, the columns that are needed checked, the others passed over."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.label_rows import LabelTableError, Problem
from bregma.scan.errors import RequestError, did_you_mean

FLAGS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table.

    Attributes:
        row: its number; the header is row 1.
        cells: column -> text without blanks around it.
        table: name of the file, for messages.
    """

    row: int
    cells: dict[str, str]
    table: str

    def problem(self, column: str, reason: str) -> Problem:
        """Something that is the matter with this line."""
        return Problem(self.row, column, reason, self.table)

    def flags(self, columns: Iterable[str], problems: list[Problem]) -> dict[str, float]:
        """Column -> 0 or 1, for the cells that are not blank; a cell of something else becomes a problem."""
        values: dict[str, float] = {}
        for column in columns:
            text = self.cells.get(column, "")
            if text in FLAGS:
                values[column] = FLAGS[text]
            elif text:
                problems.append(self.problem(column, f"{text!r} is neither 0 nor 1 (leave it blank if unknown)"))
        return values

    def number(self, column: str, problems: list[Problem]) -> int | None:
        """A whole number from 0; None where the cell holds none, which becomes a problem."""
        text = self.cells[column].removesuffix(".0")
        if text.isascii() and text.isdecimal():
            return int(text)
        problems.append(self.problem(column, f"{self.cells[column]!r} is no whole number"))
        return None


def read_lines(table: Path, required: Sequence[str]) -> list[Line]:
    """The lines of a table; blank ones are passed over.

    Args:
        table: UTF-8, comma between cells.
        required: columns without which nothing can be made of it.

    Raises:
        LabelTableError: a column is missing or there twice, or lines have more or fewer cells than the header.
        RequestError: the file cannot be read as a table at all.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except OSError as error:
        raise RequestError(f"table {table.name} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"table {table.name} is no UTF-8 CSV ({type(error).__name__}: {error})") from error
    problems = list(_check_header(header, required))
    rows = [(row, cells) for row, cells in rows if any(cells)]
    for row, cells in rows:
        if len(cells) != len(header):
            problems.append(Problem(row, header[-1], f"the row has {len(cells)} cells; the header has {len(header)}"))
    if problems:
        raise LabelTableError(table, problems)
    return [Line(row, dict(zip(header, cells, strict=True)), table.name) for row, cells in rows]


def _check_header(header: Sequence[str], required: Sequence[str]) -> Iterator[Problem]:
    for name in required:
        if name not in header:
            yield Problem(1, name, f"the column is missing{did_you_mean(name, header)}")
        elif header.count(name) > 1:
            yield Problem(1, name, f"the column is there {header.count(name)} times")
