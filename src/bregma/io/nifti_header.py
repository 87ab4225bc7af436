"""The bytes of a NIfTI file: header first, then as much data as the header says, and never more.

NIfTI-1 and -2, single file, plain or gzip, either byte order. Sizes are checked before memory is taken.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from bregma.io.entry import MAX_FILE_BYTES, too_large
from bregma.scan.errors import RefusedError

Nifti: TypeAlias = Any
"""nibabel's Nifti1Header or Nifti2Header (the library is not typed)."""

MAX_VOXELS = 1 << 29
"""2,048 slices of 512 x 512."""
MAX_SIDE = 8192
BOMB_FROM_BYTES = 64 << 20
MAX_RATIO = 200
"""CT packs to between a half and a twentieth; above this ratio, and large, it is no scan (or a cut file)."""
GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 544
_GZIP_WINDOW = 31
_SINGLE_FILE_MAGIC = {348: (b"n+1",), 540: (b"n+2",)}
_PAIR_MAGIC = (b"ni1", b"ni2")
_KINDS = "iuf"

CODES = {
    "not_nifti": "The file does not have the header of a NIfTI-1 or NIfTI-2 file.",
    "nifti_pair": "The NIfTI header belongs to a pair of files (.hdr and .img); only single files are read.",
    "nifti_shape": "The NIfTI array is not three-dimensional (a time series, a vector image, an empty side).",
    "nifti_datatype": "The NIfTI voxels are colours, complex numbers or of an unknown type.",
    "gzip_bomb": "A small file says it unpacks to a huge image.",
    "corrupt_gzip": "The packed stream is damaged.",
}
"""Codes of refusal that are used here and not for DICOM, with their meaning."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """What a NIfTI header says, checked.

    Attributes:
        nifti: nibabel's view of it, for affines and scaling.
        shape: (I, J, K), I fastest in the file.
        dtype: of a stored voxel, with the file's byte order.
        offset: bytes before the first voxel.
    """

    nifti: Nifti
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int

    @property
    def end(self) -> int:
        """Bytes up to and with the last voxel."""
        return self.offset + int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def inflate(content: bytes, limit: int) -> bytes:
    """At most `limit` bytes of a file, unpacked if it is gzip (of any number of members).

    Raises:
        RefusedError: the stream is damaged ("corrupt_gzip").
    """
    if content[:2] != GZIP_MAGIC:
        return content[:limit]
    parts: list[bytes] = []
    length = 0
    try:
        while length < limit and content[:2] == GZIP_MAGIC:
            member = zlib.decompressobj(_GZIP_WINDOW)
            parts.append(member.decompress(content, limit - length))
            length += len(parts[-1])
            content = member.unused_data
    except zlib.error as error:
        raise RefusedError("corrupt_gzip", f"the packed stream is damaged ({error}); copy the file again") from error
    return b"".join(parts)


def parse_header(content: bytes) -> Header:
    """The header of a NIfTI file.

    Args:
        content: the file as it is on disk, packed or not.

    Raises:
        RefusedError: it is none that can be read.
    """
    head = inflate(content, _HEAD_BYTES)
    size = _header_bytes(head)
    kind = nib.Nifti1Header if size == 348 else nib.Nifti2Header
    try:
        nifti = kind(head[:size], check=False)
        dtype = nifti.get_data_dtype()
    except (HeaderDataError, ValueError, KeyError) as error:
        raise RefusedError("nifti_datatype", f"the NIfTI voxel type is not known ({type(error).__name__})") from error
    shape = _shape(nifti)
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise RefusedError("nifti_datatype", f"the NIfTI voxels are of type {dtype}; expected whole or real numbers")
    header = Header(nifti, shape, dtype, _offset(nifti, size))
    _check_size(header, packed=len(content) if content[:2] == GZIP_MAGIC else None)
    return header


def _check_size(header: Header, *, packed: int | None) -> None:
    if header.end > MAX_FILE_BYTES:
        raise too_large(header.end)
    if packed is not None and header.end > BOMB_FROM_BYTES and header.end > MAX_RATIO * packed:
        reason = f"{packed} bytes would unpack to {header.end}; that is no scan, nothing was unpacked"
        raise RefusedError("gzip_bomb", reason)


def read_voxels(content: bytes, header: Header) -> NDArray[Any]:
    """The stored numbers as a view of the unpacked bytes.

    Args:
        content: the file as it is on disk, packed or not.
        header: its header.

    Returns:
        (I, J, K) in the file's type and byte order, not yet scaled; read-only.

    Raises:
        RefusedError: there are fewer bytes than the header says.
    """
    raw = inflate(content, header.end)
    if len(raw) < header.end:
        raise RefusedError(
            "truncated_pixels", f"the file has {len(raw)} bytes of the {header.end} its header says; copy it again"
        )
    count = int(np.prod(header.shape, dtype=np.int64))
    flat = np.frombuffer(raw, dtype=header.dtype, count=count, offset=header.offset)
    return flat.reshape(header.shape, order="F")


def _header_bytes(head: bytes) -> int:
    """348 for NIfTI-1, 540 for NIfTI-2."""
    for size, magics in _SINGLE_FILE_MAGIC.items():
        if size in (int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")) and len(head) >= size:
            magic = head[344:347] if size == 348 else head[4:7]
            if magic in magics:
                return size
            if magic in _PAIR_MAGIC:
                raise RefusedError(
                    "nifti_pair", "the header belongs to a pair of files (.hdr and .img); convert it to one .nii file"
                )
    raise RefusedError("not_nifti", f"the file does not begin with a NIfTI header ({len(head)} bytes looked at)")


def _shape(nifti: Nifti) -> tuple[int, int, int]:
    dims = [int(n) for n in nifti["dim"]]
    sides = dims[1 : 1 + dims[0]] if 1 <= dims[0] <= 7 else []
    while len(sides) > 3 and sides[-1] == 1:
        sides.pop()
    if len(sides) == 2:
        sides.append(1)
    if len(sides) != 3 or min(sides) < 1:
        raise RefusedError(
            "nifti_shape", f"the NIfTI array has the dimensions {dims[1:]} ({dims[0]} used); expected three, none empty"
        )
    if max(sides) > MAX_SIDE or int(np.prod(sides, dtype=object)) > MAX_VOXELS:
        raise RefusedError(
            "scan_too_large", f"the NIfTI array is {sides[0]} x {sides[1]} x {sides[2]}; that is no head scan"
        )
    return sides[0], sides[1], sides[2]


def _offset(nifti: Nifti, size: int) -> int:
    stated = float(nifti["vox_offset"])
    least = size + 4
    if not np.isfinite(stated) or stated > 1 << 24 or (stated and stated < size):
        raise RefusedError("not_nifti", f"the NIfTI header says its voxels begin at byte {stated}; expected {least}")
    return int(stated) or least
