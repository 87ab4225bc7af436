"""One DICOM image as far as its header tells: where it lies, how its pixels are stored, what it cannot be used for."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

from bregma.io.dicom_header import Header
from bregma.scan.errors import RefusedError

MAX_SIDE = 8192
"""Rows or columns; CT matrices go to 2048."""

LOCALIZER = re.compile(r"LOCALI[SZ]ER|SCOUT|TOPOGRAM|SURVIEW|SCANOGRAM|PILOT", re.IGNORECASE)
DOSE_PAGE = re.compile(r"\bDOSE|DOSE_INFO|PATIENT_INFO|PROTOCOL PAGE", re.IGNORECASE)
SCREEN = re.compile(r"SCREEN ?SAVE|SCREENSHOT|\bRESULTS?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How stored values are laid out and what makes Hounsfield units of them (PS3.3 C.7.6.3.1, C.11.1).

    Attributes:
        rows: H.
        columns: W.
        bits_allocated: 8, 16 or 32.
        bits_stored: how many of them count.
        high_bit: the highest that counts.
        signed: two's complement.
        slope: HU per stored unit; 1 when not given.
        intercept: HU of stored zero; 0 when not given.
        padding: first and last stored value that stands for "no tissue here", or None.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    slope: float
    intercept: float
    padding: tuple[int, int] | None

    @property
    def size(self) -> int:
        """Bytes of one uncompressed image."""
        return self.rows * self.columns * self.bits_allocated // 8


@dataclass(frozen=True, slots=True)
class Image:
    """One image (a file, or a frame of one) that may be a slice.

    Attributes:
        file: name relative to the path that was asked for.
        frame: frame in a multi-frame file from 0, else None.
        file_size: bytes.
        header: what its file says (for a frame: what it says of this frame); the patient's id is a pseudonym.
        format: how its pixels are stored.
        position: (3,) LPS mm of the centre of the first pixel, or None.
        orientation: (6,) directions of a row and of a column, or None.
        pixel_mm: (row, column) distances, or None.
    """

    file: str
    frame: int | None
    file_size: int
    header: Header
    format: PixelFormat
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_mm: tuple[float, float] | None

    @property
    def placed(self) -> bool:
        """Whether it is known where the image lies in the patient."""
        return self.position is not None and self.orientation is not None and self.pixel_mm is not None

    @property
    def sop_uid(self) -> str:
        """SOP Instance UID, "" when the file has none."""
        return self.header.text("SOPInstanceUID")


def image_of(file: str, file_size: int, header: Header, *, frame: int | None = None) -> Image:
    """What a header says about its image.

    Raises:
        RefusedError: it is no image that can be a slice (colour, scout, dose page), or its pixels cannot be what the
            header says: "color_image", "localizer", "dose_page", "screen_capture", "no_pixels", "unsupported_pixels",
            "image_too_large", "truncated_pixels", "oversized_pixels", "bad_header".
    """
    _refuse_kinds(header)
    layout = _format(tuple(header.text(word) for word in _FORMAT_WORDS))
    _check_size(header, layout, file_size)
    position = numbers(header.text("ImagePositionPatient"), 3)
    orientation = _orientation(header.text("ImageOrientationPatient"))
    return Image(file, frame, file_size, header, layout, position, orientation, _spacing(header.text("PixelSpacing")))


def numbers(text: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers from a backslash-separated text, or None."""
    try:
        values = tuple(map(float, text.split("\\")))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(header: Header, keyword: str) -> float | None:
    """The first number of an attribute, or None when there is none."""
    found = numbers(header.text(keyword).partition("\\")[0], 1)
    return found[0] if found else None


def _refuse_kinds(header: Header) -> None:
    if header.pixels_at is None:
        if not header.text("Rows"):
            modality = header.text("Modality")
            raise RefusedError("not_an_image", f"a DICOM object without an image (modality {modality!r})")
        raise RefusedError("no_pixels", "the file says how large its image is, but holds no pixels")
    kind = header.text("ImageType")
    page = _page(kind, header.text("SeriesDescription"))
    if page is None and header.text("SamplesPerPixel") not in ("", "1"):
        page = "color_image", "a colour image, not a CT slice"
    if page is not None:
        raise RefusedError(page[0], f"{page[1]} (image type {kind!r})")


@functools.lru_cache(maxsize=256)
def _page(kind: str, description: str) -> tuple[str, str] | None:
    """Code and words for what lies among slices without being one."""
    if DOSE_PAGE.search(kind) or DOSE_PAGE.search(description):
        return "dose_page", "a page about dose or patient, not a slice"
    if LOCALIZER.search(kind) or LOCALIZER.search(description):
        return "localizer", "a scout view, not a slice"
    if SCREEN.search(kind):
        return "screen_capture", "a picture of a screen, not a slice"
    return None


_FORMAT_WORDS = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PhotometricInterpretation",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
)


@functools.lru_cache(maxsize=256)
def _format(words: tuple[str, ...]) -> PixelFormat:
    """The layout from the values of `_FORMAT_WORDS`, kept because the slices of a scan share them."""
    rows, columns, allocated, stored, high, representation, photometric, slope, intercept, padding, limit = words
    height, width = _count("Rows", rows), _count("Columns", columns)
    if height > MAX_SIDE or width > MAX_SIDE:
        raise RefusedError("image_too_large", f"the image claims {rows} x {columns} pixels; at most {MAX_SIDE} a side")
    if photometric and not photometric.startswith("MONOCHROME"):
        raise RefusedError("color_image", f"a colour image ({photometric}), not a CT slice")
    signed = representation == "1"
    scale, shift = numbers(slope.partition("\\")[0], 1), numbers(intercept.partition("\\")[0], 1)
    return PixelFormat(
        height,
        width,
        *_bits(allocated, stored, high),
        signed,
        slope=scale[0] if scale and scale[0] else 1.0,
        intercept=shift[0] if shift else 0.0,
        padding=_padding(padding, limit, signed=signed),
    )


def _count(keyword: str, text: str) -> int:
    if not text or int(text) == 0:
        raise RefusedError("bad_header", f"{keyword} is {text or 'missing'}; an image needs it")
    return int(text)


def _bits(allocated: str, stored: str, high: str) -> tuple[int, int, int]:
    room = _count("BitsAllocated", allocated)
    kept = int(stored or room)
    top = int(high or kept - 1)
    if room not in (8, 16, 32) or not 1 <= kept <= room or not kept - 1 <= top < room:
        said = f"{room} bits allocated, {kept} stored, high bit {top}"
        raise RefusedError("unsupported_pixels", f"pixels of {said} are not read")
    return room, kept, top


def _padding(value: str, limit: str, *, signed: bool) -> tuple[int, int] | None:
    if not value:
        return None
    values = [int(text) - (65536 if signed and int(text) >= 32768 else 0) for text in (value, limit or value)]
    return min(values), max(values)


def _check_size(header: Header, layout: PixelFormat, file_size: int) -> None:
    """Whether the pixels are all there, before memory is taken for them."""
    if header.pixels_size is None or header.pixels_at is None:
        return
    frames = max(1, int(number(header, "NumberOfFrames") or 1))
    expected = layout.size * frames
    here = header.pixels_size
    if header.syntax != "1.2.840.10008.1.2.1.99":
        here = min(here, file_size - header.pixels_at)
    said = f"{layout.rows} x {layout.columns} pixels of {layout.bits_allocated} bits need {expected} bytes, {here} are"
    if here < expected:
        raise RefusedError("truncated_pixels" if here else "no_pixels", f"{said} there")
    if here > expected + expected % 2:
        raise RefusedError("oversized_pixels", f"{said} there, so that the header cannot be trusted")


@functools.lru_cache(maxsize=256)
def _orientation(text: str) -> tuple[float, ...] | None:
    """Two unit vectors at right angles, within what rounding to three digits does; else None."""
    directions = numbers(text, 6)
    if directions is None:
        return None
    row, column = directions[:3], directions[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    across = sum(a * b for a, b in zip(row, column, strict=True))
    return directions if all(abs(length - 1.0) < 0.01 for length in lengths) and abs(across) < 0.01 else None


@functools.lru_cache(maxsize=256)
def _spacing(text: str) -> tuple[float, float] | None:
    spacing = numbers(text, 2)
    return (spacing[0], spacing[1]) if spacing and all(0.01 <= mm <= 20.0 for mm in spacing) else None
