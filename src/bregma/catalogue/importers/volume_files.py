"""Folders of NIfTI volumes and folders of their masks: which file belongs to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bregma.catalogue.label_rows import Problem
from bregma.io.files import list_entries
from bregma.scan.study import Refusal

SUFFIXES = (".nii.gz", ".nii")
PART = 32
"""Scans that are stored before their labels are."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class VolumeFolder:
    """The NIfTI files of one folder.

    Attributes:
        files: name without suffix -> path relative to the data set's folder.
        refused: what is no NIfTI file.
        twice: files whose name without suffix another one has already.
    """

    files: Mapping[str, str]
    refused: tuple[Refusal, ...] = ()
    twice: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Found:
    files: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    twice: list[Problem] = field(default_factory=list)


def volume_folder(root: Path, folder: str) -> VolumeFolder:
    """The NIfTI files of a folder of a data set, by name; hidden files are passed over.

    Args:
        root: the data set's folder.
        folder: relative to it.
    """
    entries, refused = list_entries(root / folder)
    found = _Found()
    for entry in entries:
        name = f"{folder}/{entry.name}"
        stem = scan_name(entry.name)
        if stem is None:
            found.others.append(name)
        elif stem in found.files:
            found.twice.append(Problem(0, "", f"there is {found.files[stem]} too; this one is left out", name))
        else:
            found.files[stem] = name
    if found.others:
        refused.append(Refusal("not_an_image", "not a NIfTI file (.nii, .nii.gz)", tuple(found.others)))
    return VolumeFolder(found.files, tuple(refused), tuple(found.twice))


def scan_name(file: str) -> str | None:
    """The name of a NIfTI file without its suffix; None for any other file, and for one in a folder below."""
    for suffix in SUFFIXES:
        if file.lower().endswith(suffix) and "/" not in file:
            return file[: -len(suffix)]
    return None


def without_mask(volumes: VolumeFolder, masks: VolumeFolder, folder: str) -> tuple[Problem, ...]:
    """Volumes that have no mask; they are stored all the same, without labels."""
    return tuple(
        Problem(0, "", f"there is no mask of this name in {folder}; the scan is stored without it", file)
        for name, file in sorted(volumes.files.items())
        if name not in masks.files
    )


def without_volume(volumes: VolumeFolder, masks: VolumeFolder, folder: str) -> tuple[Problem, ...]:
    """Masks that have no volume."""
    return tuple(
        Problem(0, "", f"there is no scan of this name in {folder}", file)
        for name, file in sorted(masks.files.items())
        if name not in volumes.files
    )


def in_parts(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    """Items, some at a time; one empty part where there are none."""
    waiting = iter(items)
    first = tuple(islice(waiting, PART))
    yield first
    while part := tuple(islice(waiting, PART)):
        yield part
