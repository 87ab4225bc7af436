"""Is a package whole, and does it run: every check by itself, so that a report can list them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bregma.models.package import load_package
from bregma.models.predictor import Predictor
from bregma.scan.errors import BregmaError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: in words: "digests", "graph", "answer".
        passed: whether it was as it should be.
        message: what was found.
    """

    name: str
    passed: bool
    message: str


def verify_package(folder: Path) -> tuple[Check, ...]:
    """Check files and digests, then the graph, then one answer to an empty scan; stops at the first that fails."""
    checks: list[Check] = []
    try:
        package = load_package(folder)
        checks.append(Check("digests", passed=True, message=f"{package.name} {package.version}, {package.digest}"))
        predictor = Predictor(package)
        checks.append(Check("graph", passed=True, message="takes and gives what the package says"))
        settings = package.preprocessing
        empty = np.zeros((2, settings.channels, settings.size, settings.size), dtype=np.float32)
        answer = predictor.predict(empty).probabilities.max(axis=0)
        told = ", ".join(f"{name} {value:.3f}" for name, value in zip(package.findings, answer, strict=True))
        checks.append(Check("answer", passed=True, message=f"runs; for two empty slices: {told}"))
    except BregmaError as error:
        name = ("digests", "graph", "answer")[len(checks)]
        checks.append(Check(name, passed=False, message=str(error)))
    return tuple(checks)
