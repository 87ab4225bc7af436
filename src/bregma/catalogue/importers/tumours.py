"""MR scans of one's own with outlined tumours, as NIfTI files and one table.

    tumours.csv (or volumes.csv)    scan, patient, outline, ... one line for each tumour
    ...                             the scans and outlines (.nii, .nii.gz), by their paths from this folder

Columns: scan, patient; outline, map (numbered, components, one), number, study, date, spacing_known, and for each
tumour type, area, side, depth, height. Anything but scan and patient may be missing or blank. Tables with t1c, mask,
tumour_type, timepoint and lobe are understood as they are, see `tumour_table.ALIASES`. A DICOM series with a
DICOM Segmentation comes in by `bregma import` and `bregma labels import`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.tumour_table import TableOfVolumes, read_volumes
from bregma.catalogue.importers.tumour_volumes import tumour_parts

NAME = "tumours"
TABLES = ("tumours.csv", "volumes.csv")
SOURCE = "dataset:tumours"
LAYOUT = "a table tumours.csv with the columns scan and patient, and the NIfTI files that it names"


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time. UIDs come from the folder's name and the files' names in it.

    Raises:
        LayoutError: there is no table, or there are two.
        LabelTableError: the table has wrong cells.
    """
    there = [name for name in TABLES if (folder / name).is_file()]
    if len(there) != 1:
        raise LayoutError(NAME, f"it holds {' and '.join(there) or 'no ' + ' or '.join(TABLES)}", LAYOUT)
    name = folder.resolve().name
    volumes, wrong = read_volumes(folder, TableOfVolumes(f"{NAME} {name}", there[0], ("patient",)))
    yield from tumour_parts(folder, volumes, SOURCE, wrong)
