"""Scans of one's own with a table of labels.

labels.csv or labels.json     as docs/labels.md describes it
...                           scans of any kind that Bregma reads, in folders as one likes
...                           the masks and outlines that the table names, by their paths from this folder
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.label_rows import LabelTableError, TableRow, read_rows
from bregma.io.candidate import Discovery
from bregma.io.find import discover, load_any

NAME = "table"
TABLES = ("labels.csv", "labels.json")
LAYOUT = "scans and one of labels.csv and labels.json, as docs/labels.md describes it"

SCANS = 100
"""Scans of one part."""


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time. Each row must name who says so.

    Raises:
        LayoutError: there is no table, or there are two, or no scan.
        LabelTableError: the table has wrong rows.
    """
    there = [name for name in TABLES if (folder / name).is_file()]
    if len(there) != 1:
        raise LayoutError(NAME, f"it holds {' and '.join(there) or 'no ' + ' or '.join(TABLES)}", LAYOUT)
    table = there[0]
    rows, problems = read_rows(folder / table, source=None)
    if problems:
        raise LabelTableError(folder / table, problems)
    found = _without(
        discover(folder), {table, *(name for row in rows for name in (row.mask, row.contours, row.tumours) if name)}
    )
    if not found.candidates:
        raise LayoutError(NAME, "there is no scan", LAYOUT)
    yield from _parts(
        found, [replace(row, table=table, file=Path(row.file).as_posix() if row.file else "") for row in rows]
    )


def _without(found: Discovery, named: set[str]) -> Discovery:
    """What was found, less the files of which the table speaks: a mask is no scan."""
    named = {Path(name).as_posix() for name in named}
    candidates = [one for one in found.candidates if not named.issuperset(one.files)]
    refused = []
    for refusal in found.refused:
        left = tuple(name for name in refusal.files if name not in named)
        if left or not refusal.files:
            refused.append(replace(refusal, files=left))
    return Discovery(found.root, tuple(candidates), tuple(refused))


def _parts(found: Discovery, rows: Sequence[TableRow]) -> Iterator[DataSetPart]:
    """Scans some at a time with the rows that name their series or one of their files; the other rows come last."""
    about = defaultdict[str, list[TableRow]](list)
    for row in rows:
        about[row.file or row.series_uid].append(row)
    total = len(found.candidates)
    for start in range(0, total, SCANS):
        some = found.candidates[start : start + SCANS]
        names = dict.fromkeys(name for one in some for name in (one.series_uid, *one.files))
        said = tuple(row for name in names for row in about.pop(name, ()))
        yield DataSetPart(
            replace(found, candidates=some, refused=found.refused if start == 0 else ()), load_any, said, total=total
        )
    left = tuple(row for rows_of_one in about.values() for row in rows_of_one)
    yield DataSetPart(replace(found, candidates=(), refused=()), load_any, left, total=total)
