"""Files that are on the disk when a call returns: what was acknowledged outlives a crash and a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is on the disk, not only in memory, when this returns."""
    write_parts(path, [data])


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """`write_new` for what is too large to be put together in memory first."""
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def settle(temporary: Path, final: Path) -> None:
    """Give a finished file its name; the name outlives a power cut when this returns."""
    if not final.parent.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(final.parent.parent)
    temporary.replace(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
