"""LGG: lower-grade gliomas of TCGA with side and lobe, contrast-enhanced T1 volumes outlined on FLAIR.

    volumes.csv             patient, t1c, mask, side, lobe, tumour_type, spacing_known (other columns are not used)
    <patient>_t1c.nii.gz    8-bit values; the spacing in the header is not true
    <patient>_mask.nii.gz   1 where FLAIR is abnormal

Buda et al., "Association of genomic subtypes of lower-grade gliomas with shape features automatically extracted by a
deep learning algorithm", Comput Biol Med 2019;109:218-225. CC BY-NC-SA 4.0 as distributed; TCIA's originals CC BY 3.0.

A patient has one tumour, however many pieces its outline has. Side is the patient's; a lobe is an area.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.tumour_table import TableOfVolumes, read_volumes
from bregma.catalogue.importers.tumour_volumes import tumour_parts

NAME = "lgg"
SOURCE = "dataset:lgg"
TABLE = "volumes.csv"
REQUIRED = ("patient", "t1c", "mask", "side", "lobe", "spacing_known")
LAYOUT = f"{TABLE} and the NIfTI files that it names"


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Raises:
        LayoutError: there is no table.
        LabelTableError: the table has wrong cells or lacks a column.
    """
    if not (folder / TABLE).is_file():
        raise LayoutError(NAME, f"there is no table {TABLE!r}", LAYOUT)
    volumes, wrong = read_volumes(folder, TableOfVolumes(NAME, TABLE, REQUIRED))
    yield from tumour_parts(folder, volumes, SOURCE, wrong)
