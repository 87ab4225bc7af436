"""Who may write, and what a crash left behind.

Every import holds the lock of the library shared; whoever sweeps holds it alone. The kernel lets go of it when a
process dies, however it dies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.tables import MaskRow, SeriesRow, TumourMapRow


@contextmanager
def writing(library: Library) -> Iterator[int]:
    """Hold the library open for writing; sweep first, if nobody else is at it.

    Yields:
        How many leftover files were removed.
    """
    with library.layout.lock.open("a") as lock:
        swept = 0
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            swept = _sweep(library)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield swept


def _sweep(library: Library) -> int:
    """Remove files that no row names; only ever called while nobody writes."""
    layout = library.layout
    with Session(library.engine) as session:
        kept = {layout.volume(digest) for digest in session.scalars(select(SeriesRow.volume))}
        kept |= {layout.mask(digest) for digest in session.scalars(select(MaskRow.mask))}
        kept |= {layout.mask(digest) for digest in session.scalars(select(TumourMapRow.mask))}
    files = list(layout.incoming.iterdir())
    for folder in ("volumes", "masks"):
        files += [path for path in (layout.root / folder).glob("??/*") if path not in kept]
    for path in files:
        _remove(path)
    return len(files)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
