"""Figshare brain tumours: 3,064 contrast-enhanced T1 slices of 233 patients, meningioma, glioma or pituitary tumour.

    1.mat ... 3064.mat            as its makers hand it out (MATLAB v7.3, cjdata; needs the extra `matlab`), or
    slices.csv                    slice_id, image, mask, patient, study, tumour_type, plane (others: pixel_mm,
                                  slice_step_mm), with
    images/0020.jpg, masks/0020.png   8-bit slices and outlines

Cheng et al., "Enhanced performance of brain tumor classification via tumor region augmentation and partition",
PLoS ONE 2015;10(10):e0140381; https://doi.org/10.6084/m9.figshare.1512427. CC BY 4.0.

`figshare_t1c` takes each slice as a scan, as published retrieval on these slices does; `figshare_t1c_stacks` makes the
slices of one study and plane a short stack, in the order of their numbers. Which end of a stack is the foot, and how a
slice lies, is said nowhere: a scan has no geometry. Pixel size and step are kept as facts. In the public files a
patient's id may end with a letter for a repeated scan; the letter parts the studies of one patient, not patients.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from bregma.catalogue.importers.figshare_slices import FigshareSlice, of_mat_files, of_table
from bregma.catalogue.importers.named_mr import as_said, load_named_mr, mr_candidate
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.importers.volume_files import in_parts
from bregma.catalogue.label_rows import Problem, TableRow
from bregma.catalogue.tumour_cells import term_of
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.labels import Level
from bregma.scan.volume import Scan

NAME, STACKS = "figshare_t1c", "figshare_t1c_stacks"
SOURCE = "dataset:figshare_t1c"
TABLE = "slices.csv"
LAYOUT = "slices.csv with images and masks, or 1.mat, 2.mat, ... as they were handed out"

_MAT = re.compile(r"\d+\.mat")


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, each slice a scan.

    Raises:
        LayoutError: there is neither a table nor a .mat file.
        LabelTableError: the table has wrong cells.
        MissingExtraError: .mat files need h5py.
    """
    slices, wrong = _slices(folder, NAME)
    yield from _parts(folder, [[one] for one in slices], wrong, NAME)


def stacks(folder: Path) -> Iterator[DataSetPart]:
    """The data set, the slices of one study and plane a scan. Errors as in `parts`; .mat files name no plane."""
    if not (folder / TABLE).is_file():
        raise LayoutError(STACKS, f"there is no table {TABLE!r}, which alone names planes", LAYOUT)
    slices, wrong = _slices(folder, STACKS)
    groups = defaultdict[tuple[str, str], list[FigshareSlice]](list)
    for one in sorted(slices, key=lambda one: one.number):
        groups[one.study, one.plane].append(one)
    yield from _parts(folder, list(groups.values()), wrong, STACKS)


def _slices(folder: Path, name: str) -> tuple[list[FigshareSlice], list[Problem]]:
    if (folder / TABLE).is_file():
        return of_table(folder, TABLE)
    files = sorted((path for path in folder.rglob("*.mat") if _MAT.fullmatch(path.name)), key=lambda p: int(p.stem))
    if not files:
        raise LayoutError(name, f"there is neither {TABLE!r} nor a file such as '1.mat'", LAYOUT)
    return of_mat_files(folder, files)


def _parts(
    folder: Path, scans: Sequence[Sequence[FigshareSlice]], wrong: Sequence[Problem], data_set: str
) -> Iterator[DataSetPart]:
    for number, some in enumerate(in_parts(scans)):
        candidates = [_candidate(folder, slices, data_set) for slices in some]
        yield DataSetPart(
            found=Discovery(folder, tuple(candidates), ()),
            load=load_slices,
            rows=tuple(
                row
                for slices, candidate in zip(some, candidates, strict=True)
                for row in _rows(slices, candidate.series_uid)
            ),
            wrong=tuple(wrong) if number == 0 else (),
            total=len(scans),
        )


def _candidate(folder: Path, slices: Sequence[FigshareSlice], data_set: str) -> Candidate:
    first = slices[0]
    name = str(first.number) if data_set == NAME else f"{first.study} {first.plane}"
    files = tuple(one.image for one in slices)
    return mr_candidate(
        folder,
        files,
        data_set=data_set,
        scan=name,
        patient=first.patient,
        study=first.study,
        media="png",
        facts=first.facts,
    )


def load_slices(candidate: Candidate) -> Scan:
    """Load a scan made of pictures or of .mat files.

    Raises:
        RefusedError: one of them cannot be read.
    """
    if not candidate.files[0].endswith(".mat"):
        return load_named_mr(candidate)
    from bregma.io.figshare_mat import read_mat
    from bregma.io.mr_pictures import scan_of_slices

    images = [read_mat(candidate.root / name).image for name in candidate.files]
    return as_said(scan_of_slices(images, candidate.files, candidate.root), candidate)


def _rows(slices: Sequence[FigshareSlice], series_uid: str) -> Iterator[TableRow]:
    """The outline of each slice, all of them of one tumour, and its type."""
    for index, one in enumerate(slices):
        yield TableRow(
            one.row, series_uid, Level.SLICE, str(index), {}, SOURCE, table=one.table, tumours=one.outline, map="one"
        )
    first = slices[0]
    said = {term_of("type", first.kind): 1.0}
    yield TableRow(first.row, series_uid, Level.LESION, "1", said, SOURCE, table=first.table)
