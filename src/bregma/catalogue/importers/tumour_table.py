"""A table of tumour volumes: which file is a scan, which outlines its tumours, and what is known of each.

One line for a scan with one tumour, or several lines for several. The names of other people's columns are understood
beside our own, see `ALIASES` and docs/how-to/data-sets.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.importers.named_mr import mr_candidate
from bregma.catalogue.importers.plain_table import Line, read_lines
from bregma.catalogue.importers.tumour_volumes import OutlinedVolume, missing_files
from bregma.catalogue.label_rows import LabelTableError, Problem
from bregma.catalogue.tumour_cells import MAPS, is_number
from bregma.scan.errors import did_you_mean
from bregma.scan.terms import TUMOUR_CRITERIA

ALIASES = {
    "scan": ("scan", "t1c"),
    "outline": ("outline", "mask", "labels"),
    "study": ("study", "timepoint"),
    "type": ("type", "tumour_type"),
    "area": ("area", "lobe"),
}
"""What is meant -> the columns that may say it, ours first."""

MEANT = {
    "type": {"glioblastoma": "glioma", "glioma_lgg": "glioma", "pituitary tumor": "pituitary"},
    "area": {lobe: f"{lobe} region" for lobe in ("frontal", "parietal", "temporal", "occipital")},
}
"""Words of other tables -> our terms."""

NOT_TRUE = ("no", "0", "false")


@dataclass(frozen=True, slots=True)
class TableOfVolumes:
    """Where a table lies and what its files mean.

    Attributes:
        data_set: name of the data set.
        table: name of the file in the folder.
        required: columns without which it is not this data set.
        meaning: value in an outline -> 0 or a tumour's number; None where it holds those.
    """

    data_set: str
    table: str
    required: Sequence[str]
    meaning: Mapping[int, int] | None = None


def read_volumes(folder: Path, volumes: TableOfVolumes) -> tuple[list[OutlinedVolume], list[Problem]]:
    """The scans of a table in its order, and rows whose files are not there.

    Raises:
        LabelTableError: a column is missing, or a cell is wrong.
        RequestError: the file cannot be read as a table at all.
    """
    lines = read_lines(folder / volumes.table, volumes.required)
    problems = [problem for line in lines for problem in _wrong(line)]
    about = defaultdict[str, list[Line]](list)
    for line in lines:
        about[_cell(line, "scan")].append(line)
    problems += [problem for group in about.values() for problem in _unlike(group)]
    if problems:
        raise LabelTableError(folder / volumes.table, sorted(problems, key=lambda problem: problem.row))
    found, missing = [], list[Problem]()
    for scan, group in about.items():
        first, outline = group[0], _cell(group[0], "outline")
        absent = missing_files(folder, {_column(first, "scan"): scan}, first.row, volumes.table)
        if outline:
            absent += missing_files(folder, {_column(first, "outline"): outline}, first.row, volumes.table)
        missing += absent
        if not absent:
            found.append(_volume(folder, volumes, scan, group))
    return found, missing


def _volume(folder: Path, volumes: TableOfVolumes, scan: str, group: Sequence[Line]) -> OutlinedVolume:
    first, date = group[0], _cell(group[0], "date").replace("-", "")
    study = _cell(first, "study")
    candidate = mr_candidate(
        folder,
        (scan,),
        data_set=volumes.data_set,
        scan=scan,
        patient=_cell(first, "patient"),
        study=f"{_cell(first, 'patient')} {study}" if study else "",
        spacing_known=_cell(first, "spacing_known").partition(" ")[0].lower() not in NOT_TRUE,
        facts={"StudyDate": date} if date else {},
    )
    said = {int(_cell(line, "number") or "1"): dict(_said(line)) for line in group}
    kind = _cell(first, "map") or ("numbered" if _cell(first, "number") else "one")
    return OutlinedVolume(
        candidate, _cell(first, "outline"), kind, volumes.meaning, said, row=first.row, table=volumes.table
    )


def _said(line: Line) -> Iterator[tuple[str, str]]:
    for criterion in TUMOUR_CRITERIA:
        if name := _cell(line, criterion):
            yield criterion, MEANT.get(criterion, {}).get(name, name)


def _wrong(line: Line) -> Iterator[Problem]:
    """What cannot be used in one line."""
    for word in ("scan", "patient"):
        if not _cell(line, word):
            yield line.problem(_column(line, word), "it is blank")
    for criterion, name in _said(line):
        known = [term.name for term in TUMOUR_CRITERIA[criterion]]
        if name not in known:
            reason = f"{name!r} is no {criterion} of a tumour{did_you_mean(name, known)}"
            yield line.problem(_column(line, criterion), reason)
    number, kind, date = _cell(line, "number"), _cell(line, "map"), _cell(line, "date").replace("-", "")
    if number and not is_number(number):
        yield line.problem("number", f"{number!r} is no tumour's number; expected 1 to 255")
    if kind and kind not in MAPS:
        yield line.problem("map", f"{kind!r} is no kind of map{did_you_mean(kind, MAPS)}")
    if date and not (len(date) == 8 and date.isdecimal()):
        yield line.problem("date", f"{date!r} is no date; expected YYYYMMDD or YYYY-MM-DD")
    for word in ("scan", "outline"):
        if ".." in Path(_cell(line, word)).parts or Path(_cell(line, word)).is_absolute():
            yield line.problem(_column(line, word), f"{_cell(line, word)!r} leads out of the table's folder")


def _unlike(group: Sequence[Line]) -> Iterator[Problem]:
    """Lines about one scan that disagree about the scan, or speak of one tumour twice."""
    first, numbers = group[0], set[str]()
    for line in group:
        for word in ("patient", "outline", "study", "date", "map", "spacing_known"):
            if _cell(line, word) != _cell(first, word):
                reason = f"{_cell(line, word)!r} here, {_cell(first, word)!r} in row {first.row} about the same scan"
                yield line.problem(_column(line, word), reason)
        number = _cell(line, "number") or "1"
        if number in numbers:
            yield line.problem("number", f"tumour {number} of this scan has a row before this one")
        numbers.add(number)


def _column(line: Line, word: str) -> str:
    """The column of a table that says something; our own name where none does."""
    return next((name for name in ALIASES.get(word, (word,)) if name in line.cells), word)


def _cell(line: Line, word: str) -> str:
    return line.cells.get(_column(line, word), "")
