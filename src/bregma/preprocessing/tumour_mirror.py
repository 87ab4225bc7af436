"""What a mirror does to what is known about a tumour: left becomes right, and nothing else changes its name.

Tumour retrieval via multitask learning, section 3.2, has the hemisphere, front/rear and upper/lower as labels; which of
them a mirrored array axis exchanges follows from how the scan lies in the patient.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bregma.scan.volume import Geometry

OPPOSITES = {
    "side": {"left": "right", "right": "left"},
    "depth": {"front": "rear", "rear": "front"},
    "height": {"upper": "lower", "lower": "upper"},
}
"""Criterion -> term -> the term of the mirrored head, in the order of the patient's axes x, y and z."""


def left_right_axis(geometry: Geometry | None) -> int | None:
    """The array axis that runs nearest to the patient's left-right; None when nobody knows how the scan lies."""
    if geometry is None:
        return None
    across = [abs(float(one[0])) for one in (geometry.normal, geometry.along_column, geometry.along_row)]
    return int(np.argmax(across))


def mirrored_labels(labels: Mapping[str, str], criterion: str = "side") -> dict[str, str]:
    """The labels of a tumour in a head whose two halves were exchanged; an unknown one stays unknown."""
    swapped = dict(labels)
    if criterion in labels:
        swapped[criterion] = OPPOSITES[criterion][labels[criterion]]
    return swapped
