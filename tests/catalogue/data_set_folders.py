"""Small data sets in the layout of the real ones, drawn by our own phantoms into a folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from bregma.phantom.dicom import write_dicom
from bregma.phantom.draw import draw
from bregma.phantom.studies import study_parameters

SLICES = 8
FINDINGS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SIGNS = (
    "BleedLocation-Left",
    "BleedLocation-Right",
    "ChronicBleed",
    "Fracture",
    "CalvarialFracture",
    "OtherFracture",
    "MassEffect",
    "MidlineShift",
)
"""As reads.csv calls them."""


@cache
def head() -> tuple[bytes, ...]:
    """The files of a drawn head of 64 x 64 pixels, foot to head."""
    phantom = draw(study_parameters(7, 0, 0.0, size=64, slices=SLICES))
    with TemporaryDirectory() as folder:
        write_dicom(phantom, Path(folder) / "dicom")
        return tuple(path.read_bytes() for path in sorted((Path(folder) / "dicom").iterdir()))


def write_head(folder: Path, names: Sequence[str], **tags: str) -> None:
    """The drawn head as DICOM files of these names, some of its attributes changed; {name} is that of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    for content, name in zip(head(), names, strict=True):
        path = folder / name
        image = pydicom.dcmread(BytesIO(content))
        for keyword, value in tags.items():
            said = value.replace("{name}", path.stem)
            kind = dictionary_VR(keyword)
            image[keyword] = DataElement(keyword, kind, said, validation_mode=IGNORE)
        image.save_as(path)


def rsna_image(study: int, index: int) -> str:
    """The id that RSNA 2019 might give a slice: nine hexadecimal digits, and no order among them."""
    return f"ID_{(study * 7919 + index * 104729) % 16**9:09x}"


def write_rsna(folder: Path, studies: int = 2) -> Path:
    """Kaggle's layout: the slices of all studies in one folder, ids that are no UIDs, and no labels yet."""
    for study in range(studies):
        names = [f"{rsna_image(study, index)}.dcm" for index in range(SLICES)]
        write_head(
            folder / "stage_2_train",
            names,
            PatientID=f"ID_{study:08x}",
            StudyInstanceUID=f"ID_{study:010x}",
            SeriesInstanceUID=f"ID_{study + 256:010x}",
            SOPInstanceUID="{name}",
        )
    return folder


def write_rsna_table(folder: Path, said: Mapping[str, str], *, extra: Sequence[str] = ()) -> Path:
    """stage_2_train.csv: image -> values of the six findings, "" for a line without a value."""
    lines = ["ID,Label"]
    for image, values in said.items():
        cells = values.split(",")
        lines += [f"{image}_{name},{value}" for name, value in zip(FINDINGS, cells, strict=True)]
    path = folder / "stage_2_train.csv"
    path.write_text("\n".join([*lines, *extra]) + "\n")
    return path


def write_cq500(folder: Path, numbers: Sequence[int], *, around: str = "") -> Path:
    """CQ500's layout: a folder for each study with two series."""
    for number in numbers:
        study = folder / around / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study"
        for series, place in enumerate(("CT PLAIN THIN", "CT Plain")):
            write_head(
                study / place,
                [f"CT{index:06d}.dcm" for index in range(SLICES)],
                PatientID=f"CQ500-CT-{number}",
                StudyInstanceUID=f"1.2.826.{number}",
                SeriesInstanceUID=f"1.2.826.{number}.{series}",
                SOPInstanceUID=f"1.2.826.{number}.{series}.{{name}}",
            )
    return folder


READER_COLUMNS = ("ICH", "IPH", "IVH", "SDH", "EDH", "SAH", *SIGNS)


def write_reads(folder: Path, reads: Mapping[str, Sequence[str]], *, without: str = "") -> Path:
    """reads.csv: name -> for each of three readers 14 characters, "0", "1" or "-" for a blank cell."""
    columns = ["name", "Category", *(f"R{reader}:{word}" for reader in (1, 2, 3) for word in READER_COLUMNS)]
    path = folder / "reads.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [name for name in columns if name != without], extrasaction="ignore")
        writer.writeheader()
        for name, said in reads.items():
            cells = [cell.replace("-", "") for reader in said for cell in reader]
            writer.writerow(dict(zip(columns, [name, "B1", *cells], strict=True)))
    return path
