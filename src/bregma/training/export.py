"""From trained weights to a model package: ONNX, thresholds chosen on validation, a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bregma.evaluation.intervals import wilson
from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration, fit_calibration
from bregma.models.card import Card, Metric
from bregma.models.operating_points import OperatingPoint, choose_operating_points
from bregma.models.package import Package, write_package
from bregma.scan.errors import PackageError
from bregma.training.loop import Job
from bregma.training.onnx_form import compare, to_onnx
from bregma.training.recipe import Recipe, changes_of
from bregma.training.validation import Answers, Cases, answer, auc, cases_of

TOLERANCE = 1e-3
"""Largest difference in probability between the network and its ONNX form."""

SAMPLE = 3
"""Validation scans on which the two are compared, besides shorter pieces of them."""


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
