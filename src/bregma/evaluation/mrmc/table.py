"""The table of a reader study: a CSV with a row per read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bregma.evaluation.mrmc.reader_study import Read, ReaderStudy, study_of
from bregma.scan.errors import RequestError

COLUMNS = ("reader", "treatment", "case", "truth", "rating")
PATIENT = "patient"
ALL = "all"
"""The name of the one treatment where none is named."""

TRUTHS = {"0": False, "1": True}


def read_table(path: Path) -> ReaderStudy:
    """Read a study from a CSV with the columns reader, treatment, case, truth (0 or 1) and rating.

    A row with a blank rating is a read that did not happen. Without a column treatment there is one treatment. A column
    patient says which cases belong together; without it every case is another patient's.

    Args:
        path: of the CSV.

    Raises:
        RequestError: the file cannot be read, a column is missing or a cell is wrong; with the row's number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ()) and name != "treatment"]
            if missing:
                raise RequestError(f"{path.name!r} has no column {missing[0]!r}; expected {', '.join(COLUMNS)}")
            return study_of(_reads(rows, path.name))
    except FileNotFoundError as error:
        raise RequestError(f"there is no file {path.name!r}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path.name!r} cannot be read as a table; expected a CSV in UTF-8") from error


def _reads(rows: csv.DictReader[str], name: str) -> Iterator[Read]:
    for number, row in enumerate(rows, start=2):
        cells = {column: (row.get(column) or "").strip() for column in (*COLUMNS, PATIENT)}
        where = f"{name!r}, row {number}"
        if not cells["rating"]:
            continue
        if cells["truth"] not in TRUTHS:
            raise RequestError(f"{where}: truth is {cells['truth']!r}; expected 0 or 1")
        if not cells["reader"] or not cells["case"]:
            raise RequestError(f"{where}: reader or case is blank; name both, or leave the row out")
        try:
            rating = float(cells["rating"])
        except ValueError as error:
            raise RequestError(f"{where}: rating is {cells['rating']!r}; expected a number") from error
        truth = TRUTHS[cells["truth"]]
        yield Read(cells["reader"], cells["treatment"] or ALL, cells["case"], truth, rating, cells[PATIENT])
