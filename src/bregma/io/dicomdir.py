"""The DICOMDIR of a medium: recognised, and held against the files that are there. Its names open nothing.

PS3.3 F: a directory record names its file by Referenced File ID (0004,1500), a list of path parts.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from bregma.io.entry import Entry
from bregma.scan.counted import counted
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal

MEDIA_STORAGE_DIRECTORY = b"1.2.840.10008.1.3.10"
"""PS3.6: SOP class of a DICOMDIR."""
_HEAD_BYTES = 4096
MAX_BYTES = 256 << 20

CODES = {
    "bad_dicomdir": "The DICOMDIR cannot be read; the files of the medium are read all the same.",
    "missing_file": "The DICOMDIR of a medium, or the side-car of a folder, names files that are not there.",
}
"""Codes of refusal used here, with their meaning."""


def is_directory(entry: Entry) -> bool:
    """Whether a file is a DICOMDIR by its content, not only by its name."""
    try:
        if entry.path is None:
            head = entry.read()[:_HEAD_BYTES]
        else:
            with entry.path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
    except (OSError, RefusedError):
        return False
    return head[128:132] == b"DICM" and MEDIA_STORAGE_DIRECTORY in head


def check_directory(entry: Entry, folder: Path) -> list[Refusal]:
    """What the DICOMDIR promises and the medium does not hold.

    Args:
        entry: the DICOMDIR.
        folder: where it lies; names that lead out of it are refused and not looked at.

    Returns:
        one refusal for all missing files, one for names that lead out; none when all is well.
    """
    try:
        names = _referenced(entry)
    except RefusedError as refused:
        return [Refusal(refused.code, refused.reason, (entry.name,))]
    inside = [name for name in names if _is_inside(name)]
    missing = tuple("/".join(name) for name in inside if not _is_there(folder, name))
    refusals = []
    if missing:
        reason = f"the DICOMDIR names {counted(len(missing), 'file')} not on the medium; the copy may be incomplete"
        refusals.append(Refusal("missing_file", reason, missing))
    if len(inside) < len(names):
        reason = f"{counted(len(names) - len(inside), 'name')} in the DICOMDIR leading out of the medium, not followed"
        refusals.append(Refusal("unsafe_name", reason, (entry.name,)))
    return refusals


def _referenced(entry: Entry) -> list[tuple[str, ...]]:
    from io import BytesIO

    import pydicom

    if entry.size > MAX_BYTES:
        raise RefusedError("bad_dicomdir", f"the DICOMDIR has {entry.size} bytes; at most {MAX_BYTES} are read")
    try:
        with warnings.catch_warnings():  # lower case names and the like: the files matter, not the form
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(BytesIO(entry.read()))
            records = dataset["DirectoryRecordSequence"].value
            named = [record.get("ReferencedFileID") for record in records]
        return [_parts(name) for name in named if name]
    except Exception as error:  # whatever pydicom stumbles over, the files are still read
        raise RefusedError(
            "bad_dicomdir", f"the DICOMDIR cannot be read ({type(error).__name__}); its files are read all the same"
        ) from error


def _parts(name: object) -> tuple[str, ...]:
    if isinstance(name, str):
        return (name,)
    return tuple(str(part) for part in name)  # type: ignore[attr-defined]


def _is_inside(name: tuple[str, ...]) -> bool:
    return all(part not in ("", ".", "..") and not set(part) & set("/\\:\0") for part in name)


def _is_there(folder: Path, name: tuple[str, ...]) -> bool:
    """Names on media are upper case (PS3.10 8.2), copies of media often are not."""
    return folder.joinpath(*name).exists() or folder.joinpath(*(part.lower() for part in name)).exists()
