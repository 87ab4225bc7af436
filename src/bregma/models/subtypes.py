"""Which kind of bleed may be named: for a scan, for a slice and for a lesion. Letters: D slices, K findings.

A network that says which kind of bleed a slice shows does not say where on the slice it lies. A lesion's kind is
therefore that of its slices: two lesions on the same slices get the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bregma.scan.terms import SUBTYPES


def named_subtypes(scores: Mapping[str, float], points: Mapping[str, float]) -> tuple[str, ...]:
    """The subtypes that reach their own points, the likeliest first.

    Args:
        scores: of the scan, or of a slice, per finding.
        points: per finding, the threshold at that level; a finding without one is never named.
    """
    passing = [name for name in SUBTYPES if name in scores and name in points and scores[name] >= points[name]]
    return tuple(sorted(passing, key=lambda name: -scores[name]))


def lesion_subtype(
    probabilities: NDArray[np.float32], findings: Sequence[str], named: Sequence[str], points: Mapping[str, float]
) -> tuple[str, float] | None:
    """The likeliest kind of bleed on a lesion's slices, and its mean probability there.

    Args:
        probabilities: (d, K) of the lesion's own slices.
        findings: K names.
        named: subtypes that the scan reaches.
        points: per finding, what the mean must reach.

    Returns:
        None when none of them does: then it is a hemorrhage whose kind is not clear.
    """
    means = probabilities.mean(axis=0, dtype=np.float64)
    of_named = {name: float(mean) for name, mean in zip(findings, means, strict=True) if name in named}
    passing = named_subtypes(of_named, points)
    return (passing[0], of_named[passing[0]]) if passing else None
