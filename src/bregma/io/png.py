"""A folder of PNG slices as a scan: grey values made Hounsfield units again, as far as a display window lets them.

What lies outside the window is lost: it comes back as the window's ends, and the scan says so ("display_values").
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bregma.io.content_uids import content_series, fingerprint
from bregma.io.entry import Entry
from bregma.io.plain_checks import check_plain
from bregma.io.png_names import natural_order
from bregma.io.png_sidecar import Sidecar, read_sidecar
from bregma.scan.counted import counted
from bregma.scan.errors import RefusedError
from bregma.scan.study import Remark, Slice, Source
from bregma.scan.volume import HU, Geometry, Scan, Volume

MAX_SIDE = 4096
MAX_PIXELS = 1 << 29
"""All slices together: 2,048 of 512 x 512."""
MAX_SLICES = 4096
_HEAD_BYTES = 26
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_MODES = {"1": 1, "L": 255, "I;16": 65535, "I;16B": 65535, "I": 65535}
_COLOUR_MODES = ("RGB", "RGBA", "LA", "P", "PA")
DISPLAY = "display values: HU inside the window only"

Grey = NDArray[np.uint16]

CODES = {
    "bad_png": "The file is no PNG, is cut off, or its picture cannot be unpacked.",
    "mixed_matrices": "The pictures of one scan differ in size.",
    "mask_picture": "The pictures hold two values only, which is a mask and not a CT.",
    "display_values": "HU were made from the grey values of a display window; outside of it they are cut off.",
    "window_assumed": "Nothing says which window the pictures were saved with; brain, 40/80, is assumed.",
    "order_assumed": "Slices were put in the natural order of their names, the only thing there is to go by.",
}
"""Codes of refusal and warning that are used here and not for DICOM, with their meaning."""


def load_png_folder(entries: Sequence[Entry], sidecar: Entry | None, root: Path) -> Scan:
    """The PNG slices of one head as a scan.

    Args:
        entries: the pictures, in any order.
        sidecar: scan.json, if there is one; see docs/how-to/png-sidecar.md.
        root: the path that was asked for; goes into the scan's source.

    Returns:
        the scan. Geometry is None unless the side-car gives pixel_mm and slice_mm (or z_mm).

    Raises:
        RefusedError: it cannot be read.
    """
    known = read_sidecar(sidecar) if sidecar is not None else Sidecar()
    ordered = _in_order(entries, known)
    first = _read(ordered[0], None)
    if len(ordered) > MAX_SLICES or len(ordered) * first[0].size > MAX_PIXELS:
        raise RefusedError(
            "scan_too_large", f"{len(ordered)} pictures of {first[0].shape} pixels; that is no head scan"
        )
    hu = np.empty((len(ordered), *_turned(first[0], known).shape), dtype=np.int16)
    values: set[int] = set()
    for index, entry in enumerate(ordered):
        grey, highest = first if index == 0 else _read(entry, first[0].shape)
        values.update((int(grey.min()), int(grey.max())) if len(values) > 2 else np.unique(grey).tolist())
        hu[index] = _hounsfield(_turned(grey, known), highest, known)
    if len(values) == 2:
        raise RefusedError("mask_picture", f"the pictures hold the values {sorted(values)} only: a mask, not a CT")
    return _scan(hu, ordered, sidecar, known, root)


def _scan(hu: HU, ordered: list[Entry], sidecar: Entry | None, known: Sidecar, root: Path) -> Scan:
    geometry, placed = _geometry(hu.shape, known)
    names = tuple(entry.name for entry in ordered)
    display = DISPLAY if known.per_grey is None else ""
    refusal, doubts, checks = check_plain(hu, geometry, names, modality=known.modality, display_values=display)
    z = [None] * len(hu) if geometry is None else geometry.origins[:, 2].tolist()
    gaps = [None] * len(hu) if geometry is None else [*geometry.gaps_mm.tolist(), None]
    repaired = ("HU made from display values",) if display else ()
    return Scan(
        series=content_series(fingerprint(hu, repr((hu.shape, known)).encode()), modality=known.modality or "CT"),
        source=Source(root, names, "png"),
        slices=tuple(
            Slice(index, name, None, "", z[index], gaps[index], checks[index], repaired)
            for index, name in enumerate(names)
        ),
        volume=Volume(hu, geometry),
        warnings=(*doubts, *placed, *_assumptions(known, len(names), stated=sidecar is not None)),
        refusal=refusal,
    )


def _in_order(entries: Sequence[Entry], known: Sidecar) -> list[Entry]:
    """Foot to head: in the order of the side-car's list, else in the natural order of the names."""
    if not entries:
        raise RefusedError("missing_file", "there are 0 pictures beside the side-car")
    if known.files:
        by_name = {entry.name.rpartition("/")[2]: entry for entry in entries}
        missing = sum(name not in by_name for name in known.files)
        if missing or len(set(known.files)) != len(known.files):
            raise RefusedError(
                "missing_file",
                f"the side-car lists {counted(len(known.files), 'file')}; not there: {missing}, or one is listed twice",
            )
        ordered = [by_name[name] for name in known.files]
    else:
        ordered = sorted(entries, key=lambda entry: natural_order(entry.name))
    return ordered[::-1] if known.head_first else ordered


def _read(entry: Entry, shape: tuple[int, ...] | None) -> tuple[Grey, int]:
    """(H, W) grey values of a picture and the highest there can be; its size is checked before it is unpacked."""
    content = entry.read()
    head = content[:_HEAD_BYTES]
    if len(head) < _HEAD_BYTES or head[:8] != _SIGNATURE:
        raise RefusedError("bad_png", f"the file does not begin as a PNG ({len(content)} bytes)")
    columns, rows = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        raise RefusedError(
            "image_too_large", f"the picture says it has {rows} x {columns} pixels; at most {MAX_SIDE} a side"
        )
    if shape is not None and shape != (rows, columns):
        raise RefusedError(
            "mixed_matrices", f"the first picture has {shape[0]} x {shape[1]} pixels, another {rows} x {columns}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
                return _grey(picture)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise RefusedError(
            "bad_png", f"the picture cannot be unpacked ({type(error).__name__}); copy it again"
        ) from error


def _grey(picture: Image.Image) -> tuple[Grey, int]:
    if getattr(picture, "n_frames", 1) > 1:
        raise RefusedError("bad_png", f"the PNG is an animation of {getattr(picture, 'n_frames', 0)} pictures")
    if picture.mode in _GREY_MODES:
        return np.asarray(picture).astype(np.uint16), _GREY_MODES[picture.mode]
    if picture.mode not in _COLOUR_MODES:
        raise RefusedError("color_image", f"the picture is of kind {picture.mode!r}; expected grey values")
    colours = np.asarray(picture.convert("RGB"))
    if not ((colours[..., 0] == colours[..., 1]) & (colours[..., 0] == colours[..., 2])).all():
        raise RefusedError("color_image", f"the picture has colours (kind {picture.mode!r}); a CT slice is grey")
    return colours[..., 0].astype(np.uint16), 255


def _turned(grey: Grey, known: Sidecar) -> Grey:
    """Face on top, the patient's left on the right of the picture."""
    turned = np.rot90(grey, k=-(known.rotate // 90))
    return turned[:, ::-1] if known.mirror else turned


def _hounsfield(grey: Grey, highest: int, known: Sidecar) -> NDArray[Any]:
    per_grey = known.per_grey if known.width is None else known.width / highest
    exact = known.low + grey.astype(np.float64) * (per_grey or 1.0)
    return np.clip(np.rint(exact), -1024, 32767)


def _geometry(shape: tuple[int, ...], known: Sidecar) -> tuple[Geometry | None, tuple[Remark, ...]]:
    """Axial slices around the origin, as far as the side-car says how large they are and how far apart."""
    count, rows, columns = shape
    if known.z_mm and len(known.z_mm) != count:
        raise RefusedError("bad_sidecar", f"z_mm gives {len(known.z_mm)} places for {count} pictures")
    z = _heights(count, known)
    if known.pixel_mm is None or z is None:
        reason = "nothing says how large the pixels are or how the pictures lie: no left, no right, no millimetres"
        return None, (Remark("no_orientation", reason),)
    row_mm, column_mm = known.pixel_mm if known.rotate in (0, 180) else known.pixel_mm[::-1]
    origins = np.zeros((count, 3))
    origins[:, 0], origins[:, 1] = -(columns - 1) / 2 * column_mm, -(rows - 1) / 2 * row_mm
    origins[:, 2] = z
    geometry = Geometry(
        rows, columns, origins, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), (row_mm, column_mm)
    )
    return geometry, ()


def _heights(count: int, known: Sidecar) -> NDArray[np.float64] | None:
    """(D,) mm, foot to head."""
    if known.z_mm:
        z = np.array(known.z_mm[::-1] if known.head_first else known.z_mm, dtype=np.float64)
        if count > 1 and not (np.diff(z) > 0).all():
            raise RefusedError("bad_sidecar", "z_mm does not rise from the foot to the head; correct it or the order")
        return z
    if known.slice_mm is None and count > 1:
        return None
    return np.arange(count, dtype=np.float64) * (known.slice_mm or 1.0)


def _assumptions(known: Sidecar, count: int, *, stated: bool) -> tuple[Remark, ...]:
    remarks: list[Remark] = []
    if known.width is not None:
        low, high = known.low, known.low + known.width
        reason = f"HU were made from grey values; what lay below {low:g} or above {high:g} HU is cut off"
        remarks.append(Remark("display_values", reason))
    if not stated:
        reason = "nothing says which window the pictures were saved with; brain (center 40, width 80) is assumed"
        remarks.append(Remark("window_assumed", reason))
    if not known.files and count > 1:
        towards = "head to foot" if known.head_first else "foot to head"
        reason = f"the natural order of the names is taken as {towards}; there is nothing else to go by"
        remarks.append(Remark("order_assumed", reason))
    return tuple(remarks)
