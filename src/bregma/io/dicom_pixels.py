"""The stored values of one image, from whatever its transfer syntax made of them."""

from __future__ import annotations

import io
import os
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io.dicom_header import data_set_at, inflate
from bregma.io.dicom_image import Image
from bregma.io.dicom_tags import COMPRESSED, DEFLATED, RLE
from bregma.io.entry import Entry
from bregma.scan.errors import RefusedError

Stored = NDArray[Any]
"""(H, W) values as stored, before any rescale: 8, 16 or 32 bits, signed or not."""


def read_stored(image: Image, entry: Entry, out: NDArray[np.int16]) -> Stored:
    """Read the stored values of an image; 16-bit pixels of plain files go straight into `out`.

    Args:
        image: what to read.
        entry: its file.
        out: (H, W) C-contiguous memory that may be filled; the result is then a view of it.

    Returns:
        (H, W) stored values: a view of `out`, or an array of another width.

    Raises:
        RefusedError: "truncated_pixels", "bad_pixels", "unreadable_file".
    """
    layout = image.format
    if image.header.syntax in COMPRESSED:
        return _decoded(image, entry.read())
    kind = f"{image.header.order}{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}"
    if layout.bits_allocated == 16 and kind[0] == "<" and image.header.syntax != DEFLATED:
        _read_into(image, entry, out.data.cast("B"))
        return out if layout.signed else out.view(np.uint16)
    raw = _raw(image, entry)
    flat = np.frombuffer(raw, dtype=kind)
    return flat.reshape(layout.rows, layout.columns).astype(flat.dtype.newbyteorder("="))


def _start(image: Image) -> int:
    if image.header.pixels_at is None:
        raise RefusedError("no_pixels", "the file holds no pixels")
    return image.header.pixels_at + (image.frame or 0) * image.format.size


def _read_into(image: Image, entry: Entry, target: memoryview) -> None:
    start = _start(image)
    if entry.path is None:
        raw = entry.read()[start : start + len(target)]
        _check_length(len(raw), len(target))
        target[:] = raw
        return
    try:
        file = os.open(entry.path, os.O_RDONLY)
        try:
            got = os.preadv(file, [target], start)
        finally:
            os.close(file)
    except OSError as error:
        raise RefusedError("unreadable_file", f"the pixels cannot be read: {error.strerror}") from error
    _check_length(got, len(target))


def _raw(image: Image, entry: Entry) -> bytes:
    data = entry.read()
    if image.header.syntax == DEFLATED:
        data = inflate(data[data_set_at(data) :], _start(image) + image.format.size)
    raw = data[_start(image) : _start(image) + image.format.size]
    _check_length(len(raw), image.format.size)
    return raw


def _check_length(got: int, expected: int) -> None:
    if got != expected:
        raise RefusedError("truncated_pixels", f"the image needs {expected} bytes of pixels; {got} could be read")


def _decoded(image: Image, data: bytes) -> Stored:
    """Decode one frame of a compressed file with GDCM, through pydicom."""
    import pydicom
    from pydicom.encaps import get_frame
    from pydicom.pixels.utils import pixel_array

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data_set = pydicom.dcmread(io.BytesIO(data), force=True)
            frames = int(image.header.text("NumberOfFrames") or 1)
            _check_codestream(get_frame(data_set.PixelData, image.frame or 0, number_of_frames=frames), image)
            plugin = "pydicom" if image.header.syntax == RLE else "gdcm"
            values = pixel_array(data_set, index=image.frame or 0, raw=True, decoding_plugin=plugin)
    except RefusedError:
        raise
    except RecursionError as error:
        raise RefusedError("nested_sequences", "sequences are nested too deeply") from error
    except Exception as error:  # a decoder may raise anything
        name = COMPRESSED[image.header.syntax]
        raise RefusedError("bad_pixels", f"the {name} pixels cannot be decoded ({type(error).__name__})") from error
    if values.shape != (image.format.rows, image.format.columns):
        raise RefusedError("bad_pixels", f"the decoded image has shape {values.shape}; the header says otherwise")
    return np.asarray(values)


def _check_codestream(frame: bytes, image: Image) -> None:
    """Whether a JPEG or JPEG 2000 stream has an end, and the size the header says, before memory is taken for it."""
    if image.header.syntax != RLE and not frame.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
        raise RefusedError("truncated_pixels", f"the compressed image of {len(frame)} bytes has no end marker")
    claimed = _codestream_size(frame)
    if claimed is not None and claimed != (image.format.rows, image.format.columns):
        said = f"{image.format.rows} x {image.format.columns}"
        raise RefusedError("bad_pixels", f"the compressed image is {claimed[0]} x {claimed[1]}; the header says {said}")


def _codestream_size(pixels: bytes) -> tuple[int, int] | None:
    """(rows, columns) as the codestream has it; None for RLE and when it cannot be found."""
    siz = pixels.find(b"\xff\x4f\xff\x51", 0, 4096)  # ISO 15444-1 A.5.1: SOC, SIZ
    if siz >= 0 and len(pixels) >= siz + 24:
        width, height, left, top = struct.unpack_from(">IIII", pixels, siz + 8)
        return height - top, width - left
    at = pixels.find(b"\xff\xd8\xff", 0, 4096) + 2
    while at >= 2 and at + 9 < len(pixels) and pixels[at] == 0xFF:  # ISO 10918-1 B.1.1: marker segments
        marker = pixels[at + 1]
        if marker in _FRAME_MARKERS:
            rows, columns = struct.unpack_from(">HH", pixels, at + 5)
            return rows, columns
        at += 2 + struct.unpack_from(">H", pixels, at + 2)[0]
    return None


_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})
"""Start of frame: baseline, extended, progressive, lossless (ISO 10918-1 table B.1), JPEG-LS (ISO 14495-1)."""
