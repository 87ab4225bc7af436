"""Prepared scans on disk, so that a training run prepares each scan once and then only reads.

One file per scan (slice_file.py), written whole or not at all.
Grey is kept as 0..255, half a step (0.2 %) from what `prepare` gives; a file is about a tenth of the float input and
smaller than the source's pixels. Files of other preprocessing settings lie in other folders and are never read; of the
mask each file says what it was made from, so that a mask that has changed since is noticed.
Letters: D slices, C channels (windows), S prepared size, N slices of a batch.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.training.slice_file import PAGE, Grey, Header, parse_page, read_at

Image = NDArray[np.float32]

WHITE = np.float32(255)

_Stamp = tuple[int, int, int]
"""Time, number and size of a file: they change when it is replaced."""


@dataclass(frozen=True, slots=True, eq=False)
class CachedScan:
    """One prepared scan, memory-mapped: only the slices that are looked at are read.

    Attributes:
        images: (D, C, S, S) uint8, 255 for 1.0; read-only.
        mask: (D, S, S) uint8 share of each pixel, 255 for 1.0; None when nobody knows where the finding is.
        mask_digest: of what the mask was made from; empty when whoever added the scan did not say.
    """

    images: Grey
    mask: Grey | None
    mask_digest: str = ""

    def float_images(self) -> Image:
        """(D, C, S, S) float32 in [0, 1]."""
        return from_grey(self.images, np.empty(self.images.shape, np.float32))

    def float_mask(self) -> Image | None:
        """(D, S, S) float32 in [0, 1]; None when unknown."""
        return None if self.mask is None else from_grey(self.mask, np.empty(self.mask.shape, np.float32))


class SliceCache:
    """Prepared scans under one folder, for one set of preprocessing settings.

    Any number of processes may read and add at once: a file appears whole under its name, and adding a scan twice
    replaces equal content with equal content.

    Args:
        folder: made when it is not there.
        settings_digest: `Preprocessing.digest`.
    """

    def __init__(self, folder: Path, settings_digest: str) -> None:
        self._digest = settings_digest
        self._folder = Path(folder) / settings_digest
        self._folder.mkdir(parents=True, exist_ok=True)
        self._verified: dict[str, tuple[_Stamp, Header]] = {}
        self._paths: dict[str, Path] = {}

    def path(self, series_uid: str) -> Path:
        """Where a scan's file lies; a UID comes from a file and never becomes a path as it is."""
        if series_uid not in self._paths:
            name = hashlib.sha256(series_uid.encode()).hexdigest()[:32]
            self._paths[series_uid] = self._folder / f"{name}.slices"
        return self._paths[series_uid]

    def __contains__(self, series_uid: str) -> bool:
        try:
            self.get(series_uid)
        except LookupError:
            return False
        return True

    def get(self, series_uid: str) -> CachedScan:
        """A scan that was added before.

        The checksum is read once per file and process; the header and the size every time.

        Raises:
            LookupError: it was never added, or its file is truncated, damaged or of another scan.
        """
        with self._opened(series_uid) as (file, header):
            content: Grey = np.memmap(file, np.uint8, mode="r", offset=PAGE).view(np.ndarray)
        pixels = math.prod(header.shape)
        mask = content[pixels:].reshape(header.mask_shape) if header.mask else None
        return CachedScan(content[:pixels].reshape(header.shape), mask, header.mask_digest)

    def read(self, series_uid: str, start: int, stop: int, *, mask: bool = True) -> CachedScan:
        """Some consecutive slices of a scan, read from its file and nothing else of it; nothing is kept open.

        Args:
            series_uid: of a scan that was added before.
            start: first slice.
            stop: slice after the last one.
            mask: whether the mask is wanted, if there is one.

        Raises:
            LookupError: as in `get`.
        """
        with self._opened(series_uid) as (file, header):
            count, slice_bytes, mask_bytes = stop - start, math.prod(header.shape[1:]), math.prod(header.mask_shape[1:])
            images = read_at(file, PAGE + start * slice_bytes, (count, *header.shape[1:]))
            if not (mask and header.mask):
                return CachedScan(images, None, header.mask_digest)
            first = PAGE + math.prod(header.shape) + start * mask_bytes
            return CachedScan(images, read_at(file, first, (count, *header.mask_shape[1:])), header.mask_digest)

    @contextmanager
    def _opened(self, series_uid: str) -> Iterator[tuple[FileIO, Header]]:
        """A scan's file and what it says of itself; its checksum is read when this process sees the file first."""
        try:
            with self.path(series_uid).open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
                before, header = self._verified.get(series_uid, (None, None))
                if header is None or before != stamp:
                    header = self._verify(series_uid, file, status.st_size)
                    self._verified[series_uid] = stamp, header
                yield file, header
        except (OSError, ValueError) as error:
            raise LookupError(f"series {series_uid} is not in the cache for {self._digest}: {error}") from error

    def _verify(self, series_uid: str, file: FileIO, size: int) -> Header:
        header = parse_page(file.read(PAGE))
        if size != PAGE + header.size:
            raise ValueError(f"the file has {size} bytes; expected {PAGE + header.size}")
        if (header.series_uid, header.digest) != (series_uid, self._digest):
            raise ValueError(f"the file is of series {header.series_uid} and settings {header.digest}")
        content = np.memmap(file, np.uint8, mode="r", offset=PAGE)
        if zlib.crc32(content.data) != header.crc32:
            raise ValueError(f"the file's checksum is not {header.crc32}, as its header says")
        return header

    def add(
        self, series_uid: str, images: NDArray[Any], mask: NDArray[Any] | None, *, mask_digest: str = ""
    ) -> CachedScan:
        """Keep a prepared scan.

        Args:
            series_uid: its Series Instance UID.
            images: (D, C, S, S) in [0, 1], or uint8 as `to_grey` gives it.
            mask: (D, S, S) in [0, 1], uint8 or bool; None when unknown.
            mask_digest: of what the mask was made from, to know later whether it is still the same.

        Returns:
            The scan as `get` would give it.
        """
        grey = to_grey(images)
        cover = None if mask is None else to_grey(mask)
        if cover is not None and cover.shape != (len(grey), *grey.shape[2:]):
            raise ValueError(f"the mask of series {series_uid} has shape {cover.shape}; the images have {grey.shape}")
        checksum = zlib.crc32(b"" if cover is None else cover.data, zlib.crc32(grey.data))
        header = Header(series_uid, self._digest, grey.shape, cover is not None, mask_digest, checksum)
        write_parts(self.path(series_uid), [header.page(), grey.data, b"" if cover is None else cover.data])
        return CachedScan(grey, cover, mask_digest)

    def get_or_add(self, series_uid: str, make: Callable[[], tuple[NDArray[Any], NDArray[Any] | None]]) -> CachedScan:
        """A scan from the cache, or prepared now and kept.

        Args:
            series_uid: its Series Instance UID.
            make: gives images and mask as `add` takes them; called only when they are not there.
        """
        try:
            return self.get(series_uid)
        except LookupError:
            return self.add(series_uid, *make())

    def batches(self, places: Sequence[tuple[str, int]], size: int) -> Iterator[Image]:
        """Single slices in the order asked for, as batches of floats.

        Args:
            places: (series_uid, slice index from the foot) of each slice.
            size: N, slices per batch; the last one may have fewer.

        Yields:
            (N, C, S, S) float32 in [0, 1], a new array each.
        """
        for first in range(0, len(places), size):
            part = [self.read(uid, index, index + 1, mask=False) for uid, index in places[first : first + size]]
            batch = np.empty((len(part), *part[0].images.shape[1:]), np.float32)
            for one, out in zip(part, batch, strict=True):
                from_grey(one.images[0], out)
            yield batch


def to_grey(values: NDArray[Any]) -> Grey:
    """0..1 as 0..255, to the nearest; uint8 stays as it is and True becomes 255. C-contiguous."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    return np.ascontiguousarray(np.rint(values * WHITE), dtype=np.uint8)


def from_grey(grey: Grey, out: Image) -> Image:
    """Undo `to_grey`: 0..255 as 0..1, written into `out`."""
    return np.divide(grey, WHITE, out=out)


def write_parts(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Write a file so that it is there whole or not at all, whatever happens on the way."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in parts:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
