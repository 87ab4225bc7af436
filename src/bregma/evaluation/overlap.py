"""Lesion against lesion: which of the bleeds were found, and how many findings are no bleed.

Masks are (D, H, W) in the grid of the scan. A lesion is what hangs together over faces, edges or corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
_TOUCHING = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Overlap:
    """One scan's predicted mask against its true mask.

    Attributes:
        lesions: true lesions.
        found: true lesions that share a pixel with the prediction.
        false: predicted lesions that share no pixel with any true one.
        dice: 2 |A and B| / (|A| + |B|); None when both are empty.
    """

    lesions: int
    found: int
    false: int
    dice: float | None


def overlap(predicted: Mask, truth: Mask) -> Overlap:
    """Count what was found, what was missed and what is not there.

    Args:
        predicted: (D, H, W).
        truth: (D, H, W).

    Raises:
        ValueError: when the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted mask {predicted.shape} against true mask {truth.shape}; expected one grid")
    lesions, found = _lesions_touching(truth, predicted)
    findings, true_findings = _lesions_touching(predicted, truth)
    pixels = int(predicted.sum()) + int(truth.sum())
    dice = 2 * int((predicted & truth).sum()) / pixels if pixels else None
    return Overlap(lesions, found, findings - true_findings, dice)


def _lesions_touching(mask: Mask, other: Mask) -> tuple[int, int]:
    """How many lesions a mask has, and how many of them share a pixel with the other mask."""
    numbered, lesions = ndimage.label(mask, structure=_TOUCHING)
    touched = np.unique(numbered[other & mask])
    return int(lesions), len(touched)
