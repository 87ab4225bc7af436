"""A model package in 8-bit integers: smaller and faster, and only good where its answers stay the same.

ONNX Runtime's static quantisation: weights and activations as 8-bit integers, ranges taken from prepared slices. There
is no such form in bfloat16: ONNX Runtime has no bfloat16 convolutions on CPUs.

Letters: D slices, C channels, S prepared size, K findings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from bregma.models.aggregate import scan_score
from bregma.models.package import Package, write_package
from bregma.models.predictor import Images, Predictor
from bregma.scan.counted import counted
from bregma.scan.errors import PackageError
from bregma.training.onnx_form import ONE_IMAGE
from bregma.training.onnx_look import change_look

ARITHMETIC = "int8"
SUFFIX = "-int8"
QUANTISED = ("Conv", "Gemm", "MatMul")
"""Where a network spends its time; everything else stays in fp32."""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedScan:
    """A scan as a package sees it.

    Attributes:
        images: (D, C, S, S) float32 in [0, 1].
        places: (D, 2) where the slices lie.
        reach_mm: (D,) mm that each slice stands for, for the rule; None where nobody knows.
    """

    images: Images
    places: NDArray[np.float32]
    reach_mm: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Sameness:
    """How far the answers of two forms of a network lie apart.

    Attributes:
        scans: that both read.
        slices: of these scans.
        largest: difference in probability, over slices and findings.
        mean: the same, on average.
        slices_changed: slices called otherwise at the rule's threshold, whatever the finding.
        scans_changed: scans called otherwise by the rule, whatever the finding.
    """

    scans: int
    slices: int
    largest: float
    mean: float
    slices_changed: int
    scans_changed: int

    def __str__(self) -> str:
        return (
            f"on {counted(self.slices, 'slice')} of {counted(self.scans, 'scan')} probabilities differ by at most "
            f"{self.largest:.3f}, {self.mean:.4f} on average; "
            f"{counted(self.slices_changed, 'slice')} and {counted(self.scans_changed, 'scan')} are called otherwise"
        )


def quantise(
    package: Package, seen: Sequence[PreparedScan], judged: Sequence[PreparedScan], folder: Path
) -> tuple[Package, Sameness]:
    """Write a package whose network works in 8-bit integers; its card says what it was made from and how far it is off.

    Args:
        package: in fp32.
        seen: at least one scan, whose slices say which ranges the numbers have.
        judged: at least one other scan, on which the two forms are compared.
        folder: where to write.

    Raises:
        PackageError: it is in 8 bits already, or the installed libraries cannot quantise it.
    """
    if package.card.arithmetic == ARITHMETIC:
        raise PackageError(f"package {package.name} is in 8-bit integers already; give the one it was made from")
    onnx = _quantised(package.model_bytes(), seen, package.name)
    with TemporaryDirectory() as work:
        found = compare_forms(package, _write(Path(work) / "trial", package, onnx, ()), judged)
    slices = counted(sum(len(scan.images) for scan in seen), "slice")
    made = f"8-bit integers, made from package {package.name} {package.version} ({package.digest}) with {slices}"
    return _write(folder, package, onnx, (made, f"Beside its fp32 form, {found}.")), found


def _write(folder: Path, package: Package, onnx: bytes, limits: tuple[str, ...]) -> Package:
    card = dataclasses.replace(
        package.card,
        summary=f"{package.card.summary} In 8-bit integers.",
        measured_on=f"nothing yet: the figures of {package.name} are those of its fp32 form",
        limits=(*package.card.limits, *limits),
        metrics=(),
        arithmetic=ARITHMETIC,
    )
    return write_package(
        folder,
        onnx=onnx,
        name=package.name + SUFFIX,
        version=package.version,
        card=card,
        preprocessing=package.preprocessing,
        findings=package.findings,
        rule=package.rule,
        operating_points=package.operating_points,
        calibration=package.calibration,
    )


def compare_forms(first: Package, second: Package, scans: Sequence[PreparedScan]) -> Sameness:
    """Let two packages of one network read the same scans.

    Args:
        first: its threshold and rule decide the calls of both.
        second: with the same findings and preprocessing.
        scans: at least one.
    """
    one, other = Predictor(first), Predictor(second)
    differences, slices_changed, scans_changed = [], 0, 0
    for scan in scans:
        said, says = (predictor.predict(scan.images, scan.places).probabilities for predictor in (one, other))
        differences.append(np.abs(said - says))
        called, calls = ((said >= first.rule.threshold), (says >= first.rule.threshold))
        slices_changed += int((called != calls).any(axis=1).sum())
        scans_changed += _calls(said, scan, first) != _calls(says, scan, first)
    apart = np.concatenate(differences)
    return Sameness(len(scans), len(apart), float(apart.max()), float(apart.mean()), slices_changed, scans_changed)


def _calls(said: NDArray[np.float32], scan: PreparedScan, package: Package) -> list[bool]:
    """Per finding, what the rule says of the scan."""
    return [scan_score(column, scan.reach_mm, package.rule) >= package.rule.threshold for column in said.T]


def _quantised(content: bytes, seen: Sequence[PreparedScan], name: str) -> bytes:
    """The model file with another look at each slice; what reads along the slices stays as it is."""
    slices = [scan.images[index : index + 1] for scan in seen for index in range(len(scan.images))]
    try:
        return change_look(content, lambda look: _in_eight_bits(look, slices))
    except (ValueError, RuntimeError, KeyError, AssertionError) as error:
        raise PackageError(f"ONNX Runtime cannot quantise package {name} ({error}); it stays in fp32") from error


def _in_eight_bits(look: onnx.ModelProto, slices: Sequence[Images]) -> onnx.ModelProto:
    with TemporaryDirectory() as work:
        before, ready, after = (Path(work) / f"{step}.onnx" for step in ("before", "ready", "after"))
        onnx.save(look, before)
        quant_pre_process(before, ready, skip_symbolic_shape=True, skip_optimization=True)
        quantize_static(
            ready,
            after,
            _Slices(iter(slices)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(after)


class _Slices(CalibrationDataReader):  # type: ignore[misc]
    """What ONNX Runtime asks for example inputs."""

    def __init__(self, left: Iterator[Images]) -> None:
        self._left = left

    def get_next(self) -> dict[str, Images] | None:
        return next(({ONE_IMAGE: image} for image in self._left), None)
