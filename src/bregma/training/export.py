"""From trained weights to a model package: ONNX, thresholds chosen on validation, a card.

The map that is served is the mean of the three branches' logits. Each branch is trained to draw the same mask; the
finest is sharp and easily fooled, the coarsest sure and blurred (see docs/recipes.md for figures).
Letters: D slices, C channels, S prepared size, K findings.
"""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bregma.evaluation.intervals import wilson
from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration, fit_calibration, sigmoid
from bregma.models.card import Card, Metric
from bregma.models.engine import IMAGES, LOGITS, MAP, open_session
from bregma.models.operating_points import OperatingPoint, choose_operating_points
from bregma.models.package import Package, write_package
from bregma.scan.errors import PackageError
from bregma.training.loop import Job
from bregma.training.recipe import Recipe, changes_of
from bregma.training.validation import Answers, Cases, answer, auc, cases_of

OPSET = 18
TOLERANCE = 1e-3
"""Largest difference in probability between the network and its ONNX form."""

SAMPLE = 3
"""Validation scans on which the two are compared, besides shorter pieces of them."""


class Served(nn.Module):
    """A network as it is served: one whole scan, no batch, one map.

    Args:
        network: with `read_scan`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(D, C, S, S) to (D, K) logits, and (D, 1, S, S) logits of the mean map if there are maps."""
        logits, maps = self.network.read_scan(images)  # type: ignore[operator]  # a method of every served network
        if maps is None:
            return logits  # type: ignore[no-any-return]
        return logits, sum(maps) / len(maps)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a package comes from, for its card.

    Attributes:
        recipe_digest: SHA-256.
        seed: of the run.
        split: name of the split.
        training_scans: how many.
    """

    recipe_digest: str
    seed: int
    split: str
    training_scans: int


def to_onnx(network: nn.Module, *, channels: int, size: int, maps: bool) -> bytes:
    """The network in evaluation form as one ONNX file; the number of slices is free.

    Args:
        network: on any device; it is copied to the CPU.
        channels: C.
        size: S.
        maps: whether it draws.
    """
    served = Served(copy.deepcopy(network).cpu().float()).eval()
    example = torch.rand(3, channels, size, size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            served,
            (example,),
            input_names=[IMAGES],
            output_names=[LOGITS, MAP] if maps else [LOGITS],
            dynamic_shapes={"images": {0: torch.export.Dim("D", min=1, max=4096)}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise PackageError(f"torch {torch.__version__} gave no ONNX program; install the version that Bregma pins")
    return bytes(program.model_proto.SerializeToString())


def compare(onnx: bytes, network: nn.Module, scans: list[NDArray[np.float32]]) -> float:
    """Largest difference in probability between the network and its ONNX form, slices and maps.

    Args:
        onnx: from `to_onnx`.
        network: the same.
        scans: (D, C, S, S) each, of various lengths.
    """
    session = open_session(onnx)
    served = Served(copy.deepcopy(network).cpu().float()).eval()
    worst = 0.0
    for images in scans:
        with torch.inference_mode():
            expected = served(torch.from_numpy(images))
        parts = expected if isinstance(expected, tuple) else (expected,)
        for one, other in zip(parts, session.run(None, {IMAGES: images}), strict=True):
            worst = max(worst, float(np.abs(sigmoid(one.numpy()) - sigmoid(other)).max()))
    return worst


def export_package(job: Job, folder: Path, origin: Origin) -> Package:
    """Write the package of the network as it stands.

    Raises:
        PackageError: the ONNX form answers differently by more than 1e-3 in probability.
    """
    recipe = job.recipe
    settings = recipe.preprocessing.settings
    onnx = to_onnx(job.network, channels=len(settings.windows), size=settings.size, maps=recipe.network.attention)
    scans = [job.validation.whole(index)[0].images[0].numpy() for index in range(len(job.validation.scans))][:SAMPLE]
    difference = compare(onnx, job.network, [*scans, scans[0][:1], scans[0][: max(1, len(scans[0]) // 2)]])
    if not difference <= TOLERANCE:
        raise PackageError(
            f"the exported {recipe.name} differs from the network by {difference:.2g} in probability, more than "
            f"{TOLERANCE:g}; nothing was written: report this with the versions of torch and onnxruntime"
        )
    answers = answer(job.network, job.validation, job.machine, recipe.loss)
    calibration, rule, points, cases = choose(job, answers)
    return write_package(
        folder,
        onnx=onnx,
        name=recipe.name,
        version="1.0",
        card=make_card(job, origin, points, cases),
        preprocessing=settings,
        findings=recipe.findings,
        rule=rule,
        operating_points=points,
        calibration=calibration,
    )


def choose(job: Job, answers: Answers) -> tuple[Calibration, Rule, tuple[OperatingPoint, ...], Cases]:
    """Temperature, rule threshold and operating points, from the validation part's first finding.

    The rule's threshold is the scan's F1 point. Without both kinds of scans nothing can be chosen: then it is 0.5 and
    there are no points.
    """
    settings, finding = job.recipe.rule, job.recipe.findings[0]
    rule = Rule(settings.run_slices, settings.run_mm)
    raw = cases_of(answers, job.validation, job.records, rule)
    if not len(raw.slice_truth):
        return Calibration(), rule, (), raw
    calibration = fit_calibration(raw.slice_logits, raw.slice_truth)
    cases = cases_of(answers, job.validation, job.records, rule, calibration=calibration)
    if cases.scan_truth.all() or not cases.scan_truth.any() or cases.slice_truth.all():
        return calibration, rule, (), cases
    slice_points = choose_operating_points(
        calibration.probabilities(cases.slice_logits),
        cases.slice_truth,
        level="slice",
        finding=finding,
        specificity=settings.specificity,
    )
    scan_points = choose_operating_points(
        cases.scan_scores, cases.scan_truth, level="scan", finding=finding, specificity=settings.specificity
    )
    rule = Rule(settings.run_slices, settings.run_mm, threshold=max(scan_points[1].threshold, 1e-6))
    return calibration, rule, (*slice_points, *scan_points), cases


def make_card(job: Job, origin: Origin, points: tuple[OperatingPoint, ...], cases: Cases) -> Card:
    """What the trainer knows; a person adds what it does not."""
    recipe, validation = job.recipe, len(job.validation.scans)
    phantoms = "phantoms" if _drawn(job) else "scans"
    trained_on = (
        f"{origin.training_scans} {phantoms} (split {origin.split!r}, by patient), seed {origin.seed}, "
        f"{recipe.optimizer.epochs} epochs, {recipe.preprocessing.pixel_mm:g} mm pixels"
    )
    limits = ["Its thresholds were chosen on the same validation scans that its figures here come from."]
    if _drawn(job):
        limits.insert(0, "It has never seen a patient: it learned from drawn heads only and must not guide any care.")
    return Card(
        summary=f"Probability of a bleed per slice{' and where it lies' if recipe.network.attention else ''}.",
        intended_use="Research and demonstration on axial, non-contrast head CT of adults. No medical device.",
        trained_on=trained_on,
        measured_on=f"{validation} {phantoms} of the validation part",
        limits=tuple(limits),
        recipe=recipe.name,
        recipe_digest=origin.recipe_digest,
        command=_command(recipe, origin),
        metrics=_metrics(recipe.findings[0], f"{phantoms}, validation part, {validation} scans", points, cases),
        sequence=recipe.network.sequence,
    )


def _metrics(finding: str, data: str, points: tuple[OperatingPoint, ...], cases: Cases) -> tuple[Metric, ...]:
    metrics = [
        Metric("AUC", level, finding, data, round(value, 4))
        for level, value in (
            ("slice", auc(cases.slice_logits, cases.slice_truth)),
            ("scan", auc(cases.scan_scores, cases.scan_truth)),
        )
        if np.isfinite(value)
    ]
    if points:
        called = cases.scan_scores >= points[-1].threshold
        for name, among, right in (
            ("recall", cases.scan_truth, called),
            ("specificity", ~cases.scan_truth, ~called),
        ):
            interval = wilson(int((among & right).sum()), int(among.sum()))
            share = float((among & right).sum() / among.sum())
            metrics.append(
                Metric(name, "scan", finding, data, round(share, 4), round(interval.low, 4), round(interval.high, 4))
            )
    return tuple(metrics)


def _command(recipe: Recipe, origin: Origin) -> str:
    """What makes the same package again, given the same library."""
    words = ["bregma train", recipe.name, "--library LIBRARY", f"--split {origin.split}", f"--seed {origin.seed}"]
    return " ".join([*words, *(f"--set {change}" for change in changes_of(recipe))])


def _drawn(job: Job) -> bool:
    """Whether every scan says that it was drawn."""
    return all(record.facts.get("ManufacturerModelName") == "Phantom" for record in job.records)
