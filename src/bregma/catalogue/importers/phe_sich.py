"""PHE-SICH-CT-IDS: spontaneous intracerebral hemorrhage as PNG slices, made for the oedema around the clot.

    images/0001_00.png ...      patient and slice; 8-bit display values, 512 x 512, foot to head
    masks/0001_14.png ...       outlines of the oedema: the ring around the clot, not the clot
    slices.csv                  slice_id, patient, slice_index, n_boxes, lesion_visible (other columns are not used)
    boxes.csv                   slice_id, xmin, ymin, xmax, ymax: a box around clot and ring

Ma et al., "PHE-SICH-CT-IDS: A benchmark CT image dataset for evaluation semantic segmentation, object detection and
radiomic feature extraction of perihematomal edema in spontaneous intracerebral hemorrhage", Comput Biol Med 2024;
https://doi.org/10.1016/j.compbiomed.2024.108342; the files: https://doi.org/10.6084/m9.figshare.23957937. CC BY 4.0 by
figshare, not commercial by the authors' statement.

The pictures of a patient are one scan. The window they were saved with is said nowhere: brain, 40/80, is assumed, with
a warning. The face is on the left and is turned to the top; which side is the patient's left stays unknown. A scan.json
beside the pictures says it better and takes the place of all that.

`lesion_visible` is `any` of the slice. A box makes the scan one with intraparenchymal blood. It is neither an outline
(it holds the ring too) nor a lesion of its own (one clot has a box on each slice). The outlines of the oedema are not
blood and are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from bregma.catalogue.importers.named import named_candidate, renamed
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.phe_sich_tables import (
    INDEX,
    SLICE,
    Boxes,
    SliceSaid,
    patient_of,
    read_boxes,
    read_slices,
)
from bregma.catalogue.importers.volume_files import in_parts
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.io.candidate import Candidate, Discovery
from bregma.io.entry import Entry, entry_of_file
from bregma.io.files import list_entries
from bregma.io.png_names import SIDECAR, natural_order
from bregma.io.png_sidecar import read_sidecar
from bregma.scan.errors import RefusedError
from bregma.scan.labels import Level
from bregma.scan.study import Refusal, Remark
from bregma.scan.terms import ANY
from bregma.scan.volume import Scan

NAME = "phe_sich"
SOURCE = "dataset:phe_sich"
LAYOUT = "images (0001_00.png ...), slices.csv and boxes.csv"

IMAGES, MASKS, SLICES, BOXES = "images", "masks", "slices.csv", "boxes.csv"
CLOT = "intraparenchymal"
TURNED = b'{"rotate": 90, "modality": "CT"}'
"""What is known of the pictures, in the words of docs/how-to/png-sidecar.md."""


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Raises:
        LayoutError: there are no pictures or tables.
        LabelTableError: a table has wrong cells.
    """
    if not (folder / IMAGES).is_dir():
        raise LayoutError(NAME, f"there is no folder {IMAGES!r}", LAYOUT)
    for name in (SLICES, BOXES):
        if not (folder / name).is_file():
            raise LayoutError(NAME, f"there is no table {name!r}", LAYOUT)
    boxes = read_boxes(folder / BOXES)
    table = read_slices(folder / SLICES, boxes)
    pictures = _pictures(folder)
    patients = sorted(pictures.scans)
    for number, some in enumerate(in_parts(patients)):
        first = number == 0
        scans = [_scan(folder, patient, pictures) for patient in some]
        taken = [_rows(scan, table.said.get(patient, ()), boxes) for patient, scan in zip(some, scans, strict=True)]
        yield DataSetPart(
            found=Discovery(folder, tuple(scan.candidate for scan in scans), pictures.refused if first else ()),
            load=load_turned,
            rows=tuple(row for rows, _ in taken for row in rows),
            not_found=tuple(_without_picture(table.said, boxes, pictures)) if first else (),
            conflicts=table.conflicts if first else (),
            wrong=tuple(problem for _, problems in taken for problem in problems),
            unlabelled=sum(name not in table.names for scan in scans for name in scan.order),
            total=len(patients),
        )


def load_turned(candidate: Candidate) -> Scan:
    """The pictures of one patient, face on top; the window is assumed unless a side-car says it.

    Raises:
        RefusedError: they cannot be read.
    """
    from bregma.io.png import load_png_folder

    entries = [entry_of_file(candidate.root / name, name, size=0) for name in candidate.files]
    own = next((entry for entry in entries if _is_sidecar(entry.name)), None)
    sidecar = own or Entry(SIDECAR, len(TURNED), None, lambda: TURNED)
    scan = renamed(load_png_folder([one for one in entries if one is not own], sidecar, candidate.root), candidate)
    if own is not None:
        return scan
    reason = "nothing says which window the pictures were saved with; brain (center 40, width 80) is assumed"
    return replace(scan, warnings=(*scan.warnings, Remark("window_assumed", reason)))


@dataclass(frozen=True, slots=True)
class _Pictures:
    """The pictures by patient, and the side-car that is for all of them."""

    scans: Mapping[str, list[str]]
    sidecar: str
    head_first: bool
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class _Scan:
    """A scan and its pictures in the order of the files; `head_first` where that is not from the foot."""

    candidate: Candidate
    order: Mapping[str, int]
    head_first: bool

    def part(self, name: str) -> str:
        """The slice of a picture as labels name it: its place from the foot."""
        place = self.order[name]
        return str(len(self.order) - 1 - place if self.head_first else place)


def _pictures(folder: Path) -> _Pictures:
    entries, refused = list_entries(folder / IMAGES)
    scans = defaultdict[str, list[str]](list)
    others: list[str] = []
    sidecar, head_first = "", False
    for entry in entries:
        name = f"{IMAGES}/{entry.name}"
        patient = patient_of(_stem(name))
        if _is_sidecar(name):
            sidecar, head_first = name, _is_head_first(entry)
        elif name.lower().endswith(".png") and patient and "/" not in entry.name:
            scans[patient].append(name)
        else:
            others.append(name)
    if others:
        refused.append(Refusal("not_an_image", "no picture of the name <patient>_<slice>.png", tuple(others)))
    outlines = sorted(path.name for path in (folder / MASKS).glob("*.png"))
    if outlines:
        reason = "outlines of the oedema around the clot, not of blood"
        refused.append(Refusal("mask_picture", reason, tuple(f"{MASKS}/{name}" for name in outlines)))
    return _Pictures(scans, sidecar, head_first, tuple(refused))


def _is_head_first(sidecar: Entry) -> bool:
    try:
        return read_sidecar(sidecar).head_first
    except RefusedError:
        return False  # each scan is refused where it is loaded, with the reason


def _scan(folder: Path, patient: str, pictures: _Pictures) -> _Scan:
    files = sorted(pictures.scans[patient], key=natural_order)
    all_files = (*files, pictures.sidecar) if pictures.sidecar else tuple(files)
    candidate = named_candidate(folder, "png", all_files, data_set=NAME, scan=patient, patient=patient)
    return _Scan(candidate, {_stem(name): place for place, name in enumerate(files)}, pictures.head_first)


def _rows(scan: _Scan, said: Sequence[SliceSaid], boxes: Boxes) -> tuple[list[TableRow], list[Problem]]:
    """What is said of one scan; nothing where the table counts its slices otherwise than the pictures are named."""
    here = sorted((one for one in said if one.name in scan.order), key=lambda one: scan.order[one.name])
    for before, after in pairwise(here):
        if before.index > after.index or (before.index == after.index and before.name != after.name):
            reason = f"slice {after.name} has {after.index}, slice {before.name} before it {before.index}"
            return [], [after.line.problem(INDEX, f"{reason}; no row about this scan is taken")]
    uid = scan.candidate.series_uid
    rows = [
        TableRow(
            one.line.row,
            uid,
            Level.SLICE,
            scan.part(one.name),
            {} if one.visible is None else {ANY: one.visible},
            SOURCE,
            table=SLICES,
        )
        for one in here
    ]
    boxed = [boxes[one.name][0] for one in here if one.name in boxes]
    if boxed:
        rows.append(TableRow(boxed[0].row, uid, Level.SCAN, None, {CLOT: 1.0}, SOURCE, table=BOXES))
    return rows, []


def _without_picture(said: Mapping[str, Sequence[SliceSaid]], boxes: Boxes, pictures: _Pictures) -> Iterator[Problem]:
    """Rows about slices of which there is no picture, and boxes on slices that slices.csv does not have."""
    there = {_stem(name) for names in pictures.scans.values() for name in names}
    for rows in said.values():
        for one in rows:
            if one.name not in there:
                yield one.line.problem(SLICE, f"there is no picture {IMAGES}/{one.name}.png")
    for name, lines in boxes.items():
        if name not in there:
            yield lines[0].problem(SLICE, f"there is no picture {IMAGES}/{name}.png")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _is_sidecar(name: str) -> bool:
    return name.rpartition("/")[2].lower() == SIDECAR
