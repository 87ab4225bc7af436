"""What the rows of one source draw in one scan, put together into one stored mask."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.contours import OutlineError, fill_outlines
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.mask_dicom import read_dicom_mask
from bregma.catalogue.mask_files import UNSPECIFIED, MaskFileError, read_nifti_mask, read_png_mask
from bregma.catalogue.records import ScanRecord, slice_key
from bregma.catalogue.targets import BIT, Bits, SourceMask
from bregma.scan.labels import Level
from bregma.scan.terms import ANY, SUBTYPES

ALL = np.uint8(sum(1 << bit for bit in BIT.values()))
ONLY_ANY = np.uint8(1 << BIT[ANY])


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What the rows of one source draw in one scan.

    Attributes:
        mask: of the rows that could be used.
        problems: rows that cannot be used: the table is wrong.
        conflicts: rows that draw what they say is absent; they are not in the mask.
    """

    mask: SourceMask
    problems: list[Problem]
    conflicts: list[Problem]


def draw_rows(rows: Sequence[TableRow], record: ScanRecord, folder: Path) -> Drawing:
    """All rows of one source in one scan that have a mask or contours, as one mask.

    Args:
        rows: of one scan and one source.
        record: the scan.
        folder: to which the paths in the rows are relative.
    """
    bits = np.zeros(record.shape, dtype=np.uint8)
    known = np.zeros(len(record.slices), dtype=np.uint8)
    problems: list[Problem] = []
    conflicts: list[Problem] = []
    for row in rows:
        column = "mask" if row.mask else "contours"
        try:
            more, more_known = _draw(row, record, folder)
        except (MaskFileError, OutlineError) as error:
            problems.append(row.problem(column, str(error)))
            continue
        against = _contradictions(row, more)
        conflicts += [row.problem(column, reason) for reason in against]
        if not against:
            bits |= more
            known |= more_known
    return Drawing(SourceMask(rows[0].source, bits, known), problems, conflicts)


def _draw(row: TableRow, record: ScanRecord, folder: Path) -> tuple[Bits, Bits]:
    """Bits (D, H, W) of one row and known (D,)."""
    if row.contours:
        part = row.part if row.level is Level.SLICE else None
        filled = fill_outlines(_contour_text(row, folder), record, part=part)
        drawn = np.zeros(record.shape, dtype=np.bool_)
        for index, mask in filled.items():
            drawn[index] = mask
        return _of_findings(row, drawn, np.isin(np.arange(len(drawn)), list(filled)))
    path = inside_folder(folder, row.mask)
    touched = np.ones(len(record.slices), dtype=np.bool_)
    if row.level is Level.SLICE:
        touched = np.array([slice_key(one) == row.part for one in record.slices], dtype=np.bool_)
    values = np.zeros(record.shape, dtype=np.uint8)
    kind = path.suffix.lower()
    if kind not in (".png", ".dcm"):
        values[touched] = read_nifti_mask(path, record, row.mask_values)[touched]
    elif touched.sum() != 1:
        raise MaskFileError(f"a {kind[1:].upper()} is one slice; give it in a row of level 'slice', or give a NIfTI")
    elif kind == ".png":
        values[touched] = read_png_mask(path, record, row.mask_values)
    else:
        values[touched] = read_dicom_mask(path, record)
    if row.level is Level.LESION:
        drawn = values > 0
        return _of_findings(row, drawn, np.asarray(drawn.any(axis=(1, 2))))
    return _of_values(values, touched)


def _of_values(values: Bits, touched: NDArray[np.bool_]) -> tuple[Bits, Bits]:
    """A mask with a value per subtype: all findings are known, but no subtype where one pixel's is not said."""
    bits = np.where(values > 0, ONLY_ANY, np.uint8(0))
    for number, name in enumerate(SUBTYPES, start=1):
        bits |= np.where(values == number, np.uint8(1 << BIT[name]), np.uint8(0))
    unspecified = np.isin(values, UNSPECIFIED).any(axis=(1, 2))
    known = np.where(unspecified, ONLY_ANY, ALL)
    return bits, np.where(touched, known, np.uint8(0)).astype(np.uint8)


def _of_findings(
    row: TableRow,
    drawn: NDArray[np.bool_],
    touched: NDArray[np.bool_],
) -> tuple[Bits, Bits]:
    """One shape that is everything the row says is present; `any` is known where it was drawn, and those."""
    present = ONLY_ANY
    for name, value in row.values.items():
        if value > 0.5 and name in BIT:
            present |= np.uint8(1 << BIT[name])
    return np.where(drawn, present, np.uint8(0)), np.where(touched, present, np.uint8(0))


def _contradictions(row: TableRow, bits: Bits) -> list[str]:
    """Findings that a row says are absent and draws all the same."""
    drawn = int(np.bitwise_or.reduce(bits, axis=None)) if bits.size else 0
    return [
        f"{name!r} is drawn, but the row says {value:g}"
        for name, value in row.values.items()
        if value == 0.0 and name in BIT and drawn >> BIT[name] & 1
    ]


def _contour_text(row: TableRow, folder: Path) -> str:
    if row.contours.lstrip().startswith(("[", "{")):
        return row.contours
    try:
        return inside_folder(folder, row.contours).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutlineError(f"the outlines cannot be read ({type(error).__name__})") from error


def inside_folder(folder: Path, name: str) -> Path:
    """A file below the table's folder; a path out of it is a mistake or worse.

    Links are followed, as those of scans are: stores such as git-annex and DVC put them in the place of files.

    Raises:
        MaskFileError: it leads out of the folder, or there is no such file.
    """
    below = Path(os.path.normpath(name))
    if below.is_absolute() or below.parts[:1] == (os.pardir,):
        raise MaskFileError(f"{name!r} leads out of the table's folder")
    path = folder / below
    if not path.is_file():
        raise MaskFileError(f"there is no file {name!r} in the table's folder")
    return path
