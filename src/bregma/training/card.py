"""The card of a trained package: what the trainer knows about it; a person adds what it does not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.intervals import wilson
from bregma.models.card import Card, Metric
from bregma.models.operating_points import OperatingPoint
from bregma.training.loop import Job
from bregma.training.recipe import Recipe, changes_of, digest_of
from bregma.training.validation import Cases, auc

OPTIMISTIC = (
    "Its figures here are optimistic: the epoch, the calibration and the thresholds were chosen on the same validation "
    "scans; measure it on other patients with `bregma evaluate`."
)

DRAWN = "It has never seen a patient: it learned from drawn heads only and must not guide any care."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a package comes from.

    Attributes:
        split: name of the split.
        seed: of the run.
        training: the scans it learned from.
    """

    split: str
    seed: int
    training: Sequence[ScanRecord]


def patients_digest(records: Sequence[ScanRecord]) -> str:
    """SHA-256 over the patients' pseudonyms, in order: tells whether two packages learned from the same patients."""
    return hashlib.sha256("\n".join(sorted({record.patient for record in records})).encode()).hexdigest()


def make_card(job: Job, origin: Origin, points: tuple[OperatingPoint, ...], cases: Cases) -> Card:
    """The card, with the figures of the validation part."""
    recipe, training, validation = job.recipe, origin.training, job.records
    drawn = _drawn(training)
    return Card(
        summary=f"Probability of a bleed per slice{' and where it lies' if recipe.network.draws else ''}.",
        intended_use="Research and demonstration on axial, non-contrast head CT of adults. No medical device.",
        trained_on=(
            f"{_count(training)}, the part 'train' of split {origin.split!r}, by patient "
            f"(SHA-256 of the patients {patients_digest(training)[:12]}); seed {origin.seed}, "
            f"{recipe.optimizer.epochs} epochs, {recipe.preprocessing.pixel_mm:g} mm pixels"
        ),
        measured_on=f"{_count(validation)}, the part 'validation' of the same split",
        limits=(DRAWN, OPTIMISTIC) if drawn else (OPTIMISTIC,),
        recipe=recipe.name,
        recipe_digest=digest_of(recipe),
        command=_command(recipe, origin),
        metrics=_metrics(recipe.findings[0], f"{_count(validation)}, validation part", points, cases),
        sequence=recipe.network.sequence,
    )


def _metrics(finding: str, data: str, points: tuple[OperatingPoint, ...], cases: Cases) -> tuple[Metric, ...]:
    """AUC of slices and scans, and recall and specificity of scans at the F1 point."""
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


def _count(records: Sequence[ScanRecord]) -> str:
    """Scans and patients in words: "12 phantoms of 12 patients"."""
    patients = len({record.patient for record in records})
    one = "phantom" if _drawn(records) else "scan"
    return f"{len(records)} {one}{'s'[: len(records) != 1]} of {patients} patient{'s'[: patients != 1]}"


def _drawn(records: Sequence[ScanRecord]) -> bool:
    """Whether every scan says that it was drawn."""
    return all(record.facts.get("ManufacturerModelName") == "Phantom" for record in records)
