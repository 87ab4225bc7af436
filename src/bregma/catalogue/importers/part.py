"""What an importer hands over: a data set in pieces, so that a large one needs no more memory than a small one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.staging import Load
from bregma.io.candidate import Discovery
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class DataSetPart:
    """Some scans of a data set and what is said about them: stored together, the labels in one transaction.

    Attributes:
        found: the scans; may be empty. Candidates of formats that name no series come from `named.py`, so that rows
            can name them.
        load: opens a candidate; importable by name, since other processes call it.
        rows: statements about scans of this part. Paths in them are relative to the data set's folder.
        not_found: statements that fit no scan of the data set; may be made while they are read.
        conflicts: what contradicts itself in the tables and is not in `rows`.
        wrong: files and rows that cannot be used; the rest of the data set is taken all the same.
        duplicates: statements that the tables make twice.
        unlabelled: images or scans of this part of which the tables say nothing.
        total: scans in the whole data set, for the progress bar; 0 where it is not known.
    """

    found: Discovery
    load: Load
    rows: tuple[TableRow, ...] = ()
    not_found: Iterable[Problem] = ()
    conflicts: tuple[Problem, ...] = ()
    wrong: tuple[Problem, ...] = ()
    duplicates: int = 0
    unlabelled: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """How far an importer is that must look at every file before it knows the first part.

    Attributes:
        done: files whose headers were read.
        total: files there are.
    """

    done: int
    total: int


Importer = Callable[[Path], Iterator[DataSetPart | Looked]]
"""Looks at a folder and yields it in parts, each made when it is asked for; before them, how far it is with looking.

Raises LayoutError, before the first part, where the folder does not look as the data set does, and LabelTableError
where a table has wrong cells. The same folder gives the same parts.
"""


class LayoutError(RequestError):
    """A folder does not look as the data set that it was called does.

    Args:
        data_set: name of the data set.
        missing: what is not as it should be, as a clause: "there is no file reads.csv".
        layout: what the folder should hold, as a clause.
    """

    def __init__(self, data_set: str, missing: str, layout: str) -> None:
        super().__init__(f"this folder is no {data_set}: {missing}; expected {layout} (docs/how-to/data-sets.md)")
