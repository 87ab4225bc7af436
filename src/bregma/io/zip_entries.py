"""The members of a zip archive, read in memory one by one and never unpacked to disk.

An archive comes from anywhere. Its own statements (names, sizes) are checked before memory is taken: number of members,
declared size, ratio of declared to packed size, encryption, depth of archives within archives.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from bregma.io.entry import MAX_FILE_BYTES, Entry, label_of, too_large
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal

ARCHIVE_MARK = "!/"
MAX_DEPTH = 3
"""Archives within archives: a zip in a zip in a zip is still looked into."""
MAX_MEMBERS = 100_000
MAX_TOTAL_BYTES = 64 << 30
MAX_INNER_BYTES = 512 << 20
"""An archive inside an archive is held in memory, so it is bounded more tightly."""
RATIO_FROM_BYTES = 64 << 20
MAX_RATIO = 200.0
"""CT packs to between a half and a twentieth; above this ratio, and large, it is no scan."""

ENCRYPTED_FLAG = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HIDDEN = ("__MACOSX",)

CODES = {
    "zip_bomb": "The archive says it unpacks to far more than its packed size or number of members allows.",
    "encrypted_archive": "A member of the archive is encrypted.",
    "corrupt_archive": "The archive, or a member of it, is damaged (directory, checksum or length do not fit).",
    "archive_compression": "A member is packed by another method than store or deflate.",
    "nested_too_deep": "Archives lie within archives more deeply than is looked into.",
    "unsafe_name": "A member's name leads out of the archive; such a name is not used.",
}
"""Codes of refusal used here, with their meaning."""


@dataclass(eq=False)
class _Archive:
    """An open archive; what is sent to another process is where it lies, not the open file."""

    path: Path
    chain: tuple[int, ...] = ()
    _open: zipfile.ZipFile | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "chain": self.chain, "_open": None}

    def zip(self) -> zipfile.ZipFile:
        if self._open is None:
            self._open = zipfile.ZipFile(self.path)
            for index in self.chain:
                self._open = zipfile.ZipFile(io.BytesIO(_read_info(self._open, self._open.infolist()[index])))
        return self._open


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive does, empty ones included."""
    try:
        with path.open("rb", buffering=0) as file:
            return _looks_zipped(file.read(4))
    except OSError:
        return False


def _looks_zipped(content: bytes) -> bool:
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def list_zip(path: Path, name: str) -> tuple[list[Entry], list[Refusal]]:
    """The members of an archive on disk as entries, those of archives within it included.

    Args:
        path: the archive.
        name: its own label; members are called "name!/member".

    Returns:
        entries in the order of their names, and what is refused.
    """
    return _list_archive(_Archive(path), name, packed=path.stat().st_size)


def _list_archive(archive: _Archive, name: str, *, packed: int) -> tuple[list[Entry], list[Refusal]]:
    try:
        members = archive.zip().infolist()
        _check_whole(members, packed)
    except RefusedError as refused:
        return [], [Refusal(refused.code, refused.reason, (name,))]
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError) as error:
        reason = f"the archive cannot be opened ({type(error).__name__}); pack it again"
        return [], [Refusal("corrupt_archive", reason, (name,))]
    entries: list[Entry] = []
    refusals: list[Refusal] = []
    labels: set[str] = set()
    for index, info in enumerate(members):
        if info.is_dir() or _is_hidden(info.filename):
            continue
        label = _unique(f"{name}{ARCHIVE_MARK}{label_of(info.filename)}", labels)
        try:
            _check_member(info)
            more, refused_within = _list_member(archive, index, label)
        except RefusedError as refused:
            more, refused_within = [], [Refusal(refused.code, refused.reason, (label,))]
        entries += more
        refusals += refused_within
    return sorted(entries, key=lambda entry: entry.name), refusals


def _list_member(archive: _Archive, index: int, label: str) -> tuple[list[Entry], list[Refusal]]:
    info = archive.zip().infolist()[index]
    entry = Entry(label, info.file_size, None, partial(_read_member, archive, index))
    if label[-4:].lower() == ".zip":
        return _list_inner(archive, index, entry)
    if label.upper().endswith("/DICOMDIR"):
        from bregma.io.dicomdir import is_directory

        if is_directory(entry):
            return [], []
    return [entry], []


def _list_inner(archive: _Archive, index: int, entry: Entry) -> tuple[list[Entry], list[Refusal]]:
    if len(archive.chain) + 1 >= MAX_DEPTH:
        reason = f"archives within archives are looked into {MAX_DEPTH} deep; unpack the outer one first"
        raise RefusedError("nested_too_deep", reason)
    if entry.size > MAX_INNER_BYTES:
        raise RefusedError(
            "file_too_large",
            f"an archive inside an archive has {entry.size >> 20} MiB; at most {MAX_INNER_BYTES >> 20} MiB are read. "
            "Unpack the outer one first",
        )
    content = entry.read()
    if not _looks_zipped(content):
        return [entry], []
    inner = _Archive(archive.path, (*archive.chain, index))
    try:
        inner._open = zipfile.ZipFile(io.BytesIO(content))  # noqa: SLF001 (its own class)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _corrupt(error) from error
    return _list_archive(inner, entry.name, packed=len(content))


def _check_whole(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MAX_MEMBERS:
        raise RefusedError("zip_bomb", f"the archive has {len(members)} members; at most {MAX_MEMBERS} are read")
    total = sum(info.file_size for info in members)
    too_dense = total > RATIO_FROM_BYTES and total > MAX_RATIO * max(packed, 1)
    if total > MAX_TOTAL_BYTES or too_dense:
        raise RefusedError(
            "zip_bomb",
            f"the archive has {packed} bytes and says it unpacks to {total}; that is no scan, nothing is unpacked",
        )


def _check_member(info: zipfile.ZipInfo) -> None:
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    if ".." in parts or info.filename[:1] in "/\\" or info.filename[1:2] == ":":
        raise RefusedError("unsafe_name", "the member's name leads out of the archive; pack it with relative names")
    if info.flag_bits & ENCRYPTED_FLAG:
        raise RefusedError("encrypted_archive", "the member is encrypted; unpack the archive with its password first")
    if info.compress_type not in _METHODS:
        raise RefusedError(
            "archive_compression", f"the member is packed by method {info.compress_type}; pack it by deflate (8)"
        )
    if info.file_size > MAX_FILE_BYTES:
        raise too_large(info.file_size)


def _read_member(archive: _Archive, index: int) -> bytes:
    try:
        opened = archive.zip()
        return _read_info(opened, opened.infolist()[index])
    except (OSError, zipfile.BadZipFile, IndexError) as error:
        raise _corrupt(error) from error


def _read_info(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """At most the declared size: the inflater stops there, and the checksum then tells a lie from the truth."""
    try:
        with opened.open(info) as member:
            content = member.read(min(info.file_size, MAX_FILE_BYTES) + 1)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError) as error:
        raise _corrupt(error) from error
    if len(content) != info.file_size:
        raise RefusedError(
            "corrupt_archive", f"the member unpacks to {len(content)} bytes, the archive says {info.file_size}"
        )
    return content


def _corrupt(error: Exception) -> RefusedError:
    return RefusedError(
        "corrupt_archive", f"the archive or this member is damaged ({type(error).__name__}); pack it again"
    )


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any((part.startswith(".") and part != "..") or part in _HIDDEN for part in parts)


def _unique(label: str, labels: set[str]) -> str:
    found, count = label, 1
    while found in labels:
        count += 1
        found = f"{label} ({count})"
    labels.add(found)
    return found
