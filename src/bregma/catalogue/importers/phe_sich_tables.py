"""What the tables of PHE-SICH-CT-IDS say of slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.importers.plain_table import Line, read_lines
from bregma.catalogue.label_rows import LabelTableError, Problem

SLICE, PATIENT, INDEX, COUNT, VISIBLE = "slice_id", "patient", "slice_index", "n_boxes", "lesion_visible"
LEFT, TOP, RIGHT, BOTTOM = SIDES = ("xmin", "ymin", "xmax", "ymax")

Boxes = Mapping[str, Sequence[Line]]
"""Slice id -> its rows in boxes.csv."""


@dataclass(frozen=True, slots=True)
class SliceSaid:
    """One row of slices.csv that contradicts nothing.

    Attributes:
        line: where it stands.
        name: of the slice, "0001_14".
        index: of the slice among its patient's.
        visible: 1 where a lesion is seen on it, 0 where none is; None where the cell is blank.
    """

    line: Line
    name: str
    index: int
    visible: float | None


def read_boxes(table: Path) -> dict[str, list[Line]]:
    """The rows of boxes.csv by slice.

    Raises:
        LabelTableError: cells or columns are wrong.
        RequestError: the file cannot be read as a table at all.
    """
    boxes = defaultdict[str, list[Line]](list)
    problems: list[Problem] = []
    for line in read_lines(table, (SLICE, *SIDES)):
        sides = {side: line.number(side, problems) for side in SIDES}
        for low, high in ((LEFT, RIGHT), (TOP, BOTTOM)):
            least, most = sides[low], sides[high]
            if least is not None and most is not None and least >= most:
                problems.append(line.problem(high, f"it is {most}, and {low} is {least}; expected more"))
        boxes[line.cells[SLICE]].append(line)
    if problems:
        raise LabelTableError(table, problems)
    return dict(boxes)


@dataclass(frozen=True, slots=True)
class SliceTable:
    """What slices.csv says.

    Attributes:
        said: patient -> rows that contradict nothing.
        conflicts: rows that contradict themselves or the boxes.
        names: of all slices of which it speaks.
    """

    said: Mapping[str, Sequence[SliceSaid]]
    conflicts: tuple[Problem, ...]
    names: frozenset[str]


def read_slices(table: Path, boxes: Boxes) -> SliceTable:
    """The rows of slices.csv, held against the boxes.

    Raises:
        LabelTableError: cells or columns are wrong.
        RequestError: the file cannot be read as a table at all.
    """
    said = defaultdict[str, list[SliceSaid]](list)
    names: set[str] = set()
    conflicts: list[Problem] = []
    problems: list[Problem] = []
    for line in read_lines(table, (SLICE, PATIENT, INDEX, COUNT, VISIBLE)):
        names.add(line.cells[SLICE])
        index = line.number(INDEX, problems)
        count = line.number(COUNT, problems) if line.cells[COUNT] else None
        visible = line.flags((VISIBLE,), problems).get(VISIBLE)
        if index is None:
            continue
        one = SliceSaid(line, line.cells[SLICE], index, visible)
        against = _contradiction(one, count, len(boxes.get(one.name, ())))
        if against is None:
            said[line.cells[PATIENT]].append(one)
        else:
            conflicts.append(against)
    if problems:
        raise LabelTableError(table, problems)
    return SliceTable(said, tuple(conflicts), frozenset(names))


def patient_of(name: str) -> str:
    """The patient whose slice a name is of: "0001" for "0001_14"."""
    return name.rpartition("_")[0]


def _contradiction(said: SliceSaid, count: int | None, boxes: int) -> Problem | None:
    line = said.line
    if line.cells[PATIENT] != patient_of(said.name):
        return line.problem(PATIENT, f"it is {line.cells[PATIENT]!r}, and the slice is {said.name!r}")
    if count is not None and count != boxes:
        return line.problem(COUNT, f"it is {count}, and boxes.csv has {boxes} of slice {said.name}")
    if said.visible == 0.0 and boxes:
        return line.problem(VISIBLE, f"it is 0, and boxes.csv has {boxes} of slice {said.name}")
    return None
