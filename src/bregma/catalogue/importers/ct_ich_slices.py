"""CT-ICH as single slices: DICOM pictures of slices and of their masks, as MATLAB writes them, and one table.

The pictures say nothing of place, spacing or patient. The patient lies sideways in them and is not turned, since
nothing in the files says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.ct_ich_table import Said, read_said, weigh
from bregma.catalogue.importers.part import DataSetPart
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.mask_dicom import stored_dicom_mask
from bregma.catalogue.mask_files import MaskFileError
from bregma.io.candidate import Candidate, Discovery
from bregma.io.find import discover, load
from bregma.io.pseudonym import pseudonym
from bregma.scan.study import Refusal

NAME = "ct_ich"
TABLE = "labels.csv"
PATIENT, NUMBER, IMAGE, MASK = "patient", "slice", "image", "mask"


def is_single_slices(folder: Path) -> bool:
    """Whether a folder holds the data set as single slices."""
    return (folder / TABLE).is_file() and any(folder.glob("image_*.dcm"))


def patient_of(number: int) -> str:
    """The pseudonym of a patient of CT-ICH, the same for volumes and for single slices."""
    return pseudonym(f"{NAME} {number}")


def single_slice_parts(folder: Path) -> Iterator[DataSetPart]:
    """The slices as one part.

    Raises:
        LabelTableError: the table has wrong cells.
    """
    said, contradictions = read_said(folder / TABLE, PATIENT, NUMBER, (IMAGE, MASK))
    found = discover(folder)
    by_file = {candidate.files[0]: candidate for candidate in found.candidates if len(candidate.files) == 1}
    part = _Part(folder, by_file, conflicts=contradictions)
    for patient, rows in said.items():
        for one in rows:
            part.take(patient, one)
    images = tuple(part.images())
    yield DataSetPart(
        found=Discovery(folder, images, tuple(_refused(found))),
        load=load,
        rows=tuple(part.rows),
        not_found=tuple(part.not_found),
        conflicts=tuple(part.conflicts),
        wrong=tuple(part.wrong),
        unlabelled=part.unlabelled,
        total=len(images),
    )


class _Part:
    """What is found of the slices, row by row."""

    def __init__(self, folder: Path, by_file: Mapping[str, Candidate], *, conflicts: list[Problem]) -> None:
        self.rows: list[TableRow] = []
        self.not_found: list[Problem] = []
        self.conflicts = conflicts
        self.wrong: list[Problem] = []
        self.unlabelled = 0
        self.patients: dict[str, str] = {}
        self._folder = folder
        self._by_file = by_file
        self._masks: set[str] = set()

    def take(self, patient: int, said: Said) -> None:
        """One row: its image, its mask, and what it says."""
        line = said.line
        image, mask = (line.cells[column].rpartition("/")[2] for column in (IMAGE, MASK))
        self._masks.add(mask)
        if image not in self._by_file:
            self.not_found.append(line.problem(IMAGE, f"there is no DICOM image {image!r} that can be read"))
            return
        candidate = self._by_file[image]
        self.patients[image] = patient_of(patient)
        drawn = self._drawn(said, mask)
        kept, conflicts = weigh([said], {} if drawn is None else {said.number: drawn})
        self.conflicts += conflicts
        said = said if kept else replace(said, values={})
        if said.values or drawn is not None:
            part = candidate.places[0][0].sop_uid
            self.rows.append(said.row(candidate.series_uid, part, mask="" if drawn is None else mask))

    def images(self) -> Iterator[Candidate]:
        """The images under their patients; one of which the table says nothing is stored without labels."""
        for file, candidate in self._by_file.items():
            if file in self.patients:
                yield replace(candidate, patient=self.patients[file])
            elif file not in self._masks:
                self.unlabelled += 1
                yield candidate

    def _drawn(self, said: Said, mask: str) -> bool | None:
        """Whether blood is outlined on the slice; None when there is no mask that can be read."""
        if not mask:
            return None
        if mask not in self._by_file:
            self.wrong.append(said.line.problem(MASK, f"there is no DICOM image {mask!r} that can be read"))
            return None
        try:
            return bool(stored_dicom_mask(self._folder / mask).any())
        except MaskFileError as error:
            self.wrong.append(said.line.problem(MASK, str(error)))
            return None


def _refused(found: Discovery) -> Iterator[Refusal]:
    """What is no image, less the table."""
    for refusal in found.refused:
        files = tuple(name for name in refusal.files if name != TABLE)
        if files or not refusal.files:
            yield replace(refusal, files=files)
