"""The studies in a folder of very many DICOM files, known by few bytes each, and opened some at a time.

`bregma.io.find.discover` keeps the header of every file until it has seen the last one: right for a medium, too much
for the 874,035 files of RSNA 2019 in one folder. Here the headers are read twice: once to learn which files make a
study, and again when it is the study's turn. To keep them in between would take 1 to 2 kB each.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

import numpy as np

from bregma.catalogue.importers.part import Looked
from bregma.catalogue.label_rows import Problem
from bregma.io.candidate import Discovery
from bregma.io.dicom_find import DicomFiles
from bregma.io.dicom_header import HeaderRefusedError, read_header
from bregma.io.entry import entry_of_file, label_of
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal

SUFFIX = ".dcm"
PACKED = (".zip", ".tar", ".tgz", ".7z", ".rar", ".tar.gz")
PART_FILES = 4096
"""Files of one part, unless a study has more: about 120 studies of RSNA 2019, and 20 MB of headers."""

LOOKED_EVERY = 500
"""Headers between two words of how far the reading is."""

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Files:
    """What lies below a folder.

    Attributes:
        dicom: names that end in .dcm, relative to the folder, sorted.
        others: the other names, sorted.
        refused: folders that cannot be listed.
    """

    dicom: list[str]
    others: list[str]
    refused: tuple[Refusal, ...] = ()


def files_below(folder: Path) -> Files:
    """The names of all files below a folder; hidden ones are passed over, links are followed, no folder twice."""
    dicom: list[str] = []
    others: list[str] = []
    refused: list[Refusal] = []
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        name = label_of(os.path.relpath(error.filename, folder))
        refused.append(Refusal("unreadable_folder", f"the folder cannot be listed: {error.strerror}", (name,)))

    for place, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        about = Path(place).stat()
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(place, folder).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        for name in names:
            if not name.startswith("."):
                (dicom if name.lower().endswith(SUFFIX) else others).append(prefix + name)
    return Files(sorted(dicom), sorted(others), tuple(refused))


def packed(files: Files) -> tuple[Problem, ...]:
    """Archives among the files: what they hold is not seen."""
    archives = [name for name in files.others if name.lower().endswith(PACKED)]
    return tuple(
        Problem(0, "", "the archive is not looked into; unpack it and import again", name) for name in archives
    )


def studies_of(folder: Path, names: Sequence[str]) -> Generator[Looked, None, list[list[str]]]:
    """The files that belong together, study by study; those whose study is not known come last, as one.

    Args:
        folder: to which the names are relative.
        names: of DICOM files; one that cannot be read goes with its series, if that is known.

    Yields:
        how many headers were read, now and then.
    """
    numbers: dict[str, int] = {}
    of_series: dict[str, int] = {}
    strays: dict[int, str] = {}
    of_file = array("l")
    for index, name in enumerate(names):
        study, series = _study_and_series(folder, name)
        number = numbers.setdefault(study, len(numbers)) if study else UNKNOWN
        if study and series:
            of_series.setdefault(series, number)
        elif series:
            strays[index] = series
        of_file.append(number)
        if len(of_file) % LOOKED_EVERY == 0 or len(of_file) == len(names):
            yield Looked(len(of_file), len(names))
    for index, series in strays.items():
        of_file[index] = of_series.get(series, UNKNOWN)
    return list(_grouped(names, np.array(of_file, dtype=np.int64), len(numbers)))


def _grouped(names: Sequence[str], of_file: np.ndarray, count: int) -> Iterator[list[str]]:
    order = np.argsort(of_file, kind="stable")
    bounds = np.searchsorted(of_file[order], np.arange(count + 1))
    for number in range(count):
        yield [names[index] for index in order[bounds[number] : bounds[number + 1]]]
    if bounds[0]:
        yield [names[index] for index in order[: bounds[0]]]


def _study_and_series(folder: Path, name: str) -> tuple[str, str]:
    """Their UIDs; "" where the file does not say."""
    try:
        about = (folder / name).stat()
        if not S_ISREG(about.st_mode):  # opening a pipe would wait for ever
            return "", ""
        header = read_header(entry_of_file(folder / name, label_of(name), size=about.st_size))
    except HeaderRefusedError as error:
        return "", error.series_uid or ""
    except (RefusedError, OSError):
        return "", ""
    return ("", "") if header is None else (header.text("StudyInstanceUID"), header.text("SeriesInstanceUID"))


def parted(studies: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The files of so many whole studies as make a part."""
    part: list[str] = []
    for study in studies:
        if part and len(part) + len(study) > PART_FILES:
            yield part
            part = []
        part += study
    if part:
        yield part


def discover_files(folder: Path, names: Sequence[str]) -> Discovery:
    """As `bregma.io.find.discover`, for these DICOM files below a folder."""
    files = DicomFiles()
    refused: list[Refusal] = []
    for name in names:
        path, label = folder / name, label_of(name)
        try:
            about = path.stat()
        except OSError as error:
            refused.append(Refusal("unreadable_file", f"the file cannot be opened: {error.strerror}", (label,)))
            continue
        if not S_ISREG(about.st_mode):
            reason = "this is a device, pipe or socket; it is not opened"
            refused.append(Refusal("not_a_regular_file", reason, (label,)))
        elif not files.add(entry_of_file(path, label, size=about.st_size)):
            refused.append(Refusal("not_dicom", "the name says DICOM, the content does not", (label,)))
    candidates, more = files.candidates(folder)
    return Discovery(folder, tuple(candidates), (*refused, *more))
