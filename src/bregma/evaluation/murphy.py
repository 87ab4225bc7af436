"""What a Brier score is made of (Murphy 1973; within bins Stephenson, Coelho and Jolliffe 2008)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.evaluation.calibration import BINS, brier
from bregma.evaluation.metrics import Bools, Floats


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Brier score = reliability - resolution + uncertainty + within bins.

    Attributes:
        brier: the whole.
        reliability: how far what was said lies from what was seen, bin by bin; 0 is calibrated.
        resolution: how far bins differ from one another in what was seen; more is better.
        uncertainty: of the cases themselves: p (1 - p).
        within_bins: what is lost because a bin takes different probabilities together; 0 when it does not.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def brier_parts(probabilities: Floats, truth: Bools, *, bins: int = BINS) -> BrierParts | None:
    """The parts over bins of equal width, as `calibration.reliability` makes them.

    Args:
        probabilities: (N,) in [0, 1].
        truth: (N,) whether the finding is there.
        bins: how many between 0 and 1.

    Returns:
        None without a case.

    Raises:
        ValueError: when lengths differ or a probability is outside [0, 1].
    """
    whole = brier(probabilities, truth)
    if whole is None:
        return None
    said, there = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    place = np.minimum((said * bins).astype(np.intp), bins - 1)
    cases = np.bincount(place, minlength=bins)
    sizes = np.maximum(cases, 1)
    mean_said = (np.bincount(place, weights=said, minlength=bins) / sizes)[place]
    mean_seen = (np.bincount(place, weights=there, minlength=bins) / sizes)[place]
    share = float(there.mean())
    return BrierParts(
        brier=whole,
        reliability=float(((mean_said - mean_seen) ** 2).mean()),
        resolution=float(((mean_seen - share) ** 2).mean()),
        uncertainty=share * (1 - share),
        within_bins=float(((said - mean_said) ** 2 - 2 * (said - mean_said) * (there - mean_seen)).mean()),
    )
