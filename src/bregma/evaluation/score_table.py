"""Scores of scans whose truth is known, from a CSV, for `worklist`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bregma.evaluation.worklist import Scores
from bregma.scan.errors import RequestError


def read_scores(path: Path) -> Scores:
    """Read a CSV with the columns truth (0 or 1) and score; other columns are not looked at.

    Args:
        path: of the CSV.

    Raises:
        RequestError: the file cannot be read, a column is missing, a cell is wrong, or only one kind of scan is there.
    """
    found: dict[str, list[float]] = {"0": [], "1": []}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"truth", "score"} <= set(rows.fieldnames or ()):
                raise RequestError(f"{path.name!r} has not both columns; expected truth and score")
            for number, row in enumerate(rows, start=2):
                truth, score = (row["truth"] or "").strip(), _number(row["score"])
                if truth not in found or score is None:
                    raise RequestError(f"{path.name!r}, row {number}: expected a truth of 0 or 1 and a number as score")
                found[truth].append(score)
    except FileNotFoundError as error:
        raise RequestError(f"there is no file {path.name!r}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path.name!r} cannot be read as a table; expected a CSV in UTF-8") from error
    return Scores(np.array(found["1"]), np.array(found["0"]))


def _number(cell: str | None) -> float | None:
    try:
        value = float(cell or "")
    except ValueError:
        return None
    return value if np.isfinite(value) else None
