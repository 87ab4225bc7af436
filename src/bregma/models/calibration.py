"""From a network's logit to a probability that means what it says: one temperature per model.

Guo et al. 2017, "On calibration of modern neural networks", section 4.2 (temperature scaling, here for sigmoids).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bregma.scan.errors import RequestError

LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures are sought between these; a separable validation set would otherwise drive it to zero."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Divides logits before the sigmoid.

    Attributes:
        temperature: above 1 the network was too sure of itself, below 1 not sure enough; 1 leaves it as it is.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise RequestError(f"calibration has temperature {self.temperature}; expected a number above 0")

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float32]:
        """Calibrated probabilities of logits, of the same shape."""
        return sigmoid(np.asarray(logits, dtype=np.float64) / self.temperature)


def sigmoid(logits: ArrayLike) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) without overflow."""
    half = 0.5 * np.asarray(logits, dtype=np.float32)
    return np.asarray(0.5 * (1.0 + np.tanh(half)), dtype=np.float32)


def fit_calibration(logits: ArrayLike, labels: ArrayLike) -> Calibration:
    """The temperature with the least negative log likelihood on validation data.

    Args:
        logits: (N,) of one finding.
        labels: (N,) in [0, 1], known ones only.

    Raises:
        RequestError: nothing to fit on, or the two differ in length.
    """
    from scipy.optimize import minimize_scalar

    x, y = np.asarray(logits, dtype=np.float64).ravel(), np.asarray(labels, dtype=np.float64).ravel()
    if len(x) != len(y) or len(x) == 0:
        raise RequestError(
            f"calibration got {len(x)} logits and {len(y)} labels; expected as many of each, at least one"
        )

    def loss(log_temperature: float) -> float:
        z = x / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    best = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    return Calibration(float(np.exp(best.x)))
