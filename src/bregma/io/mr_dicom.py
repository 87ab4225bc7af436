"""The values of one DICOM MR image, rescaled as its header says and otherwise as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io.dicom_image import Image
from bregma.io.dicom_pixels import read_stored
from bregma.io.entry import Entry
from bregma.io.hounsfield import significant_bits


def fill_signal(image: Image, entry: Entry, out: NDArray[Any]) -> tuple[str, ...]:
    """Read one MR image; slices of one series may have slopes of their own (Philips), so each is rescaled.

    Args:
        image: what to read.
        entry: its file.
        out: (H, W) float32, filled with values without a unit; padding becomes the lowest of the others.

    Returns:
        what was repaired, in words; empty for most.

    Raises:
        RefusedError: as `read_stored`.
    """
    layout, said = image.format, list[str]()
    stored = read_stored(image, entry, np.empty(out.shape, dtype=np.int16))
    padding = None
    if layout.padding is not None:
        first, last = layout.padding
        padding = (stored >= first) & (stored <= last)
    span = int(stored.min()) if layout.signed else 0, int(stored.max())
    kept, _ = significant_bits(stored, layout, span, said)
    out[...] = kept * np.float64(layout.slope) + layout.intercept
    if padding is not None and padding.any() and not padding.all():
        out[padding] = out[~padding].min()
        said.append("pixel padding set to the lowest value")
    return tuple(said)
