"""The embedding of tumours from a network's map: the part in each box, then its maximum.

One function for training-time figures and for serving; who looks (torch or ONNX Runtime) is handed in. Tumour retrieval
via multitask learning, section 2.2. Letters: T tumours, C channels, D slices, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.tumour_patch import clipped_box, covering_starts, cut_patch
from bregma.preprocessing.tumour_view import Three
from bregma.scan.tumour import VoxelBox

Look = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(1, 1, D, H, W) of the patch's size to its map (1, C, D, H, W)."""


def roi_embedding(
    values: NDArray[np.floating], boxes: Sequence[VoxelBox], size: Three, look: Look, *, width: int
) -> NDArray[np.float32]:
    """Embed tumours, each in a patch about its middle; one larger than a patch in as many as cover it.

    Args:
        values: (D, H, W) of the prepared scan.
        boxes: T, in prepared voxels.
        size: of a patch, the same that training cut.
        look: what makes a map of a patch.
        width: C.

    Returns:
        (T, C).
    """
    shape = (values.shape[0], values.shape[1], values.shape[2])
    seen: dict[Three, NDArray[np.float32]] = {}
    out = np.empty((len(boxes), width), np.float32)
    for number, box in enumerate(boxes):
        starts = covering_starts(box, shape, size)
        parts = []
        for start in starts:
            if start not in seen:
                seen = {start: look(cut_patch(values, start, size).astype(np.float32)[None, None])}
            parts.append(_maximum(seen[start][0], clipped_box(box, start, size)))
        out[number] = np.max(parts, axis=0)
    return out


def _maximum(seen: NDArray[np.float32], box: VoxelBox) -> NDArray[np.float32]:
    """(C,) largest numbers of a map (C, D, H, W) in a box."""
    (d0, h0, w0), (d1, h1, w1) = box.start, box.stop
    largest: NDArray[np.float32] = seen[:, d0:d1, h0:h1, w0:w1].max(axis=(1, 2, 3))
    return largest
