"""From stored pixels to prepared pixels in one slice, and back.

Slices are canonical (rows to the back, columns to the left). Nothing is resampled along z.

Hounsfield units are resampled before they are windowed: HU are linear in attenuation, so the mean of small pixels is
what the scanner would have measured with larger ones. Windowing first would paint a rim of 50-70 HU, the density of
fresh blood, wherever a pixel is half bone and half brain.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.placement import Span

Plane = NDArray[np.float32]
Stack = NDArray[np.float32]

SOFTEN_BELOW = 0.8
"""Maps with more than 1/0.8 prepared pixels per stored pixel are softened before they are sampled."""


def shrink(canonical: NDArray[Any], rows: Span, columns: Span, out: Stack) -> Stack:
    """Write the field of view of slices into `out`; what lies outside the image stays as it was.

    Means over whole blocks first (as many stored pixels as fit into a prepared one), so that fine noise does not turn
    into coarse noise, then linear interpolation for the rest. In the brain that is within 2.3 HU (root mean square) of
    the exact area means, for which cv2 takes six times as long.

    Args:
        canonical: (D, H, W) int16 or float32.
        rows: the cut along the second axis.
        columns: the cut along the third axis.
        out: (D, S, S) float32.
    """
    (top, bottom, block_rows), (left, right, block_columns) = _source(rows), _source(columns)
    if bottom <= top or right <= left:
        return out
    blocks = ((right - left) // block_columns, (bottom - top) // block_rows)
    steps = (rows.step / block_rows, columns.step / block_columns)
    first_row, first_column = _first(rows), _first(columns)
    field = (slice(rows.margin + first_row, rows.margin + rows.count), slice(columns.margin + first_column, None))
    for hu, prepared in zip(canonical[:, top:bottom, left:right], out, strict=True):
        coarse = hu if block_rows == block_columns == 1 else cv2.resize(hu, blocks, interpolation=cv2.INTER_AREA)
        fine = _linear(coarse.astype(np.float32), *steps)[: rows.count - first_row, : columns.count - first_column]
        place = prepared[field]
        place[: fine.shape[0], : fine.shape[1]] = fine
    return out


def grow(prepared: Plane, rows: Span, columns: Span) -> Plane:
    """Undo `shrink` for a smooth map: linear interpolation at every stored pixel, 0 outside the field of view.

    Args:
        prepared: (S, S) float32.
        rows: the cut along the first axis.
        columns: the cut along the second axis.

    Returns:
        (H, W) float32, canonical.
    """
    view = prepared[rows.margin :, columns.margin :][: rows.count, : columns.count]
    if min(rows.step, columns.step) < SOFTEN_BELOW:
        view = cv2.GaussianBlur(view, (0, 0), sigmaX=_softening(columns.step), sigmaY=_softening(rows.step))
    matrix = np.array([_stored_to_view(columns, axis=0), _stored_to_view(rows, axis=1)])
    return np.asarray(
        cv2.warpAffine(
            view, matrix, (columns.length, rows.length), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0.0
        ),
        dtype=np.float32,
    )


def _source(span: Span) -> tuple[int, int, int]:
    """First and last stored pixel that the field of view touches, cut to whole blocks, and the block's length."""
    block = max(1, int(span.step))
    begin = max(0, round(span.start))
    end = min(span.length, int(np.ceil(span.start + span.count * span.step)) + block)
    return begin, begin + (end - begin) // block * block, block


def _first(span: Span) -> int:
    """The first prepared pixel of the field of view that lies in the image."""
    return max(0, round(-span.start / span.step))


def _linear(source: Plane, row_step: float, column_step: float) -> Plane:
    """Linear interpolation with both first edges at one place; steps are source pixels per new pixel."""
    if row_step == 1.0 and column_step == 1.0:
        return source
    rows, columns = round(source.shape[0] / row_step), round(source.shape[1] / column_step)
    if (rows, columns) != source.shape and min(rows, columns) > 0:
        return np.asarray(cv2.resize(source, None, fx=1 / column_step, fy=1 / row_step), dtype=np.float32)
    # cv2.resize copies when the sizes are equal, whatever the steps are.
    matrix = np.array([[column_step, 0.0, column_step / 2 - 0.5], [0.0, row_step, row_step / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (max(1, columns), max(1, rows))
    return np.asarray(cv2.warpAffine(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _softening(step: float) -> float:
    """Standard deviation, in prepared pixels, of the blur that a sampling every 1/step pixels needs."""
    return 0.5 * float(np.sqrt(max(step**-2 - 1.0, 1e-6)))


def _stored_to_view(span: Span, *, axis: int) -> list[float]:
    """A row of the affine from stored (x, y) to the field of view's pixels."""
    row = [0.0, 0.0, (0.5 - span.start) / span.step - 0.5]
    row[axis] = 1 / span.step
    return row
