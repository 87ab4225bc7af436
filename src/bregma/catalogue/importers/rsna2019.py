"""RSNA 2019 brain CT hemorrhage challenge, as Kaggle hands it out.

    stage_2_train/ID_<image>.dcm     752,803 slices, labelled
    stage_2_test/ID_<image>.dcm      121,232 slices, not labelled
    stage_2_train.csv                ID,Label: ID_<image>_<finding>,0 or 1; six lines for each image
    stage_2_sample_submission.csv    not used

Flanders et al., "Construction of a Machine Learning Dataset through Collaboration: The RSNA 2019 Brain CT Hemorrhage
Challenge", Radiology: Artificial Intelligence 2020;2(3):e190211.
https://www.kaggle.com/c/rsna-intracranial-hemorrhage-detection

The files of all studies lie in one folder; the headers tell which belong together. Their UIDs are no UIDs ("ID_..."),
which is all the same to the reader. Labels are of slices, by the data set. An image without a label stays unlabelled.
The wide table `sop_id,any,epidural,...` is read too, in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.dicom_studies import Files, discover_files, files_below, packed, parted, studies_of
from bregma.catalogue.importers.part import DataSetPart, LayoutError, Looked
from bregma.catalogue.importers.rsna_table import SliceLabels, header_of, is_slice_table, read_slice_labels
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.io.candidate import Discovery
from bregma.io.find import load
from bregma.scan.labels import Level
from bregma.scan.study import Refusal

NAME = "rsna2019"
SOURCE = "dataset:rsna2019"
LAYOUT = (
    "DICOM files (ID_....dcm), in folders or not, and beside the folders stage_2_train.csv with the header ID,Label"
)

KAGGLES = "stage_2_train.csv"
NOT_LABELS = "sample_submission"


def parts(folder: Path) -> Iterator[DataSetPart | Looked]:
    """The data set, some whole studies at a time, after a look at the header of every file.

    Memory: the names of the files and one number for each image, about 0.3 GB for the whole of RSNA 2019.

    Raises:
        LayoutError: there is no table, or no DICOM file.
        LabelTableError: the table has wrong cells.
    """
    files = files_below(folder)
    table = _table(folder, files)
    if not files.dicom:
        raise LayoutError(NAME, "there is no DICOM file", LAYOUT)
    labels = read_slice_labels(folder / table)
    studies = yield from studies_of(folder, files.dicom)
    for number, names in enumerate(parted(studies)):
        part = _part(discover_files(folder, names), labels, total=len(studies))
        yield part if number else _with_the_folder(part, files, table, labels)
    yield DataSetPart(Discovery(folder, (), ()), load, not_found=_left(labels), total=len(studies))


def _table(folder: Path, files: Files) -> str:
    """The one table of labels."""
    if KAGGLES in files.others:
        return KAGGLES
    tables = [
        name
        for name in files.others
        if name.lower().endswith((".csv", ".csv.gz")) and NOT_LABELS not in name and "/" not in name
    ]
    named = [name for name in tables if is_slice_table(header_of(folder / name))]
    if not named:
        raise LayoutError(NAME, "there is no table of slice labels", LAYOUT)
    if len(named) > 1:
        raise LayoutError(NAME, f"there are {len(named)} tables of slice labels ({', '.join(named)})", LAYOUT)
    return named[0]


def _with_the_folder(part: DataSetPart, files: Files, table: str, labels: SliceLabels) -> DataSetPart:
    """The first part, with what is said once about the whole folder."""
    others = tuple(name for name in files.others if name != table)
    refused = (Refusal("not_an_image", "neither DICOM nor the table of labels", others),) if others else ()
    return replace(
        part,
        found=replace(part.found, refused=(*part.found.refused, *files.refused, *refused)),
        conflicts=tuple(labels.conflicts),
        wrong=packed(files),
        duplicates=labels.duplicates,
    )


def _part(found: Discovery, labels: SliceLabels, *, total: int) -> DataSetPart:
    """Some scans and what is said of their images; of one image that is there twice, the library says which it has."""
    rows: list[TableRow] = []
    unlabelled = 0
    for candidate in found.candidates:
        for image in dict.fromkeys(image.sop_uid for place in candidate.places for image in place):
            said = labels.take(image)
            if said is None:
                unlabelled += 1
                continue
            row, values = said
            rows.append(
                TableRow(
                    row,
                    candidate.series_uid,
                    Level.SLICE,
                    image,
                    values,
                    SOURCE,
                    table=labels.name,
                    columns={"part": labels.column},
                    exhaustive=True,
                )
            )
    return DataSetPart(found, load, rows=tuple(rows), unlabelled=unlabelled, total=total)


def _left(labels: SliceLabels) -> Iterator[Problem]:
    """Labels of images that are not here."""
    for image, row in labels.left():
        yield Problem(row, labels.column, f"there is no readable image {image}", labels.name)
