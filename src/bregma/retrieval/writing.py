"""One writer at a time, and what an interrupted one left behind."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from bregma.retrieval.manifest import NAME, Manifest
from bregma.scan.errors import LibraryError

LOCK = "write.lock"
SUFFIX = ".vectors"


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the index against other writers; readers are never held up. A lock dies with its process.

    Raises:
        LibraryError: somebody else is writing.
    """
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LibraryError(
                f"index {folder.name!r} is being written by another process; try again when it has ended"
            ) from error
        yield


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove files that belong to no state of the index any more; readers keep what they have mapped."""
    kept = {part.name for part in manifest.parts}
    for path in folder.iterdir():
        if path.name == f"{NAME}.part" or (SUFFIX in path.name and path.name not in kept):
            path.unlink(missing_ok=True)
