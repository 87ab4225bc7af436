"""Where results may be written: looked at before the work begins, so that no hour is lost and no input overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bregma.scan.errors import RequestError


def check_targets(
    *, files: Iterable[Path | None] = (), folders: Iterable[Path | None] = (), source: Path | None = None
) -> None:
    """Refuse places that cannot be written, are asked for twice, or hold what is to be read.

    Args:
        files: result files; None is not asked for.
        folders: folders of results; None is not asked for.
        source: what is read; none of its files may be replaced.

    Raises:
        RequestError: with the name of the place and what is wrong with it.
    """
    wanted = [file for file in files if file is not None]
    for number, file in enumerate(wanted):
        if file.resolve() in {other.resolve() for other in wanted[:number]}:
            raise RequestError(f"{file.name!r} is asked for twice; give every result a file of its own")
        if file.is_dir():
            raise RequestError(f"{file.name!r} is a folder; name a file in it")
        if source is not None and file.exists() and file.resolve().is_relative_to(source.resolve()):
            raise RequestError(f"{file.name!r} is part of what is read and would be overwritten; choose another place")
        _check_folder(file.parent)
    for folder in folders:
        if folder is not None:
            _check_folder(folder)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or lies below one."""
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise RequestError(f"{place.name!r} is a file, not a folder; choose another place")
            return
