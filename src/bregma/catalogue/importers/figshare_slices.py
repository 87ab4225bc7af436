"""The slices of the figshare brain tumour data set, from a table of pictures or from MATLAB files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bregma.catalogue.importers.plain_table import Line, read_lines
from bregma.catalogue.importers.tumour_volumes import missing_files
from bregma.catalogue.label_rows import LabelTableError, Problem
from bregma.io.figshare_mat import read_mat
from bregma.scan.errors import RefusedError, did_you_mean

KINDS = {1: "meningioma", 2: "glioma", 3: "pituitary"}
"""Label in a .mat file -> type."""

REQUIRED = ("slice_id", "image", "mask", "patient", "study", "tumour_type", "plane")
PLANES = ("axial", "coronal", "sagittal")
LENGTHS = {"pixel_mm": "PixelSpacing", "slice_step_mm": "SpacingBetweenSlices"}
"""Column -> fact, by DICOM keyword."""

_REPEATED = re.compile(r"(.*\d)[A-Za-z]")


@dataclass(frozen=True, slots=True)
class FigshareSlice:
    """One slice.

    Attributes:
        number: the data set's own.
        image: its file.
        outline: the file of its outline, the same for a .mat.
        patient: as the data set calls the patient.
        study: of the slice, of one patient.
        kind: type of the tumour.
        plane: "axial", "coronal", "sagittal", or "" where nothing says it.
        row: line of the table; 0 for none.
        table: its name, or the file.
        facts: by DICOM keyword.
    """

    number: int
    image: str
    outline: str
    patient: str
    study: str
    kind: str
    plane: str = ""
    row: int = 0
    table: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)


def of_table(folder: Path, table: str) -> tuple[list[FigshareSlice], list[Problem]]:
    """The slices of slices.csv, and those whose files are not there.

    Raises:
        LabelTableError: the table has wrong cells.
    """
    lines = read_lines(folder / table, REQUIRED)
    problems: list[Problem] = []
    slices = [one for line in lines if (one := _of_line(line, problems)) is not None]
    problems += _twice(slices)
    if problems:
        raise LabelTableError(folder / table, sorted(problems, key=lambda problem: problem.row))
    missing = {
        one.row: missing_files(folder, {"image": one.image, "mask": one.outline}, one.row, table) for one in slices
    }
    there = [one for one in slices if not missing[one.row]]
    return there, [problem for problems_of_one in missing.values() for problem in problems_of_one]


def of_mat_files(folder: Path, files: Sequence[Path]) -> tuple[list[FigshareSlice], list[Problem]]:
    """The slices of .mat files, and those that cannot be read.

    Raises:
        MissingExtraError: h5py is not installed.
    """
    slices, wrong = [], list[Problem]()
    for file in files:
        name = file.relative_to(folder).as_posix()
        try:
            held = read_mat(file)
        except RefusedError as error:
            wrong.append(Problem(0, "", error.reason, name))
            continue
        repeated = _REPEATED.fullmatch(held.patient)
        patient = repeated.group(1) if repeated else held.patient
        slices.append(FigshareSlice(int(file.stem), name, name, patient, held.patient, KINDS[held.label], table=name))
    return slices, wrong


def _of_line(line: Line, problems: list[Problem]) -> FigshareSlice | None:
    cells, before = line.cells, len(problems)
    number = line.number("slice_id", problems)
    for column, known in (("tumour_type", tuple(KINDS.values())), ("plane", PLANES)):
        if cells[column] not in known:
            problems.append(line.problem(column, f"{cells[column]!r} is none{did_you_mean(cells[column], known)}"))
    blank = [column for column in ("image", "mask", "patient", "study") if not cells[column]]
    problems += [line.problem(column, "it is blank") for column in blank]
    facts = {fact: value for column, fact in LENGTHS.items() if (value := _length(line, column, problems)) is not None}
    if number is None or len(problems) > before:
        return None
    return FigshareSlice(
        number,
        cells["image"],
        cells["mask"],
        cells["patient"],
        cells["study"],
        cells["tumour_type"],
        cells["plane"],
        line.row,
        line.table,
        {**facts, "Plane": cells["plane"]},
    )


def _length(line: Line, column: str, problems: list[Problem]) -> float | None:
    text = line.cells.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100:
        problems.append(line.problem(column, f"{text!r} is no length in mm"))
        return None
    return value


def _twice(slices: Sequence[FigshareSlice]) -> Iterator[Problem]:
    """Numbers that are there twice, and stacks of which two slices are of different kinds."""
    first: dict[object, FigshareSlice] = {}
    for one in slices:
        if first.setdefault(one.number, one) is not one:
            yield Problem(one.row, "slice_id", f"{one.number} is in row {first[one.number].row} too", one.table)
        stack = first.setdefault((one.study, one.plane), one)
        if (stack.kind, stack.patient) != (one.kind, one.patient):
            said = f"{stack.kind} of {stack.patient} in row {stack.row}, {one.kind} of {one.patient} here"
            reason = f"study {one.study} has {said}"
            yield Problem(one.row, "study", reason, one.table)
