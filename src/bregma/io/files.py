"""Every file below a path: a file, a folder tree, a zip (also in a folder or in a zip), a DICOMDIR medium.

Listing looks at names and sizes; of the content only what is needed to see through archives and DICOMDIRs.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bregma.io.entry import MAX_FILE_BYTES, Entry, entry_of_file, label_of, too_large
from bregma.io.zip_entries import ARCHIVE_MARK, is_zip, list_zip
from bregma.scan.errors import RefusedError, RequestError
from bregma.scan.study import Refusal

__all__ = ["CODES", "Entry", "list_entries", "open_entry", "root_of"]

CODES = {
    "not_a_regular_file": "A device, pipe or socket among the files is not opened.",
    "unreadable_folder": "A folder cannot be listed, so that what it holds is unknown.",
}
"""Codes of refusal used here, with their meaning."""

DIRECTORY_NAME = "DICOMDIR"
"""PS3.10 section 8.6: the one file of a medium that lists the others."""


def root_of(path: Path) -> Path:
    """The folder that the names of `list_entries` are relative to: `path` itself or, for a file, its folder."""
    return path if path.is_dir() else path.parent


def list_entries(path: Path) -> tuple[list[Entry], list[Refusal]]:
    """Every file below a path, sorted by name.

    Hidden files are passed over; links are followed, a folder is visited once. A DICOMDIR is not listed: the files it
    names are found as files, and those that are not there are refused ("missing_file").

    Args:
        path: a file, a folder, a zip, or the DICOMDIR of a medium, which stands for its folder.

    Returns:
        the files, and what could not be listed, each with its reason.

    Raises:
        RequestError: there is nothing at this path.
    """
    try:
        about = path.stat()
    except (OSError, ValueError) as error:
        raise RequestError(f"there is nothing to read at {str(path)!r}; check the path") from error
    if stat.S_ISDIR(about.st_mode):
        return _list_folder(path)
    if path.name.upper() == DIRECTORY_NAME:
        return _list_folder(path.parent)
    return _list_file(path, label_of(path.name), about, sniff=True)


def open_entry(root: Path, name: str) -> Entry:
    """The entry that `list_entries(root)` would call `name`, without listing the rest where that can be helped.

    Raises:
        RefusedError: it is no longer there ("unreadable_file").
    """
    if _stays_below(name):
        found = _plain_file(str(root), name) or _plain_file(str(root_of(root)), name)
        if found is not None:
            return found
        first = name.partition(ARCHIVE_MARK)[0]
        archive = root_of(root) / first
        for entry in list_zip(archive, first)[0] if is_zip(archive) else ():
            if entry.name == name:
                return entry
    for entry in list_entries(root)[0] if root.exists() else ():
        if entry.name == name:
            return entry
    raise RefusedError("unreadable_file", "the file was found before, but is no longer where it was")


def _stays_below(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/") and "\0" not in name


def _plain_file(folder: str, name: str) -> Entry | None:
    """The entry of a file that is no archive; None if there is none of that name."""
    place = f"{folder}/{name}"
    try:
        about = os.stat(place)  # noqa: PTH116 (a scan has many files, and Path takes five times as long)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(about.st_mode) or name[-4:].lower() == ".zip":
        return None
    return entry_of_file(Path(place), name, size=about.st_size)


def _list_folder(top: Path) -> tuple[list[Entry], list[Refusal]]:
    entries: list[Entry] = []
    refusals: list[Refusal] = []
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, str]] = [(str(top), "")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                found = sorted(scan, key=lambda one: one.name)
            about = os.stat(folder)  # noqa: PTH116 (ten times as fast as Path for thousands of folders)
        except OSError as error:
            refusals.append(Refusal("unreadable_folder", f"the folder cannot be listed: {error.strerror}", (prefix,)))
            continue
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        below: list[tuple[str, str]] = []
        for one in found:
            if one.name[0] == ".":
                continue
            if _leads_to_folder(one):
                below.append((one.path, f"{prefix}{one.name}/"))
            else:
                _take(one, prefix, entries, refusals)
        waiting += reversed(below)
    return sorted(entries, key=lambda entry: entry.name), refusals


def _leads_to_folder(one: os.DirEntry[str]) -> bool:
    try:
        return one.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _take(one: os.DirEntry[str], prefix: str, entries: list[Entry], refusals: list[Refusal]) -> None:
    name = label_of(prefix + one.name)
    try:
        about = one.stat()
    except OSError as error:
        refusals.append(Refusal("unreadable_file", f"the file cannot be opened: {error.strerror}", (name,)))
        return
    more, refused = _list_file(Path(one.path), name, about, sniff=False)
    entries += more
    refusals += refused


def _list_file(path: Path, name: str, about: os.stat_result, *, sniff: bool) -> tuple[list[Entry], list[Refusal]]:
    if not stat.S_ISREG(about.st_mode):
        return [], [Refusal("not_a_regular_file", "this is a device, pipe or socket; it is not opened", (name,))]
    if (sniff or name[-4:].lower() == ".zip") and is_zip(path):
        return list_zip(path, name)
    if about.st_size > MAX_FILE_BYTES:
        refused = too_large(about.st_size)
        return [], [Refusal(refused.code, refused.reason, (name,))]
    entry = entry_of_file(path, name, size=about.st_size)
    if path.name.upper() == DIRECTORY_NAME:
        from bregma.io.dicomdir import check_directory, is_directory

        if is_directory(entry):
            return [], check_directory(entry, path.parent)
    return [entry], []
