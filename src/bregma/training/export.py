"""From trained weights to a model package: ONNX, thresholds chosen on validation, a card."""

from __future__ import annotations

from pathlib import Path

from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration, fit_calibration
from bregma.models.operating_points import OperatingPoint, choose_operating_points
from bregma.models.package import Package, write_package
from bregma.scan.errors import PackageError
from bregma.training.card import Origin, make_card
from bregma.training.loop import Job
from bregma.training.onnx_form import compare, to_onnx
from bregma.training.validation import Answers, Cases, answer, cases_of

TOLERANCE = 1e-3
"""Largest difference in probability between the network and its ONNX form."""

SAMPLE = 3
"""Validation scans on which the two are compared, besides shorter pieces of them."""


def export_package(job: Job, folder: Path, origin: Origin) -> Package:
    """Write the package of the network as it stands.

    Raises:
        PackageError: the ONNX form answers differently by more than 1e-3 in probability.
    """
    recipe = job.recipe
    settings = recipe.preprocessing.settings
    onnx = to_onnx(job.network, channels=settings.channels, size=settings.size, maps=recipe.network.draws)
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
