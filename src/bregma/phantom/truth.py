"""What a phantom is known to show, said as labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.phantom.parameters import HeadParameters
from bregma.scan.labels import Label, Level
from bregma.scan.regions import Mask
from bregma.scan.terms import ANY, FINDINGS

SOURCE = "phantom"


def slice_uids(parameters: HeadParameters) -> tuple[str, ...]:
    """SOP Instance UIDs, foot to head."""
    return tuple(parameters.uid("slice", index) for index in range(parameters.scanner.slices))


def make_labels(parameters: HeadParameters, masks: dict[str, Mask], bleeds: NDArray[np.bool_]) -> tuple[Label, ...]:
    """Six findings of the scan and of every slice, and each drawn bleed as a lesion.

    Args:
        parameters: of the head.
        masks: (D, H, W) by subtype.
        bleeds: (B, D, H, W), one mask for each of `parameters.bleeds`.
    """
    series = parameters.uid("series")
    seen = {name: np.asarray(mask.any(axis=(1, 2)), dtype=bool) for name, mask in masks.items()}
    seen[ANY] = np.asarray(np.stack(list(seen.values())).any(axis=0), dtype=bool)
    names = [term.name for term in FINDINGS]
    labels = [Label(series, Level.SCAN, None, name, float(seen[name].any()), SOURCE) for name in names]
    for index, uid in enumerate(slice_uids(parameters)):
        labels += [Label(series, Level.SLICE, uid, name, float(seen[name][index]), SOURCE) for name in names]
    for number, bleed in enumerate(parameters.bleeds):
        if bleeds[number].any():
            part = f"{series}.{number + 1}"
            labels += [Label(series, Level.LESION, part, name, 1.0, SOURCE) for name in (ANY, bleed.subtype)]
    return tuple(labels)
