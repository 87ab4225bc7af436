"""A hand-made package of six findings with operating points of one's choice; the network is that of tiny_models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bregma.models.operating_points import OperatingPoint
from bregma.models.predictor import Predictor
from bregma.scan.terms import FINDINGS
from tiny_models import tiny_onnx, tiny_package

SIX = tuple(term.name for term in FINDINGS)


def point(finding: str, threshold: float, *, level: str = "scan", name: str = "f1") -> OperatingPoint:
    """A point of which only the threshold matters."""
    return OperatingPoint(name, level, finding, threshold, 0.8, 0.9, 0.7, "a test")


def six_predictor(
    folder: Path,
    scan_points: Mapping[str, float] | None = None,
    *,
    points: tuple[OperatingPoint, ...] = (),
    maps: bool = True,
) -> Predictor:
    """Every finding has the same probability: 0.9994 where 75 HU are on a slice, 3e-7 where not."""
    package = tiny_package(folder, onnx=tiny_onnx(findings=6, maps=maps), name="six", findings=SIX)
    chosen = (*points, *(point(name, threshold) for name, threshold in (scan_points or {}).items()))
    predictor = Predictor(package, threads=1)
    predictor.package = dataclasses.replace(package, operating_points=chosen)
    return predictor
