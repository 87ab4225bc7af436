"""From trained weights to a model package: ONNX, thresholds chosen on validation, a card."""

from __future__ import annotations

from pathlib import Path

from bregma.models.package import Package, write_package
from bregma.scan.errors import PackageError
from bregma.training.card import Origin, make_card
from bregma.training.loop import Job
from bregma.training.onnx_form import compare, to_onnx
from bregma.training.thresholds import choose
from bregma.training.validation import answer

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
    scans = [job.validation.images(index) for index in range(len(job.validation.scans))][:SAMPLE]
    difference = compare(onnx, job.network, [*scans, scans[0][:1], scans[0][: max(1, len(scans[0]) // 2)]])
    if not difference <= TOLERANCE:
        raise PackageError(
            f"the exported {recipe.name} differs from the network by {difference:.2g} in probability, more than "
            f"{TOLERANCE:g}; nothing was written: report this with the versions of torch and onnxruntime"
        )
    answers = answer(job.network, job.validation, job.machine, recipe.loss, recipe.findings)
    chosen = choose(answers, job.validation.scans, job.records, recipe)
    return write_package(
        folder,
        onnx=onnx,
        name=recipe.name,
        version="1.0",
        card=make_card(job, origin, chosen),
        preprocessing=settings,
        findings=recipe.findings,
        rule=chosen.rule,
        operating_points=chosen.points,
        calibration=chosen.calibration,
    )
