"""The card of a trained package: what the trainer knows about it; a person adds what it does not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.intervals import wilson
from bregma.models.card import Card, Metric
from bregma.networks.cost import cost_of
from bregma.scan.terms import ANY
from bregma.training.cases import Cases, auc, both_kinds
from bregma.training.loop import Job
from bregma.training.recipe import Recipe, changes_of
from bregma.training.recipe_file import digest_of
from bregma.training.thresholds import Choice

OPTIMISTIC = (
    "Its figures here are optimistic: the epoch, the calibration and the thresholds were chosen on the same validation "
    "scans; measure it on other patients with `bregma evaluate`."
)

WITHOUT = {
    "slices": "",
    "scans": (
        "No slices of both kinds were labelled in the validation part: its temperature was fitted on whole scans, and "
        "how it does slice by slice was not measured."
    ),
    "nothing": (
        "The validation part has not both kinds of cases of its first finding: the probabilities are uncalibrated, and "
        "nobody chose the rule's threshold of 0.5."
    ),
}
"""What could not be done, by what the temperature was fitted on."""

DRAWN = "It has never seen a patient: it learned from drawn heads only and must not guide any care."

BEGAN = "Its first weights are those of {}, which it did not learn from the scans named here."
"""Said of networks that did not begin with random weights."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a package comes from.

    Attributes:
        split: name of the split.
        seeds: of the runs; more than one when their networks answer together.
        training: the scans it learned from.
    """

    split: str
    seeds: tuple[int, ...]
    training: Sequence[ScanRecord]


def patients_digest(records: Sequence[ScanRecord]) -> str:
    """SHA-256 over the patients' pseudonyms, in order: tells whether two packages learned from the same patients."""
    return hashlib.sha256("\n".join(sorted({record.patient for record in records})).encode()).hexdigest()


def make_card(job: Job, origin: Origin, chosen: Choice) -> Card:
    """The card, with the figures of the validation part."""
    recipe, training, validation = job.recipe, origin.training, job.records
    drawn, shown = _drawn(training), recipe.preprocessing.settings
    cost = cost_of(job.network, channels=shown.channels, size=shown.size)
    return Card(
        summary=_summary(recipe),
        intended_use="Research and demonstration on axial, non-contrast head CT of adults. No medical device.",
        trained_on=(
            f"{_count(training)}, the part 'train' of split {origin.split!r}, by patient "
            f"(SHA-256 of the patients {patients_digest(training)[:12]}); {_seeds(origin)}, "
            f"{recipe.optimizer.epochs} epochs, {recipe.preprocessing.pixel_mm:g} mm pixels"
        ),
        measured_on=f"{_count(validation)}, the part 'validation' of the same split",
        limits=tuple(
            one for one in (DRAWN if drawn else "", _began(recipe), OPTIMISTIC, WITHOUT[chosen.fitted_on]) if one
        ),
        recipe=recipe.name,
        recipe_digest=digest_of(recipe),
        command=_command(recipe, origin),
        metrics=_metrics(recipe.findings, f"{_count(validation)}, validation part", chosen),
        sequence=recipe.network.sequence,
        parameters=cost.parameters,
        macs=cost.macs,
    )


def _summary(recipe: Recipe) -> str:
    """What the model answers, in a sentence."""
    place = " and where it lies" if recipe.network.draws else ""
    kinds = [name for name in recipe.findings if name != ANY]
    if not kinds:
        return f"Probability of a bleed per slice{place}."
    whole = "a bleed and of each of these kinds" if ANY in recipe.findings else "each of these kinds of bleed"
    return f"Probability of {whole} per slice: {', '.join(kinds)}{';' if place else ''}{place}."


def _began(recipe: Recipe) -> str:
    """Where the first weights come from, unless from chance."""
    weights = getattr(recipe.network, "weights", "random")
    return "" if weights == "random" else BEGAN.format(Path(weights).name)


def _metrics(findings: Sequence[str], data: str, chosen: Choice) -> tuple[Metric, ...]:
    """The figures of every finding that both kinds of cases allow."""
    return tuple(
        metric
        for finding, cases in zip(findings, chosen.cases, strict=True)
        for metric in [*_areas(finding, data, cases), *_calls(finding, data, cases, chosen)]
    )


def _areas(finding: str, data: str, cases: Cases) -> Iterator[Metric]:
    """AUC of slices and scans."""
    for level, value in (
        ("slice", auc(cases.slice_logits, cases.slice_truth)),
        ("scan", auc(cases.scan_scores, cases.scan_truth)),
    ):
        if np.isfinite(value):
            yield Metric("AUC", level, finding, data, round(value, 4))


def _calls(finding: str, data: str, cases: Cases, chosen: Choice) -> Iterator[Metric]:
    """Recall and specificity of scans at the point where the finding is called."""
    threshold = _called_from(finding, cases, chosen)
    if threshold is None:
        return
    called = cases.scan_scores >= threshold
    for name, among, right in (("recall", cases.scan_truth, called), ("specificity", ~cases.scan_truth, ~called)):
        hits, of = int((among & right).sum()), int(among.sum())
        interval = wilson(hits, of)
        yield Metric(name, "scan", finding, data, round(hits / of, 4), round(interval.low, 4), round(interval.high, 4))


def _called_from(finding: str, cases: Cases, chosen: Choice) -> float | None:
    """The rule's threshold for the first finding, the F1 point's for the others; None without both kinds of scans."""
    if cases is chosen.cases[0]:
        return chosen.rule.threshold if both_kinds(cases.scan_truth) else None
    point = chosen.point("f1", "scan", finding)
    return None if point is None else point.threshold


def _command(recipe: Recipe, origin: Origin) -> str:
    """What makes the same package again, given the same library; of files on this machine it says the names only."""
    changes = [f"--set {change}" for change in changes_of(_without_folders(recipe))]
    start = ["bregma train", recipe.name, "--library LIBRARY", f"--split {origin.split}"]
    if len(origin.seeds) == 1:
        return " ".join([*start, f"--seed {origin.seeds[0]}", *changes])
    runs = " ".join(f"RUN-{seed}" for seed in origin.seeds)
    each = " ".join([*start, "--seed SEED --run RUN-SEED", *changes])
    joined = f"bregma models ensemble {runs} --library LIBRARY --out PACKAGE"
    return f"{each} for each SEED of {_listed(origin.seeds)}; {joined}"


def _seeds(origin: Origin) -> str:
    if len(origin.seeds) == 1:
        return f"seed {origin.seeds[0]}"
    return f"{len(origin.seeds)} networks of the seeds {_listed(origin.seeds)} answer together"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(str(seed) for seed in seeds)


def _without_folders(recipe: Recipe) -> Recipe:
    """The recipe as another machine may know it: a weight file or an earlier run by its name."""
    paths = {key: getattr(recipe.network, key, None) for key in ("weights", "base")}
    names = {key: Path(path).name for key, path in paths.items() if path is not None}
    return recipe.model_copy(update={"network": recipe.network.model_copy(update=names)})


def _count(records: Sequence[ScanRecord]) -> str:
    """Scans and patients in words: "12 phantoms of 12 patients"."""
    patients = len({record.patient for record in records})
    one = "phantom" if _drawn(records) else "scan"
    return f"{len(records)} {one}{'s'[: len(records) != 1]} of {patients} patient{'s'[: patients != 1]}"


def _drawn(records: Sequence[ScanRecord]) -> bool:
    """Whether every scan says that it was drawn."""
    return all(record.facts.get("ManufacturerModelName") == "Phantom" for record in records)
