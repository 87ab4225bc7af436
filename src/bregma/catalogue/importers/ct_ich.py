"""CT-ICH (PhysioNet): head injuries, slices labelled and blood outlined by two radiologists in consensus.

    ct_scans/049.nii                        one volume for each patient; HU
    masks/049.nii                           0 and 255 (stretched over 16 bits): blood of any subtype
    hemorrhage_diagnosis_raw_ct.csv         PatientNumber, SliceNumber and what is on the slice
    Patient_demographics.csv                not used: it says of the patient what the slices say

or, as single slices that others have cut out of it:

    image_049_21.dcm, mask_049_21.dcm       patient and slice
    labels.csv                              patient, slice, image, mask and what is on the slice

Hssayeni et al., "Intracranial Hemorrhage Segmentation Using a Deep Convolutional Model", Data 2020;5(1):14;
https://physionet.org/content/ct-ich. Up to version 1.3.0 CC BY 4.0; 1.3.1 by a signed agreement (PhysioNet RHD 1.5.0).

SliceNumber counts from 1 in the order of the volume's file, which runs from foot to head (the header is asked). The
tables of early versions count other slices than the volumes of late ones, as was noticed for patient 76. So the
outlines win over the table, slice by slice, and each disagreement is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bregma.catalogue.importers.ct_ich_slices import NAME, is_single_slices, patient_of, single_slice_parts
from bregma.catalogue.importers.ct_ich_table import SOURCE, Said, read_said, weigh
from bregma.catalogue.importers.masked_volumes import mask_row
from bregma.catalogue.importers.named import load_named, named_candidate
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.stored_order import StoredOrder, stored_order
from bregma.catalogue.importers.volume_files import (
    VolumeFolder,
    in_parts,
    volume_folder,
    without_mask,
    without_volume,
)
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.mask_files import MaskFileError, stored_nifti_mask
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.errors import RefusedError

__all__ = ["LAYOUT", "NAME", "SOURCE", "parts"]

LAYOUT = (
    "ct_scans (049.nii ...), masks and hemorrhage_diagnosis_raw_ct.csv, or single slices (image_049_21.dcm) with a "
    "labels.csv"
)

SCANS, MASKS, TABLE = "ct_scans", "masks", "hemorrhage_diagnosis_raw_ct.csv"
PATIENT, NUMBER = "PatientNumber", "SliceNumber"
MEANING = {0: 0, 1: 6, 255: 6}


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Raises:
        LayoutError: the folder holds neither the volumes nor single slices.
        LabelTableError: the table has wrong cells.
    """
    if is_single_slices(folder):
        return single_slice_parts(folder)
    for name in (SCANS, MASKS):
        if not (folder / name).is_dir():
            raise LayoutError(NAME, f"there is no folder {name!r}", LAYOUT)
    if not (folder / TABLE).is_file():
        raise LayoutError(NAME, f"there is no table {TABLE!r}", LAYOUT)
    return _volume_parts(folder)


@dataclass(slots=True)
class _Rows:
    """What is said of the scans of one part."""

    rows: list[TableRow]
    not_found: list[Problem]
    conflicts: list[Problem]
    wrong: list[Problem]


def _volume_parts(folder: Path) -> Iterator[DataSetPart]:
    said, contradictions = read_said(folder / TABLE, PATIENT, NUMBER)
    scans, masks = volume_folder(folder, SCANS), volume_folder(folder, MASKS)
    names = sorted(scans.files)
    strangers = [] if not said else _without_scan(said, scans)
    for number, some in enumerate(in_parts(names)):
        found = [_candidate(folder, name, scans.files[name]) for name in some]
        taken = _Rows([], [], [], [])
        for candidate, name in zip(found, some, strict=True):
            _take(folder, candidate, masks.files.get(name), said.get(_patient(name), []), taken)
        first = number == 0
        yield DataSetPart(
            found=Discovery(folder, tuple(found), (*scans.refused, *masks.refused) if first else ()),
            load=load_named,
            rows=tuple(taken.rows),
            not_found=(*taken.not_found, *((*strangers, *without_volume(scans, masks, SCANS)) if first else ())),
            conflicts=(*(contradictions if first else ()), *taken.conflicts),
            wrong=(*((*scans.twice, *masks.twice, *without_mask(scans, masks, MASKS)) if first else ()), *taken.wrong),
            total=len(names),
        )


def _candidate(folder: Path, name: str, file: str) -> Candidate:
    candidate = named_candidate(folder, "nifti", (file,), data_set=NAME, scan=name, patient=name)
    number = _patient(name)
    return candidate if number < 0 else replace(candidate, patient=patient_of(number))


def _patient(name: str) -> int:
    """The number of a patient by the name of the volume; -1 for a name that is no number."""
    return int(name) if name.isascii() and name.isdecimal() else -1


def _without_scan(said: dict[int, list[Said]], scans: VolumeFolder) -> list[Problem]:
    """The first row about each patient of whom there is no volume."""
    there = {_patient(name) for name in scans.files}
    return [
        rows[0].line.problem(PATIENT, f"there is no volume of patient {patient} ({len(rows)} rows)")
        for patient, rows in sorted(said.items())
        if patient not in there
    ]


def _take(folder: Path, candidate: Candidate, mask: str | None, said: Sequence[Said], taken: _Rows) -> None:
    """Add what is said of one scan: its mask, and the rows that agree with it."""
    scan = folder / candidate.files[0]
    if mask is not None:
        taken.rows.append(mask_row(candidate.series_uid, mask, MEANING, SOURCE))
    try:
        order = stored_order(scan)
    except RefusedError as error:
        if said:
            text = f"{error.reason}; the {len(said)} rows about its slices are not taken"
            taken.wrong.append(Problem(0, "", text, candidate.files[0]))
        return
    there = [one for one in said if order.index(one.number) is not None]
    taken.not_found += [
        one.line.problem(NUMBER, f"{candidate.files[0]} has {order.count} slices, and no slice {one.number}")
        for one in said
        if one not in there
    ]
    kept, conflicts = weigh(there, {} if mask is None else _drawn(folder / mask, order))
    taken.conflicts += conflicts
    taken.rows += [one.row(candidate.series_uid, str(order.index(one.number))) for one in kept]


def _drawn(mask: Path, order: StoredOrder) -> dict[int, bool]:
    """Number of a slice -> whether blood is outlined on it; empty where the mask cannot be laid on the scan."""
    try:
        values, geometry = stored_nifti_mask(mask)
    except MaskFileError:
        return {}
    if len(values) != order.count or (geometry is not None) != order.placed:
        return {}
    seen = (values != 0).any(axis=(1, 2))
    return {number: bool(seen[order.index(number) or 0]) for number in range(1, order.count + 1)}
