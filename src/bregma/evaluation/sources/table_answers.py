"""Answers from a plain table, a line for each thing a source said of a case; or the reads of CQ500 as they come."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bregma.catalogue.importers import cq500_table
from bregma.evaluation.cases import SCAN
from bregma.evaluation.sources.answers import Answers, CaseFacts, answers_of
from bregma.scan.errors import RequestError, did_you_mean

REQUIRED = ("case", "source", "finding", "value")
OPTIONAL = ("patient", "level")
"""Every other column is a fact of the case: age, scanner, site, ..."""

SHOWN = 10
"""Problems that an error message lists; the rest it counts."""


@dataclass(slots=True)
class _Read:
    """What a table holds, line by line."""

    cases: dict[str, CaseFacts] = field(default_factory=dict)
    said: dict[str, dict[tuple[str, str], float]] = field(default_factory=lambda: defaultdict(dict))
    problems: list[str] = field(default_factory=list)


def table_answers(table: Path, *, level: str, findings: Sequence[str]) -> list[Answers]:
    """What a table says about findings, one record for each of them.

    Args:
        table: UTF-8 CSV with the columns case, source, finding, value and, if you like, patient, level and facts; or
            the reads of CQ500 (name, R1:ICH, ...), whose sources are reader:cq500-1, -2 and -3.
        level: "slice" or "scan"; lines of another level are passed over, and a table without the column is of this one.
        findings: which; all that are there when empty.

    Raises:
        RequestError: it cannot be read, lines are wrong, or nothing is said about a finding.
    """
    of_cq500 = "R1:ICH" in _header(table)
    if of_cq500 and level != SCAN:
        raise RequestError(f"the reads of CQ500 ({table.name}) are of scans; there is none of a {level}")
    read = _reads(table) if of_cq500 else _plain(table, level)
    if read.problems:
        listed = "".join(f"\n  {problem}" for problem in read.problems[:SHOWN])
        more = f"\n  and {len(read.problems) - SHOWN} more" if len(read.problems) > SHOWN else ""
        raise RequestError(
            f"table {table.name} has {len(read.problems)} wrong lines; nothing was compared:{listed}{more}"
        )
    if not read.said:
        raise RequestError(f"{table.name} has no line in which somebody says something of a {level}")
    for finding in findings:
        if finding not in read.said:
            raise RequestError(f"{table.name} says nothing about {finding!r}{did_you_mean(finding, read.said)}")
    chosen = findings or sorted(read.said)
    return [answers_of(level, finding, read.cases.values(), read.said[finding]) for finding in chosen]


def _header(table: Path) -> list[str]:
    return next((cells for _, cells in _lines(table)), [])


def _lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file, strict=True), start=1):
                if any(cells):
                    yield number, [cell.strip() for cell in cells]
    except FileNotFoundError as error:
        raise RequestError(f"there is no file {table.name!r}") from error
    except OSError as error:
        raise RequestError(f"table {table.name} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"table {table.name} is no UTF-8 CSV ({type(error).__name__}: {error})") from error


def _reads(table: Path) -> _Read:
    read = _Read()
    for number, rows in cq500_table.every_read(table):
        case = f"CQ500-CT-{number}"
        read.cases[case] = CaseFacts(case, case)
        for row in rows:
            for finding, value in row.values.items():
                if read.said[finding].setdefault((row.source, case), value) != value:
                    read.problems.append(f"row {row.row}: {row.source} says {value:g} of {case}, and not so before")
    return read


def _plain(table: Path, level: str) -> _Read:
    read, lines = _Read(), _lines(table)
    _, header = next(lines, (1, []))
    missing = [name for name in REQUIRED if name not in header]
    if missing or len(set(header)) < len(header):
        raise RequestError(
            f"table {table.name} has the columns {', '.join(header) or 'none'}; expected {', '.join(REQUIRED)} and, "
            f"if you like, {', '.join(OPTIONAL)} and facts of the case, each once"
        )
    for number, cells in lines:
        if len(cells) != len(header):
            read.problems.append(f"row {number}: {len(cells)} cells; the header has {len(header)}")
            continue
        line = dict(zip(header, cells, strict=True))
        if line.get("level", level) == level and line["value"]:
            wrong = _take(read, line)
            if wrong:
                read.problems.append(f"row {number}: {wrong}")
    return read


def _take(read: _Read, line: Mapping[str, str]) -> str | None:
    """Keep a line; what is wrong with it, if anything."""
    blank = [name for name in REQUIRED if not line[name]]
    if blank:
        return f"{blank[0]} is blank"
    value = _share(line["value"])
    if value is None:
        return f"value {line['value']!r} is no number from 0 to 1 (leave it blank if unknown)"
    facts = {name: text for name, text in line.items() if name not in (*REQUIRED, *OPTIONAL) and text}
    case = CaseFacts(line["case"], line.get("patient") or line["case"], facts)
    before = read.cases.setdefault(case.case, case)
    if before != case:
        return f"case {case.case!r} has another patient or other facts than in a line before"
    key = (line["source"], case.case)
    if read.said[line["finding"]].setdefault(key, value) != value:
        return f"{line['source']} says {value:g} of case {case.case!r}, and not so in a line before"
    return None


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None
