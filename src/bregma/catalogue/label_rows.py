"""The rows of a label table, read and checked one by one; docs/labels.md describes the table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bregma.catalogue.label_json import LabelJsonError, cells_of_json
from bregma.catalogue.tumour_cells import TUMOUR_COLUMNS, terms_in, wrong_cells
from bregma.scan.counted import counted
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.labels import Level
from bregma.scan.terms import ANATOMY, ANY, FINDINGS, SIGNS, SUBTYPES, implied_any, is_place

NAMES = tuple(term.name for term in (*FINDINGS, *SIGNS))
COLUMNS = ("series_uid", "file", "level", "part", *NAMES, "place", "source", "mask", "contours", *TUMOUR_COLUMNS)
"""Every column that a label table may have."""

SHOWN = 20
"""Problems that an error message lists; the rest it counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a label table, and where.

    Attributes:
        row: line of the table; the header is row 1.
        column: name of the column.
        reason: what is the matter, with the value.
        table: file of a data set; "" where there is only one table. A row 0 of it is the file as a whole.
    """

    row: int
    column: str
    reason: str
    table: str = ""

    def __str__(self) -> str:
        where = f"row {self.row}, column {self.column!r}" if self.row else ""
        return f"{' '.join(word for word in (self.table, where) if word)}: {self.reason}"


class LabelTableError(RequestError):
    """A label table has wrong rows; nothing of it was imported.

    Attributes:
        problems: all of them, in the order of the rows.
    """

    def __init__(self, table: Path, problems: Sequence[Problem], *, or_more: bool = False) -> None:
        listed = "\n".join(f"  {problem}" for problem in problems[:SHOWN])
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        count = counted(len(problems), "problem") + (" or more" if or_more else "")
        super().__init__(f"{table.name} has {count}; nothing was imported:\n{listed}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a label table.

    Attributes:
        row: line of the table, for messages.
        series_uid: of the scan; "" where the row names a file instead.
        level: what the row speaks of.
        part: the slice or the lesion; None for the scan.
        values: finding, place or what a tumour is -> value in [0, 1]; a blank cell is not in it, and the place named
            has 1.
        source: who says so.
        mask: path of a mask file relative to the table; "" for none.
        contours: JSON, or the path of a JSON file relative to the table; "" for none.
        mask_values: value in the mask file -> value as docs/labels.md has it; None where the file uses those.
        table: file of a data set in which the row is, for messages; see Problem.
        columns: finding -> name of its column in that file, where that is another one.
        file: a file of the scan in the place of its UID, relative to the folder that is imported with the table.
        exhaustive: whether `any` is only there where one of the five subtypes is, as in RSNA 2019; others may know of a
            bleed whose subtype they do not.
        tumours: path of a file that outlines tumours, relative to the table; "" for none.
        map: how that file outlines them, one of tumour_cells.MAPS.
    """

    row: int
    series_uid: str
    level: Level
    part: str | None
    values: dict[str, float]
    source: str
    mask: str = ""
    contours: str = ""
    mask_values: Mapping[int, int] | None = None
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    exhaustive: bool = False
    tumours: str = ""
    map: str = "numbered"

    def problem(self, column: str, reason: str) -> Problem:
        """Something that is the matter with this row."""
        return Problem(self.row, self.columns.get(column, column), reason, self.table)

    def contradiction(self) -> Problem | None:
        """A subtype that is more likely than `any`, which it implies, or an `any` that nothing explains; else None."""
        least = implied_any(self.values)
        if self.exhaustive and self.values.get(ANY) == 1.0 and all(self.values.get(one) == 0.0 for one in SUBTYPES):
            return self.problem(ANY, "'any' is 1, but all five subtypes are 0")
        if least is None or self.values.get(ANY, 1.0) >= least:
            return None
        worst = next(name for name in SUBTYPES if self.values.get(name, 0.0) > self.values[ANY])
        return self.problem(ANY, f"'any' is {self.values[ANY]:g}, but {worst!r} is {self.values[worst]:g}")


def read_rows(table: Path, *, source: str | None) -> tuple[list[TableRow], list[Problem]]:
    """All rows of a table that are right, and what is wrong with the others.

    Args:
        table: a CSV file, UTF-8, or the same as JSON.
        source: for rows that do not name one.

    Raises:
        RequestError: the file cannot be read as a table at all.
    """
    rows: list[TableRow] = []
    problems: list[Problem] = []
    read = _parse_json if table.suffix.lower() == ".json" else _parse
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            for item in read(file, source):
                (problems if isinstance(item, Problem) else rows).append(item)  # type: ignore[arg-type]
    except OSError as error:
        raise RequestError(f"label table {table.name} cannot be read: {error.strerror}") from error
    except LabelJsonError as error:
        raise RequestError(f"label table {table.name}: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"label table {table.name} is no UTF-8 CSV ({error.__class__.__name__}: {error})") from error
    return rows, problems


def _parse_json(lines: Iterable[str], source: str | None) -> Iterator[TableRow | Problem]:
    for row, cells in enumerate(cells_of_json("".join(lines)), start=1):
        wrong = list(_check_header(list(cells), row))
        yield from wrong or _parse_row(row, cells, source)


def _parse(lines: Iterator[str], source: str | None) -> Iterator[TableRow | Problem]:
    reader = csv.reader(lines, strict=True)
    header = [name.strip() for name in next(reader, [])]
    wrong = list(_check_header(header, 1))
    yield from wrong
    if wrong:
        return
    for cells in reader:
        row = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield Problem(row, header[-1], f"the row has {len(cells)} cells; the header has {len(header)}")
            continue
        yield from _parse_row(row, dict(zip(header, (cell.strip() for cell in cells), strict=True)), source)


def _check_header(header: Sequence[str], row: int) -> Iterator[Problem]:
    for name in header:
        if name not in COLUMNS:
            yield Problem(row, name, f"there is no such column{did_you_mean(name, COLUMNS)}")
        elif header.count(name) > 1:
            yield Problem(row, name, f"the column is there {header.count(name)} times")
    if "series_uid" not in header and "file" not in header:
        yield Problem(row, "series_uid", "the column is missing")
    if "level" not in header:
        yield Problem(row, "level", "the column is missing")


def _parse_row(row: int, cells: dict[str, str], source: str | None) -> Iterator[TableRow | Problem]:
    problems = list(_check_cells(row, cells, source))
    values: dict[str, float] = {}
    for name in NAMES:
        text = cells.get(name, "")
        if text:
            value = _number(text)
            if value is None:
                problems.append(Problem(row, name, f"{text!r} is no number from 0 to 1 (leave it blank if unknown)"))
            else:
                values[name] = value
    if cells.get("place"):
        values[cells["place"]] = 1.0
    values |= terms_in(cells)
    if problems:
        yield from problems
        return
    yield TableRow(
        row=row,
        series_uid=cells.get("series_uid", ""),
        level=Level(cells["level"]),
        part=cells.get("part") or None,
        values=values,
        source=cells.get("source") or source or "",
        mask=cells.get("mask", ""),
        contours=cells.get("contours", ""),
        file=cells.get("file", ""),
        tumours=cells.get("tumours", ""),
        map=cells.get("map") or "numbered",
    )


def _check_cells(row: int, cells: dict[str, str], source: str | None) -> Iterator[Problem]:
    level, part = cells["level"], cells.get("part", "")
    if not cells.get("series_uid") and not cells.get("file"):
        yield Problem(row, "series_uid", "it is blank; expected a Series Instance UID")
    if cells.get("series_uid") and cells.get("file"):
        yield Problem(row, "file", "the row has a series_uid too; expected one of them")
    if level not in set(Level):
        yield Problem(row, "level", f"{level!r} is no level{did_you_mean(level, [one.value for one in Level])}")
    elif (level == Level.SCAN) == bool(part):
        expected = "nothing, for the whole scan" if level == Level.SCAN else f"the name of the {level}"
        yield Problem(row, "part", f"{part!r} at level {level!r}; expected {expected}")
    if (place := cells.get("place", "")) and not is_place(place):
        yield Problem(row, "place", f"{place!r} is no place{did_you_mean(place, ANATOMY)}")
    elif place and level != Level.LESION:
        yield Problem(row, "place", f"{place!r} at level {level!r}; a place is said of a lesion")
    if not (cells.get("source") or source):
        yield Problem(row, "source", "nobody is named; fill the column or give a source for the whole table")
    if cells.get("mask") and cells.get("contours"):
        yield Problem(row, "contours", "the row has a mask too; expected one of them")
    yield from (Problem(row, column, reason) for column, reason in wrong_cells(cells))


def _number(text: str) -> float | None:
    """A value from 0 to 1; None for anything else, NaN included."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None
