"""BHSD, the brain hemorrhage segmentation data set: 192 scans of RSNA 2019 outlined by subtype, some 2,000 sorted.

    label_192/images/ID_<patient>_ID_<study>.nii.gz          192 scans
    label_192/ground truths/ID_<patient>_ID_<study>.nii.gz   1 EDH, 2 IPH, 3 IVH, 4 SAH, 5 SDH
    unlabel_2000/anybleed/ID_..., unlabel_2000/nobleed/ID_...  scans sorted by whether they bleed

Wu et al., "BHSD: A 3D Multi-class Brain Hemorrhage Segmentation Dataset", MLMI 2023, arXiv:2308.11298.
https://github.com/White65534/BHSD (MIT licence; the scans are RSNA's: not commercial, to be cited).

All five subtypes were outlined on every slice of the 192 scans, so a slice without a mark is known to be without blood.
The sorted scans are known as a whole, and only whether they bleed. Patient and study are those of RSNA 2019: a library
that holds both keeps a patient's scans together in every split. The 192 volumes are of fewer than 192 patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.masked_volumes import MaskedVolumes, masked_parts
from bregma.catalogue.importers.named import load_named, named_candidate
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.volume_files import in_parts, volume_folder
from bregma.catalogue.label_rows import TableRow
from bregma.io.candidate import Candidate, Discovery
from bregma.io.pseudonym import pseudonym
from bregma.scan.labels import Level
from bregma.scan.terms import ANY

NAME = "bhsd"
SOURCE = "dataset:bhsd"
LAYOUT = "label_192 with the folders 'images' and 'ground truths' (.nii.gz)"

IMAGES, MASKS = "images", "ground truths"
SORTED = {"anybleed": 1.0, "nobleed": 0.0}
"""Folder of sorted scans -> whether they bleed."""
MEANING = {value: value for value in range(6)}
"""The data set counts the subtypes as docs/labels.md does."""

_IDS = re.compile(r"(ID_[0-9a-f]+)_(ID_[0-9a-f]+)", re.IGNORECASE)


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time: outlined ones first, then those that were sorted.

    Raises:
        LayoutError: there are no folders of images and masks.
    """
    outlined = next((name for name in ("label_192", ".") if _is_outlined(folder / name)), None)
    if outlined is None:
        raise LayoutError(NAME, f"there are no folders {IMAGES!r} and {MASKS!r}", LAYOUT)
    inside = "" if outlined == "." else f"{outlined}/"
    yield from masked_parts(folder, MaskedVolumes(f"{inside}{IMAGES}", f"{inside}{MASKS}", MEANING, SOURCE, named))
    for group in sorted(folder.glob("unlabel*/*")):
        if group.name in SORTED and group.is_dir():
            yield from _sorted(folder, f"{group.parent.name}/{group.name}", SORTED[group.name])


def named(folder: Path, name: str, file: str) -> Candidate:
    """A scan by its name: patient and study as RSNA 2019 knows them, the series a new one of that study."""
    candidate = named_candidate(folder, "nifti", (file,), data_set=NAME, scan=name, patient=name)
    ids = _IDS.fullmatch(name)
    if ids is None:
        return candidate
    return replace(candidate, patient=pseudonym(ids.group(1)), study_uid=ids.group(2))


def _is_outlined(folder: Path) -> bool:
    return (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def _sorted(folder: Path, below: str, value: float) -> Iterator[DataSetPart]:
    """Scans of a folder whose name says whether they bleed."""
    scans = volume_folder(folder, below)
    names = sorted(scans.files)
    for number, some in enumerate(in_parts(names)):
        found = tuple(named(folder, name, scans.files[name]) for name in some)
        rows = [
            TableRow(0, one.series_uid, Level.SCAN, None, {ANY: value}, SOURCE, table=one.files[0]) for one in found
        ]
        first = number == 0
        yield DataSetPart(
            found=Discovery(folder, found, scans.refused if first else ()),
            load=load_named,
            rows=tuple(rows),
            wrong=scans.twice if first else (),
            total=len(names),
        )
