"""Named arrays in one file that is never changed, mapped into memory when read.

The file is `MAGIC`, the length and the CRC-32 of the header (two little-endian uint32), the header as JSON
{"facts": {...}, "arrays": {name: [dtype, shape, offset, crc32]}} and, from the next multiple of `ALIGNED` on, the
arrays, each aligned likewise.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io.durable import settle, write_parts
from bregma.retrieval.bounds import Arrays
from bregma.scan.errors import LibraryError

MAGIC = b"bregma\x00\x02"
ALIGNED = 64
"""Bytes: a cache line, so that a row of 16 numbers is never on two of them."""

_PREFIX = struct.Struct("<8sII")


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """What a file holds.

    Attributes:
        facts: small things, as JSON.
        arrays: by name; pages are read when they are first touched.
        sums: the CRC-32 of each.
    """

    facts: dict[str, Any]
    arrays: Arrays
    sums: dict[str, int]


def write_arrays(path: Path, facts: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a file; it is on the disk, whole, when this returns."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    rows: dict[str, list[Any]] = {}
    at = 0
    for name, array in contiguous.items():
        rows[name] = [array.dtype.str, list(array.shape), at, zlib.crc32(_bytes(array))]
        at += _aligned(array.nbytes)
    head = json.dumps({"facts": dict(facts), "arrays": rows}, separators=(",", ":")).encode()
    temporary = path.with_name(f"{path.name}.part")
    write_parts(temporary, _parts(head, contiguous))
    settle(temporary, path)


def read_arrays(path: Path) -> ArrayFile:
    """Map a file; the header is checked now, the arrays by `check`.

    Raises:
        FileNotFoundError: it is not there.
        LibraryError: it is not what was written.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
    magic, size, crc = _PREFIX.unpack(data[: _PREFIX.size]) if len(data) >= _PREFIX.size else (b"", 0, 0)
    head = data[_PREFIX.size : _PREFIX.size + size]
    if magic != MAGIC or zlib.crc32(head) != crc:
        raise damaged(path, "does not begin as it was written")
    header = json.loads(head)
    start = _aligned(_PREFIX.size + size)
    arrays = {name: _array(path, data, start, row) for name, row in header["arrays"].items()}
    return ArrayFile(header["facts"], arrays, {name: row[3] for name, row in header["arrays"].items()})


def check(path: Path, file: ArrayFile) -> None:
    """Read everything and compare it with the checksums.

    Raises:
        LibraryError: something changed since it was written.
    """
    for name, array in file.arrays.items():
        if zlib.crc32(_bytes(array)) != file.sums[name]:
            raise damaged(path, f"has other {name} than were written")


def damaged(path: Path, what: str) -> LibraryError:
    """The error about a file of an index."""
    return LibraryError(f"index file {path.name} {what}; restore the index from a backup, or build it again")


def _parts(head: bytes, arrays: Arrays) -> Iterator[bytes | memoryview]:
    yield _PREFIX.pack(MAGIC, len(head), zlib.crc32(head))
    yield head
    yield bytes(_aligned(_PREFIX.size + len(head)) - _PREFIX.size - len(head))
    for array in arrays.values():
        yield _bytes(array)
        yield bytes(_aligned(array.nbytes) - array.nbytes)


def _array(path: Path, data: bytes | mmap.mmap, start: int, row: list[Any]) -> NDArray[Any]:
    dtype, shape, at, _ = row
    count = int(np.prod(shape))
    if start + at + count * np.dtype(dtype).itemsize > len(data):
        raise damaged(path, "is shorter than it was written")
    return np.frombuffer(data, dtype=dtype, count=count, offset=start + at).reshape(shape)


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
