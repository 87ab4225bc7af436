"""A file that may hold a scan, wherever it lies: on disk or inside an archive. Nothing is unpacked to disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bregma.scan.errors import RefusedError

MAX_FILE_BYTES = 2 << 30
"""The largest file that is read whole: 4,096 CT slices of 512 x 512 in one multi-frame file."""

CODES = {
    "file_too_large": "The file is larger than any head scan.",
    "unreadable_file": "The file cannot be opened or read (permissions, broken link, damaged medium).",
}
"""Codes of refusal used here, with their meaning."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, not yet read.

    Attributes:
        name: relative to the path that was asked for, with "/"; an archive member is "a.zip!/b/c.dcm". A label for
            people and reports: a name from inside an archive is never used as a path.
        size: bytes, as the disk or the archive says.
        path: where it lies; None for an archive member.
        read: the whole content, never more than `MAX_FILE_BYTES`; raises RefusedError.
    """

    name: str
    size: int
    path: Path | None
    read: Callable[[], bytes]


def entry_of_file(path: Path, name: str, *, size: int) -> Entry:
    """The entry of a file on disk."""
    return Entry(name, size, path, partial(_read_file, path))


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise RefusedError("unreadable_file", "this is a device or a pipe, not a file")
            if about.st_size > MAX_FILE_BYTES:
                raise too_large(about.st_size)
            return file.read(about.st_size)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or 'input/output error'}"
        raise RefusedError("unreadable_file", reason) from error


def too_large(size: int) -> RefusedError:
    """The refusal of a file that is larger than any scan."""
    limit = MAX_FILE_BYTES >> 20
    return RefusedError("file_too_large", f"the file has {size >> 20} MiB or more; at most {limit} MiB are read")


def label_of(name: str) -> str:
    """A file name as text that can be written anywhere: bytes that are no UTF-8 are spelled out."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return name
