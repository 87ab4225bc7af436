"""A run's folder belongs to one process at a time: two that train into it would overwrite each other's state."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bregma.scan.errors import RequestError

LOCK = "run.lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder, which is made when it is not there; the system lets go of it however the process ends.

    Raises:
        RequestError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RequestError(
                f"another process is training in {folder.name!r}; wait until it has ended, or choose another folder"
            ) from error
        yield
