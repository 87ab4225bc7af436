"""CQ500: 491 head CT studies of six centres in New Delhi, each read by three radiologists for 14 findings.

    CQ500CT0 CQ500CT0/Unknown Study/CT PLAIN THIN/CT000000.dcm
    CQ500CT0 CQ500CT0/Unknown Study/CT Plain/CT000000.dcm
    ...
    reads.csv      name,Category,R1:ICH,R1:IPH,...,R3:MidlineShift; one line for each study, name "CQ500-CT-0"

Chilamkurthy et al., "Deep learning algorithms for detection of critical findings in head CT scans: a retrospective
study", Lancet 2018;392:2388-2396. http://headctstudy.qure.ai/dataset (CC BY-NC-SA 4.0)

The archives CQ500-CT-<n>.zip and folders around them (qct01, ...) may stay as they are once unpacked: a file belongs to
the study whose number is in the name of a folder above it, written "CQ500CT<n>" or "CQ500-CT-<n>". A study has several
series (thin, thick, bone, at times after contrast). The read is about the study; it goes to each of its series that is
stored, at scan level, under one source for each radiologist: reader:cq500-1, -2, -3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.cq500_table import TABLE, Reads, number_of, read_table
from bregma.catalogue.importers.dicom_studies import PART_FILES, Files, discover_files, files_below, packed
from bregma.catalogue.importers.part import DataSetPart, LayoutError
from bregma.catalogue.label_rows import Problem
from bregma.io.candidate import Discovery
from bregma.io.find import load
from bregma.scan.study import Refusal

NAME = "cq500"
LAYOUT = (
    "folders CQ500CT0, CQ500CT1, ... of unpacked DICOM files and "
    "reads.csv with the columns name and R1:ICH to R3:MidlineShift"
)


def parts(folder: Path) -> Iterator[DataSetPart]:
    """The data set, study by study, some at a time.

    Raises:
        LayoutError: there is no table, or no folder of a study with a DICOM file.
        LabelTableError: the table has wrong cells.
    """
    files = files_below(folder)
    table = next((name for name in files.others if name.rpartition("/")[2] == TABLE), None)
    if table is None:
        raise LayoutError(NAME, f"there is no file {TABLE}", LAYOUT)
    studies, strays = _studies(files)
    if not studies:
        raise LayoutError(NAME, "no DICOM file lies in a folder of a study", LAYOUT)
    reads = read_table(folder / table)
    others = [*strays, *(name for name in files.others if name != table)]
    refused = (Refusal("not_an_image", "no DICOM file in the folder of a study", tuple(others)),) if others else ()
    first = DataSetPart(Discovery(folder, (), (*files.refused, *refused)), load, conflicts=tuple(reads.conflicts))
    yield replace(first, wrong=packed(files), duplicates=reads.duplicates, total=_series(studies))
    for some in _some(studies):
        yield _part(folder, some, reads, total=_series(studies))
    yield DataSetPart(Discovery(folder, (), ()), load, not_found=_left(reads, studies), total=_series(studies))


def _studies(files: Files) -> tuple[dict[int, list[str]], list[str]]:
    """Number of a study -> its files; and the files of no study."""
    studies = defaultdict[int, list[str]](list)
    strays = []
    for name in files.dicom:
        number = number_of(name.rpartition("/")[0])
        if number is None:
            strays.append(name)
        else:
            studies[number].append(name)
    return dict(sorted(studies.items())), strays


def _series(studies: Mapping[int, Sequence[str]]) -> int:
    """About how many scans there are: as many as folders."""
    return len({name.rpartition("/")[0] for names in studies.values() for name in names})


def _some(studies: Mapping[int, list[str]]) -> Iterator[dict[int, list[str]]]:
    some: dict[int, list[str]] = {}
    for number, names in studies.items():
        if some and sum(map(len, some.values())) + len(names) > PART_FILES:
            yield some
            some = {}
        some[number] = names
    yield some


def _part(folder: Path, studies: Mapping[int, Sequence[str]], reads: Reads, *, total: int) -> DataSetPart:
    found = [(number, discover_files(folder, names)) for number, names in studies.items()]
    rows = [
        replace(row, series_uid=candidate.series_uid)
        for number, one in found
        for candidate in one.candidates
        for row in reads.by_study.get(number, ())
    ]
    discovery = Discovery(
        folder,
        tuple(candidate for _, one in found for candidate in one.candidates),
        tuple(refusal for _, one in found for refusal in one.refused),
    )
    unlabelled = sum(len(one.candidates) for number, one in found if number not in reads.lines)
    return DataSetPart(discovery, load, rows=tuple(rows), unlabelled=unlabelled, total=total)


def _left(reads: Reads, studies: Mapping[int, Sequence[str]]) -> Iterator[Problem]:
    """Reads of studies that are not here."""
    for number, row in reads.lines.items():
        if number not in studies:
            yield Problem(row, "name", f"there is no folder CQ500CT{number}", TABLE)
