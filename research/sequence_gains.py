"""What reading along the slices adds to a slice network: rolling mean, then a GRU on more and more of each slice.

    python -m research.sequence_gains LIBRARY RUNS --base RUN [--base RUN ...] [--split compare] [--set key=value ...]

Each RUN is a finished run of a slice network on the split; the mean over them is what counts, and every difference is
taken to the same run's slices by themselves. A GRU is trained on the part "train", its best epoch, the width of the
rolling mean and the calibration are chosen on "validation", and everything is measured on "test". Before the log loss
is taken every way of reading is calibrated alike, by a scale and a shift of its logits: else it would measure how a
network's training was balanced. Intervals are over patients (bootstrap), with these very trainings.

Letters: D slices, P patients, R resamples, A ways of reading, F figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes, per_patient, percentile_interval
from bregma.evaluation.ranking import Ranking, rank
from bregma.models.aggregate import Rule, reach_mm, scan_score
from bregma.training.checkpoint import BEST, restore_weights
from bregma.training.feature_inputs import FeatureInputs, with_features
from bregma.training.inputs import Inputs, fill_cache
from bregma.training.loop import Job, fit
from bregma.training.make_network import IDENTITY, RECIPE
from bregma.training.recipe import Recipe, load_recipe
from bregma.training.recipe_file import digest_of
from bregma.training.train import Run, prepare_job
from bregma.training.truth import load_targets
from bregma.training.validation import answer

Floats = NDArray[np.float64]

ALONE, ROLLING = "slices by themselves", "rolling mean of probabilities"
ARMS: dict[str, tuple[str, ...]] = {
    "GRU on logits": ("logits",),
    "GRU on embeddings": ("embedding",),
    "GRU on embeddings and logits": ("embedding", "logits"),
    "the same with deltas": ("embedding", "logits", "deltas"),
    "the same with deltas and place": ("embedding", "logits", "deltas", "place"),
}
WIDTHS = (1, 3, 5, 7)
FIGURES = ("slice AUC", "scan AUC", "log loss")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Validation or test: scans in order, and the truth of the first finding on every slice."""

    records: list[ScanRecord]
    truth: list[NDArray[np.bool_]]

    def figures(self, probabilities: Sequence[Floats], rule: Rule) -> tuple[Ranking, Ranking, Floats]:
        """Slices and scans in order of suspicion, and (P, 2) sums of losses and counts of slices."""
        of_scans = patient_codes([record.patient for record in self.records])
        of_slices = np.repeat(of_scans, [len(one) for one in self.truth])
        scores = [
            scan_score(p, reach_mm(record.geometry), rule)
            for p, record in zip(probabilities, self.records, strict=True)
        ]
        p, truth = np.clip(np.concatenate(probabilities), 1e-7, 1 - 1e-7), np.concatenate(self.truth)
        losses = -np.log(np.where(truth, p, 1 - p))
        return (
            rank(p, truth, of_slices),
            rank(np.array(scores), np.array([one.any() for one in self.truth]), of_scans),
            per_patient(np.stack([losses, np.ones_like(losses)], axis=1), of_slices),
        )


def calibrate(validation: Sequence[Floats], truth: Sequence[NDArray[np.bool_]]) -> tuple[float, float]:
    """Scale and shift of logits with the least log loss on the validation part (Platt 1999)."""
    x, y = np.concatenate(validation), np.concatenate(truth).astype(np.float64)

    def loss(line: Floats) -> float:
        z = np.exp(line[0]) * x + line[1]
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    scale, shift = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(np.exp(scale)), float(shift)


def calibrated(logits: dict[str, list[Floats]], parts: dict[str, Part]) -> dict[str, list[Floats]]:
    """Probabilities of both parts."""
    scale, shift = calibrate(logits["validation"], parts["validation"].truth)
    return {part: [1 / (1 + np.exp(-(scale * one + shift))) for one in said] for part, said in logits.items()}


def rolling(probabilities: Floats, width: int) -> Floats:
    """Mean over the `width` slices around each, fewer at the ends."""
    kernel = np.ones(width)
    total = np.convolve(probabilities, kernel)[width // 2 :][: len(probabilities)]
    count = np.convolve(np.ones_like(probabilities), kernel)[width // 2 :][: len(probabilities)]
    return np.asarray(total / count)


def rolled(alone: dict[str, list[Floats]], parts: dict[str, Part]) -> tuple[int, dict[str, list[Floats]]]:
    """The width with the least log loss on validation, and both parts averaged so, calibrated again."""
    best: tuple[float, int, dict[str, list[Floats]]] | None = None
    for width in WIDTHS:
        means = {part: [rolling(one, width) for one in said] for part, said in alone.items()}
        logits = {part: [np.log(one / (1 - one)) for one in said] for part, said in means.items()}
        found = calibrated(logits, parts)
        sums = parts["validation"].figures(found["validation"], Rule())[2].sum(axis=0)
        if best is None or sums[0] < best[0]:
            best = sums[0], width, found
    assert best is not None  # noqa: S101
    return best[1:]


def job_for(library: Library, runs: Path, base: Path, reads: Sequence[str], args: argparse.Namespace) -> Job:
    """A sequence run on a slice network's run, with its findings, preprocessing and seed."""
    trained = Recipe.model_validate_json((base / RECIPE).read_bytes())
    shown = trained.model_dump(mode="json")
    recipe = load_recipe(
        "sequence",
        {
            "findings": shown["findings"],
            "preprocessing": shown["preprocessing"],
            "rule": shown["rule"],
            "network.base": str(base),
            "network.reads": list(reads),
        },
    )
    own = recipe.model_dump(mode="json")
    for change in args.changes:
        key, value = change.split("=", 1)
        section, name = key.split(".")
        own[section][name] = json.loads(value)
    recipe = Recipe.model_validate_json(json.dumps(own))
    seed = int(json.loads((base / IDENTITY).read_text())["seed"])
    folder = runs / f"{base.name}-{'-'.join(reads)}-{digest_of(recipe)[:16]}"
    run = Run(folder, split=args.split, seed=seed, device="cpu", threads=1)
    run.folder.mkdir(parents=True, exist_ok=True)
    return prepare_job(recipe, library, run)


def parts_of(library: Library, job: Job, split: str) -> tuple[dict[str, FeatureInputs], dict[str, Part]]:
    """Features and truth of validation and test."""
    inputs, parts, settings = {}, {}, job.recipe.preprocessing.settings
    for name in ("validation", "test"):
        records = library.scans(split, name)
        fill_cache(library, records, job.training.cache, settings.alone)
        known = load_targets(library, records, job.recipe.findings)
        shown = Inputs(known, job.training.cache, neighbours=settings.neighbours)
        inputs[name] = with_features(
            shown,
            records,
            job.network,  # type: ignore[arg-type]  # a SequenceReader
            job.machine,
            folder=library.layout.root / "prepared",
            preprocessing=settings.digest,
        )
        parts[name] = Part(records, [scan.value[:, 0] >= 0.5 for scan in shown.scans])
    return inputs, parts


def said_by(job: Job, inputs: dict[str, FeatureInputs]) -> dict[str, list[Floats]]:
    """The first finding's logits, per part and scan."""
    return {
        part: [
            one[:, 0].astype(np.float64)
            for one in answer(job.network, shown, job.machine, job.recipe.loss, job.recipe.findings).logits
        ]
        for part, shown in inputs.items()
    }


def read_with(
    base: Path, library: Library, args: argparse.Namespace
) -> tuple[dict[str, tuple[Ranking, Ranking, Floats]], int]:
    """Every way of reading on one slice network: figures on test, and the width of the rolling mean."""
    ways: dict[str, dict[str, list[Floats]]] = {}
    width = 0
    for name, reads in ARMS.items():
        job = job_for(library, args.runs, base, reads, args)
        inputs, parts = parts_of(library, job, args.split)
        if not ways:  # an untrained GRU says 0, so this is the slice network
            ways[ALONE] = calibrated(said_by(job, inputs), parts)
            width, ways[ROLLING] = rolled(ways[ALONE], parts)
        fit(job)
        restore_weights(job.run / BEST, job.network)
        ways[name] = calibrated(said_by(job, inputs), parts)
        print(f"{base.name}: {name} done", flush=True)
    rule = Rule(job.recipe.rule.run_slices, job.recipe.rule.run_mm)
    return {name: parts["test"].figures(said["test"], rule) for name, said in ways.items()}, width


def figures(way: tuple[Ranking, Ranking, Floats], weights: Floats) -> Floats:
    """(R, F)."""
    slices, scans, losses = way
    sums = weights @ losses
    return np.stack([slices.auc(weights), scans.auc(weights), sums[:, 0] / sums[:, 1]], axis=1)


def table(per_base: Sequence[dict[str, tuple[Ranking, Ranking, Floats]]]) -> list[dict[str, object]]:
    """One row per way of reading: mean over the slice networks, interval, and paired difference to the slices alone."""

    def all_ways(weights: Floats) -> Floats:
        """(R, A, F) means over the slice networks."""
        return np.stack(
            [np.mean([figures(base[name], weights) for base in per_base], axis=0) for name in per_base[0]], axis=1
        )

    patients = per_base[0][ALONE][0].patients
    once = np.ones((1, patients))
    draws = bootstrap(all_ways, np.arange(patients), np.random.default_rng(0), replicates=REPLICATES)
    rows = []
    for place, name in enumerate(per_base[0]):
        row: dict[str, object] = {"name": name}
        for column, figure in enumerate(FIGURES):
            value, alone = all_ways(once)[0, [place, 0], column]
            row[figure] = [float(value), *_ends(draws[:, place, column])]
            row[f"{figure} gained"] = [float(value - alone), *_ends(draws[:, place, column] - draws[:, 0, column])]
            each = [figures(base[name], once)[0, column] - figures(base[ALONE], once)[0, column] for base in per_base]
            row[f"{figure} gained by each"] = [float(one) for one in each]
        rows.append(row)
    return rows


def _ends(draws: Floats) -> tuple[float, float]:
    interval = percentile_interval(draws)
    return (0.0, 0.0) if interval is None else (interval.low, interval.high)


def markdown(rows: Sequence[dict[str, object]]) -> str:
    """The table as docs/research/sequence.md has it."""
    lines = ["| reads | " + " | ".join(f"{one} | gained" for one in FIGURES) + " |", "|---" * 7 + "|"]
    for row in rows:
        cells = []
        for figure in FIGURES:
            for key, form in (
                (figure, "{:.3f} ({:.3f} to {:.3f})"),
                (f"{figure} gained", "{:+.3f} ({:+.3f} to {:+.3f})"),
            ):
                cells.append(form.format(*row[key]) if row["name"] != ALONE or key == figure else "")  # type: ignore[misc]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("runs", type=Path, help="folder for the runs and results.json")
    parser.add_argument("--base", type=Path, action="append", required=True, help="run folder of a slice network")
    parser.add_argument("--split", default="compare")
    parser.add_argument("--set", dest="changes", action="append", default=[], help="section.key=JSON for the recipe")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with Library.open(args.library) as library:
        found = [read_with(base, library, args) for base in args.base]
    rows = table([one for one, _ in found])
    (args.runs / "results.json").write_text(json.dumps(rows, indent=1))
    print(markdown(rows))
    print("widths of the rolling mean:", [width for _, width in found])


if __name__ == "__main__":
    main()
