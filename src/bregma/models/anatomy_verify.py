"""Is a package of places whole, and does it run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bregma.models.anatomy_package import load_anatomy_package
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.verify import Check
from bregma.preprocessing.crop import Square
from bregma.preprocessing.region_views import RegionViews
from bregma.scan.errors import BregmaError


def verify_anatomy_package(folder: Path) -> tuple[Check, ...]:
    """Check files and digests, then the networks, then one answer to an empty slice; stops at the first that fails."""
    checks: list[Check] = []
    try:
        package = load_anatomy_package(folder)
        told = f"{package.card.name}, {len(package.cases)} reference cases, {package.digest}"
        checks.append(Check("digests", passed=True, message=told))
        predictor = AnatomyPredictor(package)
        checks.append(Check("graph", passed=True, message=f"{', '.join(package.networks)} can be run"))
        local, whole = package.regions.local_size, package.regions.global_size
        empty = RegionViews(np.zeros((local, local), np.float32), np.zeros((whole, whole), np.float32), Square(0, 0, 1))
        (naming,) = predictor.name([empty])
        checks.append(Check("answer", passed=True, message=f"runs; for an empty slice: {naming.place}"))
    except BregmaError as error:
        checks.append(Check(("digests", "graph", "answer")[len(checks)], passed=False, message=str(error)))
    return tuple(checks)
