"""The file of one prepared scan: a page with magic, length and JSON header, then images, then mask.

Letters: D slices, C channels (windows), S prepared size.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from io import FileIO

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

MAGIC = b"BREGMA-SLICES-2\n"
PAGE = 4096
"""Images begin at a multiple of this, so that a memory map of them is aligned."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a cache file says about itself."""

    series_uid: str
    digest: str
    shape: tuple[int, ...]
    mask: bool
    mask_digest: str
    crc32: int

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """(D, S, S)."""
        return self.shape[0], *self.shape[2:]

    @property
    def size(self) -> int:
        """Bytes after the first page."""
        return math.prod(self.shape) + (math.prod(self.mask_shape) if self.mask else 0)

    def page(self) -> bytes:
        """The file's first page; `parse_page` undoes it."""
        words = json.dumps(dataclasses.asdict(self)).encode()
        head = MAGIC + len(words).to_bytes(4, "little") + words
        if len(head) > PAGE:
            raise ValueError(f"the series UID has {len(self.series_uid)} characters; DICOM allows 64")
        return head.ljust(PAGE, b"\0")


def parse_page(page: bytes) -> Header:
    """The header in a file's first page.

    Raises:
        ValueError: these are not the first bytes of a cache file.
    """
    at = len(MAGIC) + 4
    if not page.startswith(MAGIC) or len(page) < PAGE:
        raise ValueError(f"{len(page)} bytes that begin with {page[:8]!r} are not the head of a cache file")
    fields = json.loads(page[at : at + int.from_bytes(page[len(MAGIC) : at], "little")])
    if not isinstance(fields, dict) or fields.keys() != {field.name for field in dataclasses.fields(Header)}:
        raise ValueError(f"the header is {fields!r}")
    shape = fields["shape"]
    if not isinstance(shape, list) or len(shape) != 4 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(f"the header says that the images have shape {shape!r}")
    return Header(**{**fields, "shape": tuple(shape)})


def read_at(file: FileIO, offset: int, shape: tuple[int, ...]) -> Grey:
    """Bytes of a file from an offset, in a new array."""
    values = np.empty(shape, np.uint8)
    left = values.reshape(-1).data
    file.seek(offset)
    while len(left):
        count = file.readinto(left)
        if not count:
            raise ValueError(f"the file ends {len(left)} bytes before what was asked of it")
        left = left[count:]
    return values
