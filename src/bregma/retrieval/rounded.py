"""Rows as whole numbers with a scale each, and how far they can be from the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.bounds import Arrays, Doubles, Floats

Scale = Callable[[Doubles], Doubles]
"""(n, E) centred rows -> (n,) what 1 stands for in each."""

_ROWS = 65_536
_ROUNDING = 1.0 + 1e-5
"""Covers that scales are stored as float32, and sums of squares in float64."""


def rounded(vectors: Floats, scale: Scale) -> tuple[dict[str, NDArray[Any]], NDArray[np.int16]]:
    """Rows less their mean (which changes no distance) as whole numbers times a scale.

    Args:
        vectors: (n, E).
        scale: what 1 shall stand for.

    Returns:
        the arrays `centre` (E,) float64, `scales` (n,), `centred_norms` (n,), `centred_reach` (1,), `left_over` (1,);
        and (n, E) whole numbers.
    """
    rows = len(vectors)
    centre = vectors.mean(axis=0, dtype=np.float64)
    scales, norms = np.empty(rows, np.float32), np.empty(rows, np.float32)
    whole = np.empty(vectors.shape, np.int16)
    reach = left = 0.0
    for start in range(0, rows, _ROWS):
        part = slice(start, start + _ROWS)
        centred = vectors[part] - centre
        step = scale(centred)
        scales[part] = np.where(step > 0, step, 1.0)
        exact = scales[part].astype(np.float64)[:, None]
        whole[part] = np.rint(centred / exact)
        norms[part] = np.square(centred).sum(axis=1)
        left = max(left, float((np.linalg.norm(centred - whole[part] * exact, axis=1) / exact[:, 0]).max()))
        reach = max(reach, float(np.linalg.norm(centred, axis=1).max()))
        reach = max(reach, float((np.linalg.norm(whole[part], axis=1) * exact[:, 0]).max()))
    arrays: dict[str, NDArray[Any]] = {
        "centre": centre,
        "scales": scales,
        "centred_norms": norms,
        "centred_reach": np.array([reach]),
        "left_over": np.array([left]),
    }
    return arrays, whole


def left_over(arrays: Arrays) -> float:
    """The greatest length of what rounding left, in units of the row's scale."""
    return float(arrays["left_over"][0]) * _ROUNDING
