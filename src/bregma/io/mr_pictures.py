"""Pictures (PNG, JPEG) as an MR scan: grey values as they are, one slice a picture, foot to head in the order given.

A picture says neither where it lies nor how large its pixels are, so the scan has no geometry.
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
from bregma.io.mr_eligibility import CHECK, MR, mr_refusals, mr_warnings
from bregma.io.mr_nifti import NO_HEADER
from bregma.io.mr_values import to_signal
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Slice, Source
from bregma.scan.volume import Scan, Volume

FORMATS = ("PNG", "JPEG")
GREY = ("L", "I;16", "I")
MAX_PIXELS = 4096 * 4096

CODES = {"bad_picture": "The file is no PNG or JPEG, is cut off, or cannot be unpacked."}
"""Codes of refusal used here and not elsewhere, with their meaning."""


def load_mr_pictures(entries: Sequence[Entry], root: Path) -> Scan:
    """The pictures of one series as a scan.

    Args:
        entries: in the order of the slices.
        root: the path that was asked for; goes into the scan's source.

    Raises:
        RefusedError: one cannot be read ("bad_picture"), has colours, or they differ in size.
    """
    return scan_of_slices([read_picture(one) for one in entries], tuple(one.name for one in entries), root)


def scan_of_slices(pictures: Sequence[NDArray[Any]], names: tuple[str, ...], root: Path) -> Scan:
    """Slices without a place as an MR scan.

    Args:
        pictures: (H, W) each.
        names: of the files, one a slice.
        root: the path that was asked for.

    Raises:
        RefusedError: they differ in size ("mixed_matrices"), or there is none ("missing_file").
    """
    if not pictures:
        raise RefusedError("missing_file", "there are 0 pictures")
    shapes = sorted({one.shape for one in pictures})
    if len(shapes) > 1:
        raise RefusedError("mixed_matrices", f"pictures of one scan have {shapes[0]} and {shapes[-1]} pixels")
    signal = to_signal(np.stack(pictures))
    values = signal.values
    series = content_series(fingerprint(values, repr(values.shape).encode()), modality=MR)
    series.facts.update(signal.facts)
    why = mr_refusals(NO_HEADER, values)
    return Scan(
        series=series,
        source=Source(root, names, "png"),
        slices=tuple(Slice(index, name, None, "", None, None, CHECK) for index, name in enumerate(names)),
        volume=Volume(values, None),
        warnings=tuple(mr_warnings(NO_HEADER, None)),
        refusal=Refusal(why[0].code, why[0].message, names) if why else None,
    )


def read_picture(entry: Entry) -> NDArray[Any]:
    """(H, W) grey values of a picture.

    Raises:
        RefusedError: it cannot be read ("bad_picture"), is too large, or has colours ("color_image").
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(entry.read()), formats=FORMATS) as picture:
                if picture.size[0] * picture.size[1] > MAX_PIXELS:
                    raise RefusedError("image_too_large", f"the picture says it has {picture.size} pixels")
                if picture.mode not in GREY:
                    raise RefusedError("color_image", f"the picture is of kind {picture.mode!r}; expected grey values")
                return np.asarray(picture).astype(np.int32)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        reason = f"the picture cannot be unpacked ({type(error).__name__}); copy it again"
        raise RefusedError("bad_picture", reason) from error
