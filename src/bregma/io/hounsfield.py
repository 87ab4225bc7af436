"""Stored values to Hounsfield units, in place where that is exact, and whether they can be Hounsfield units at all.

HU = slope * stored + intercept (PS3.3 C.11.1.1.2), per slice. MONOCHROME1 only says how to display (C.7.6.3.1.2): HU
stay as they are. Air is -1024 at the lowest: what lies below is padding, not tissue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io.dicom_image import PixelFormat

HU = NDArray[np.int16]
Stored = NDArray[Any]
Span = tuple[int, int]
"""Lowest and highest value."""

AIR = -1024
"""HU of what is no tissue; the lowest value kept."""

HIGHEST, LOWEST = 32767, -32768

TISSUE = (-200, 200)
"""HU among which head tissue lies; padding whose value falls in here is only believed outside the patient."""

WRAPPED_SHARE = 0.1
"""Share of voxels near the top of 12 bits above which a background must have wrapped round (air is far more)."""


def to_hounsfield(stored: Stored, layout: PixelFormat, out: HU) -> tuple[str, ...]:
    """Turn the stored values of one slice into HU.

    Args:
        stored: (H, W) as stored; may be a view of `out`.
        layout: how they are stored.
        out: (H, W) int16, filled with HU.

    Returns:
        what was repaired, in words; empty for most.
    """
    said: list[str] = []
    padding = _padding_mask(stored, layout)
    span = int(stored.min()) if layout.signed else 0, int(stored.max())
    stored, span = significant_bits(stored, layout, span, said)
    intercept = layout.intercept
    if has_wrapped(stored, layout):
        stored, span, intercept = (stored + np.uint16(1000)) & np.uint16(4095), (0, 4095), -1000.0
        said.append("12-bit wrap of the background undone: 1000 added, wrapped at 4096, intercept -1000")
    lowest = _rescale(stored, layout.slope, intercept, span, out, said)
    if padding is not None:
        out[padding] = AIR
        said.append("pixel padding set to -1024 HU")
    if lowest < AIR:
        np.maximum(out, np.int16(AIR), out=out)
        said.append("values below -1024 HU (padding) set to -1024")
    return tuple(said)


def has_wrapped(stored: Stored, layout: PixelFormat) -> bool:
    """Whether a 12-bit unsigned image with an intercept near 0 lost its background through the bottom.

    Some RSNA 2019 files hold HU + about 0 in 12 unsigned bits, so that air (-1000) became 3096.
    """
    if layout.signed or layout.bits_stored != 12 or not -100 < layout.intercept <= 100 or layout.slope != 1.0:
        return False
    sample = stored[::4, ::4]
    return float(np.count_nonzero(sample >= 2900)) / sample.size > WRAPPED_SHARE


def significant_bits(stored: Stored, layout: PixelFormat, span: Span, said: list[str]) -> tuple[Stored, Span]:
    """Shift and mask away what lies outside the stored bits (overlays, garbage), if anything does.

    Args:
        stored: (H, W).
        layout: how they are stored.
        span: lowest and highest of them.
        said: told what was done.
    """
    bits, width = layout.bits_stored, stored.dtype.itemsize * 8
    shift = layout.high_bit + 1 - bits
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if layout.signed else (0, (1 << bits) - 1)
    if shift == 0 and low <= span[0] and span[1] <= high:
        return stored, span
    said.append(f"bits outside the {bits} stored ones cleared")
    raised = np.left_shift(stored, width - bits - shift)  # as far up as they go, so that the sign arrives at its place
    kept: Stored = np.right_shift(raised, width - bits, out=raised)
    return kept, (int(kept.min()), int(kept.max()))


def _padding_mask(stored: Stored, layout: PixelFormat) -> NDArray[np.bool_] | None:
    """Where the file says that there is no tissue, unless the rescale puts it below air anyway."""
    if layout.padding is None:
        return None
    first, last = layout.padding
    lowest, highest = sorted(layout.slope * edge + layout.intercept for edge in (first, last))
    if highest <= AIR:
        return None
    mask = (stored >= first) & (stored <= last)
    if highest > TISSUE[0] and lowest < TISSUE[1]:
        mask = _from_border(mask)
    return mask if mask.any() else None


def _from_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a mask that reaches the left or right border along its row: around the patient, not inside."""
    left: NDArray[np.bool_] = np.logical_and.accumulate(mask, axis=1)
    right: NDArray[np.bool_] = np.logical_and.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return left | right


def _rescale(stored: Stored, slope: float, intercept: float, span: Span, out: HU, said: list[str]) -> int:
    """Fill `out`, exactly where slope and intercept are whole; the lowest HU."""
    if slope == 1.0 and intercept.is_integer():
        lowest, highest = span[0] + int(intercept), span[1] + int(intercept)
        inside = lowest >= LOWEST and max(highest, span[1], abs(int(intercept))) <= HIGHEST
        if inside and stored.dtype.itemsize <= 2:
            np.add(stored.view(np.int16) if stored.dtype.itemsize == 2 else stored, np.int16(intercept), out=out)
            return lowest
    exact = stored * np.float64(slope) + intercept
    whole = np.rint(exact)
    if not np.array_equal(exact, whole):
        said.append("rounded to whole HU")
    if float(whole.max()) > HIGHEST or float(whole.min()) < LOWEST:
        said.append("values beyond 16 bits cut off")
    out[...] = np.clip(whole, LOWEST, HIGHEST)
    return int(out.min())
