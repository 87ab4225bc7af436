"""The tumours that the rows of one source outline in one scan, as one numbered map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bregma.catalogue.drawings import inside_folder
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.mask_files import MaskFileError
from bregma.catalogue.records import ScanRecord, slice_key
from bregma.catalogue.tumour_cells import MOST
from bregma.catalogue.tumour_files import read_outlined
from bregma.scan.labels import Level
from bregma.scan.tumour import TumourMap

TOUCHING = np.ones((3, 3, 3))
"""26 neighbours hang together."""


def draw_tumour_map(rows: Sequence[TableRow], record: ScanRecord, folder: Path) -> tuple[TumourMap, list[Problem]]:
    """All rows of one source in one scan that outline tumours, as one map.

    Args:
        rows: of one scan and one source, all with a file.
        record: the scan.
        folder: to which the paths in the rows are relative.

    Returns:
        (D, H, W) numbers, and what is the matter with the rows; the map is of no use then.
    """
    values = np.zeros(record.shape, dtype=np.int64)
    problems: list[Problem] = []
    for row in rows:
        try:
            touched = _touched(row, record)
            path = inside_folder(folder, row.tumours)
            outlined = read_outlined(path, record, touched)
            values[touched] = _meant(outlined, row)
        except MaskFileError as error:
            problems.append(row.problem("tumours", str(error)))
    kinds = sorted({row.map for row in rows})
    if len(kinds) > 1:
        problems.append(rows[-1].problem("map", f"rows of one scan are {' and '.join(kinds)}; expected one kind"))
    if not problems:
        try:
            return numbered(values, kinds[0]), []
        except MaskFileError as error:
            problems.append(rows[0].problem("tumours", str(error)))
    return np.zeros(record.shape, dtype=np.uint8), problems


def numbered(values: NDArray[np.integer], kind: str) -> TumourMap:
    """A map with a number for each tumour.

    Args:
        values: (D, H, W), 0 outside.
        kind: "numbered" (as it is), "components" (what hangs together over 26 neighbours, counted from the foot, then
            by row and column of its first voxel) or "one" (all of it is tumour 1).

    Raises:
        MaskFileError: there is no tumour, or a number is above 255 or below 0.
    """
    if kind == "components":
        values, _ = ndimage.label(values != 0, structure=TOUCHING)
    elif kind == "one":
        values = values != 0
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if high == 0:
        raise MaskFileError("nothing is outlined")
    if low < 0 or high > MOST:
        raise MaskFileError(f"the map holds {low if low < 0 else high}; expected 0 and numbers from 1 to {MOST}")
    return np.ascontiguousarray(values, dtype=np.uint8)


def _touched(row: TableRow, record: ScanRecord) -> NDArray[np.bool_]:
    """(D,) the slices that a row speaks of."""
    if row.level is Level.SLICE:
        return np.array([slice_key(one) == row.part for one in record.slices], dtype=np.bool_)
    return np.ones(len(record.slices), dtype=np.bool_)


def _meant(values: NDArray[np.generic], row: TableRow) -> NDArray[np.int64]:
    """Whole numbers, those of the file replaced by what they mean where the row says so."""
    whole = np.rint(np.asarray(values, dtype=np.float64)).astype(np.int64)
    if row.mask_values is None:
        return whole
    strange = sorted(set(np.unique(whole).tolist()) - set(row.mask_values))
    if strange:
        expected = ", ".join(map(str, sorted(row.mask_values)))
        raise MaskFileError(f"the file holds the value {strange[0]}; expected {expected}")
    meant = np.zeros(whole.shape, dtype=np.int64)
    for there, ours in row.mask_values.items():
        meant[whole == there] = ours
    return meant
