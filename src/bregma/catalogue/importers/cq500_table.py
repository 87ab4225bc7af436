"""The reads of CQ500: one line for each study, 14 columns for each of three radiologists."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.label_rows import LabelTableError, Problem, TableRow
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.labels import Level

TABLE = "reads.csv"
READERS = (1, 2, 3)

TERMS = {
    "ICH": "any",
    "IPH": "intraparenchymal",
    "IVH": "intraventricular",
    "SDH": "subdural",
    "EDH": "epidural",
    "SAH": "subarachnoid",
    "BleedLocation-Left": "bleed_left",
    "BleedLocation-Right": "bleed_right",
    "ChronicBleed": "chronic_bleed",
    "Fracture": "fracture",
    "CalvarialFracture": "calvarial_fracture",
    "OtherFracture": "other_fracture",
    "MassEffect": "mass_effect",
    "MidlineShift": "midline_shift",
}
"""Column of a reader -> our term; the five subtypes and "ICH" are findings, the others signs (scan.terms)."""

COLUMNS = ("name", *(f"R{reader}:{word}" for reader in READERS for word in TERMS))
IGNORED = ("Category",)
"""B1 and B2: the batch in which a study was chosen."""

NUMBER = re.compile(r"CQ500[-_ ]?CT[-_ ]?(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reads:
    """The table.

    Attributes:
        by_study: number of a study -> a row for each radiologist, not yet about a series.
        lines: number of a study -> its first line.
        conflicts: rows whose `any` is below a subtype, and studies that are there twice with other reads; neither is
            in `by_study`.
        duplicates: labels of studies that are there twice, with the same values.
    """

    by_study: dict[int, list[TableRow]]
    lines: dict[int, int]
    conflicts: list[Problem]
    duplicates: int


def number_of(name: str) -> int | None:
    """The number of the study that a name speaks of, "CQ500-CT-427" as well as "CQ500CT427 CQ500CT427"."""
    found = NUMBER.findall(name)
    return int(found[-1]) if found else None


def every_read(table: Path) -> list[tuple[int, list[TableRow]]]:
    """(Number of a study, a row for each radiologist) line by line, as written: contradictions and repetitions too.

    Raises:
        LabelTableError: a cell or the header is wrong.
        RequestError: the file cannot be read as a table at all.
    """
    read: list[tuple[int, list[TableRow]]] = []
    problems: list[Problem] = []
    for item in _read(table):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            read.append(item)
    if problems:
        raise LabelTableError(table, problems)
    return read


def read_table(table: Path) -> Reads:
    """The table of reads.

    Raises:
        LabelTableError: a cell or the header is wrong.
        RequestError: the file cannot be read as a table at all.
    """
    said: dict[int, list[TableRow]] = {}
    again = [(number, rows) for number, rows in every_read(table) if said.setdefault(number, rows) is not rows]
    lines = {number: rows[0].row for number, rows in said.items()}
    conflicts: list[Problem] = []
    duplicates = 0
    for number, rows in again:
        if [one.values for one in said[number]] == [one.values for one in rows]:
            duplicates += sum(len(one.values) for one in rows)
            continue
        reason = f"the study is in row {lines[number]} too, with other reads; neither is taken"
        conflicts.append(Problem(rows[0].row, "name", reason, TABLE))
    twice = {number for number, rows in again if [one.values for one in said[number]] != [one.values for one in rows]}
    by_study = {}
    for number, rows in said.items():
        if number not in twice:
            conflicts += [wrong for one in rows if (wrong := one.contradiction())]
            by_study[number] = [one for one in rows if one.contradiction() is None]
    return Reads(by_study, lines, sorted(conflicts, key=lambda problem: problem.row), duplicates)


def _read(table: Path) -> Iterator[tuple[int, list[TableRow]] | Problem]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = [name.strip() for name in next(lines, [])]
            wrong = list(_check_header(header))
            yield from wrong
            for row, cells in enumerate(lines, start=2):
                if any(cells) and not wrong:
                    yield from _read_row(row, [cell.strip() for cell in cells], header)
    except OSError as error:
        raise RequestError(f"label table {table.name} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"label table {table.name} is no UTF-8 CSV ({type(error).__name__}: {error})") from error


def _check_header(header: Sequence[str]) -> Iterator[Problem]:
    for name in header:
        if name not in (*COLUMNS, *IGNORED):
            yield Problem(1, name, f"there is no such column{did_you_mean(name, COLUMNS)}", TABLE)
        elif header.count(name) > 1:
            yield Problem(1, name, f"the column is there {header.count(name)} times", TABLE)
    for name in COLUMNS:
        if name not in header:
            yield Problem(1, name, "the column is missing", TABLE)


def _read_row(row: int, line: Sequence[str], header: Sequence[str]) -> Iterator[tuple[int, list[TableRow]] | Problem]:
    if len(line) != len(header):
        yield Problem(row, header[-1], f"the row has {len(line)} cells; the header has {len(header)}", TABLE)
        return
    cells = dict(zip(header, line, strict=True))
    number = number_of(cells["name"])
    problems = [
        Problem(row, name, f"{cells[name]!r} is neither 0 nor 1 (leave it blank if unknown)", TABLE)
        for name in COLUMNS[1:]
        if cells[name] not in ("", "0", "1")
    ]
    if number is None:
        problems.insert(0, Problem(row, "name", f"{cells['name']!r} is no name such as CQ500-CT-427", TABLE))
    yield from problems
    if number is not None and not problems:
        yield number, [_row_of(reader, row, cells) for reader in READERS]


def _row_of(reader: int, row: int, cells: dict[str, str]) -> TableRow:
    """What one radiologist says of one study."""
    columns = {term: f"R{reader}:{word}" for word, term in TERMS.items()}
    values = {term: float(cells[column]) for term, column in columns.items() if cells[column]}
    source = f"reader:cq500-{reader}"
    return TableRow(row, "", Level.SCAN, None, values, source, table=TABLE, columns=columns)
