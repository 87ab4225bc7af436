"""BraTS: contrast-enhanced T1 of gliomas and of other tumours, skull-stripped, 1 mm, outlined by their parts.

    BraTS20_Training_001/BraTS20_Training_001_t1ce.nii.gz, ..._seg.nii.gz          2017 to 2021
    BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1c.nii.gz, ...-seg.nii.gz             2023 and later; MEN and MET too
    <name>_t1c.nii.gz, <name>_labels.nii.gz, volumes.csv                           a folder with a table

Menze et al., IEEE Trans Med Imaging 2015;34(10):1993-2024; Baid et al., arXiv:2107.02314. By registration.

Outlines: 1 necrosis, 2 oedema, 3 and 4 what enhances and what does not. The tumour on T1c is all but the oedema. A
glioma is one tumour; metastases and meningiomas are told apart where they do not touch. Other series of a patient
are passed over. The last number of a 2023 name is the visit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bregma.catalogue.importers.named_mr import mr_candidate
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.tumour_table import TableOfVolumes, read_volumes
from bregma.catalogue.importers.tumour_volumes import OutlinedVolume, tumour_parts
from bregma.catalogue.label_rows import Problem

NAME = "brats"
SOURCE = "dataset:brats"
TABLE = "volumes.csv"
MEANING = {0: 0, 1: 1, 2: 0, 3: 1, 4: 1}
"""Value in an outline -> in the tumour or not."""
LAYOUT = "folders with <name>_t1ce.nii.gz and <name>_seg.nii.gz (or -t1c and -seg), or a table volumes.csv"

_SCAN = re.compile(r"(.+?)([_-])(?:t1ce|t1c)\.nii(?:\.gz)?")
_VISIT = re.compile(r"(BraTS-([A-Z]+)-\d+)-(\d+)")
TYPES = {"GLI": "glioma", "MEN": "meningioma", "MET": "metastasis"}
"""Part of a 2023 name -> type; older ones are gliomas."""


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, some scans at a time.

    Raises:
        LayoutError: there is neither a table nor a contrast-enhanced T1 volume.
        LabelTableError: the table has wrong cells.
    """
    if (folder / TABLE).is_file():
        table = TableOfVolumes(NAME, TABLE, ("patient", "t1c", "labels"), MEANING)
        volumes, wrong = read_volumes(folder, table)
    else:
        found = [_found(folder, path) for path in sorted(folder.rglob("*.nii*")) if _SCAN.fullmatch(path.name)]
        volumes, wrong = [volume for volume, _ in found], [problem for _, problem in found if problem]
    if not volumes and not wrong:
        raise LayoutError(NAME, "there is no contrast-enhanced T1 volume", LAYOUT)
    yield from tumour_parts(folder, volumes, SOURCE, wrong)


def _found(folder: Path, path: Path) -> tuple[OutlinedVolume, Problem | None]:
    """A scan by its name, and what is the matter with its outline."""
    match = _SCAN.fullmatch(path.name)
    name, link = (match.group(1), match.group(2)) if match else (path.name, "_")
    visit = _VISIT.fullmatch(name)
    kind = TYPES.get(visit.group(2), "") if visit else "glioma"
    file = path.relative_to(folder).as_posix()
    candidate = mr_candidate(
        folder, (file,), data_set=NAME, scan=name, patient=visit.group(1) if visit else name, study=name
    )
    outlines = [path.with_name(f"{name}{link}seg{end}") for end in (".nii.gz", ".nii")]
    outline = next((one.relative_to(folder).as_posix() for one in outlines if one.is_file()), "")
    wrong = None if outline else Problem(0, "", f"there is no {name}{link}seg; the scan is stored without it", file)
    said = {1: {"type": kind}} if kind and outline and kind == "glioma" else {}
    return OutlinedVolume(candidate, outline, "one" if kind == "glioma" else "components", MEANING, said), wrong
