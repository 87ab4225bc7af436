"""The same arms as research.weak_labels, each learned within seconds: on the frozen features of a backbone.

    python -m research.weak_labels hide LIBRARY [--split compare]
    python -m research.weak_labels_frozen LIBRARY RUNS --weights FILE [--split compare] [--seeds 5] [--steps 2000]

A backbone looks at every slice once; the mean and the maximum of its last map are brought down to their first principal
components over the training part, without a label. What learns on those is linear (features, then answers), by the
project's own sampling, losses and training loop, so the arms differ in their labels and losses only. The best epoch is
chosen on "validation", which is labelled slice by slice for every arm; all figures are of "test", means over the
seeds, with intervals over patients (bootstrap) for these very trainings.

Letters: B scans, D slices, E features, H hidden, K findings, P patients, R resamples, A arms, F figures.
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
from torch import Tensor, nn

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes, percentile_interval
from bregma.evaluation.ranking import Ranking, rank
from bregma.networks.backbone import Backbone
from bregma.networks.batch import Batch, Outputs
from bregma.training.checkpoint import BEST, restore_weights
from bregma.training.devices import choose_machine
from bregma.training.feature_cache import FeatureCache, features_digest, fill_features
from bregma.training.feature_inputs import FeatureInputs
from bregma.training.inputs import Inputs, fill_cache
from bregma.training.loop import Job, fit
from bregma.training.recipe import Recipe, load_recipe
from bregma.training.slice_cache import SliceCache
from bregma.training.truth import load_targets
from bregma.training.validation import answer
from research.weak_labels import ARMS, VALIDATION, Arm, steps_per_epoch

Floats = NDArray[np.float64]

FIGURES = ("slice AUC, any", "scan AUC, any", "slice AUC, mean of subtypes")
PAIRS = (
    ("scans_max", "strong"),
    ("scans_max", "scans_mean"),
    ("mixed", "part"),
    ("shuffled", "mixed"),
    ("literal", "mixed"),
)
"""(arm, what it is compared with)."""


class Look(nn.Module):
    """A frozen backbone: the mean and the maximum of its last map."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(requires_grad=False).eval()
        self.features = 2 * backbone.features

    def look(self, images: Tensor) -> tuple[Tensor, None]:
        """(N, E)."""
        trunk, scaled = self.backbone.trunk, (images - self.backbone.mean) / self.backbone.std
        last_map = trunk.forward_features(scaled.contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
        return torch.cat([last_map.mean(dim=(2, 3)), last_map.amax(dim=(2, 3))], dim=1), None


class Head(nn.Module):
    """Linear on principal components; what is to be smooth along the slices is what the first layer gives."""

    mean: Tensor
    components: Tensor

    def __init__(self, mean: Tensor, components: Tensor, *, hidden: int = 32, findings: int = 6) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)
        self.first = nn.Sequential(nn.Dropout(0.2), nn.Linear(components.shape[1], hidden))
        self.last = nn.Linear(hidden, findings)

    def forward(self, batch: Batch) -> Outputs:
        """(B, D, K) logits and (B, D, H) features."""
        hidden = self.first((batch.features - self.mean) @ self.components)
        return Outputs(slice_logits=self.last(hidden) * batch.is_slice[..., None], features=hidden)


def principal(features: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(E) mean and (E, count) components of (N, E) features: centred, scaled, and each of variance 1 there."""
    mean, std = features.mean(dim=0), features.std(dim=0) + 1e-6
    _, values, rows = torch.linalg.svd((features - mean) / std, full_matrices=False)
    return mean, rows[:count].T / std[:, None] / values[:count] * len(features) ** 0.5


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The library's parts, prepared and looked at once."""

    library: Library
    split: str
    recipe: Recipe
    slices: SliceCache
    features: FeatureCache
    look: Look

    def components(self, count: int) -> tuple[Tensor, Tensor]:
        """Mean and first principal components of the training part."""
        known = self.inputs("train", []).scans
        seen = np.concatenate([self.features.get(scan.series_uid, len(scan.value)) for scan in known])
        return principal(torch.from_numpy(seen), count)

    def records(self, part: str) -> list[ScanRecord]:
        """The scans of a part."""
        return self.library.scans(self.split, part)

    def inputs(self, part: str, sources: Sequence[str], *, by_kind: bool = False) -> FeatureInputs:
        """What is known of a part by some sources."""
        records = self.records(part)
        fill_cache(self.library, records, self.slices, self.recipe.preprocessing.settings.alone, masks=False)
        known = load_targets(self.library, records, self.recipe.findings, sources=sources, by_kind=by_kind)
        fill_features(self.features, Inputs(known, self.slices, masks=False), self.look, choose_machine("cpu", "fp32"))
        places = [np.zeros((len(scan.value), 2), np.float32) for scan in known]
        return FeatureInputs(known, self.slices, masks=False, features=self.features, places=places)


def open_world(library: Library, split: str, recipe: Recipe, weights: str) -> World:
    """Caches in the library's folder, as training has them."""
    settings, folder = recipe.preprocessing.settings, library.layout.root / "prepared"
    look = Look(Backbone("mobilenetv2_100", weights=weights))
    features = FeatureCache(folder / "features", features_digest(look, settings.digest + "mean and maximum"))
    return World(library, split, recipe, SliceCache(folder, settings.alone.digest), features, look)


def job_of(world: World, arm: Arm, head: Head, folder: Path, *, seed: int, steps: int, changes: Sequence[str]) -> Job:
    """One arm, with one seed: of the run and of the head."""
    epochs = round(steps / steps_per_epoch(arm, len(world.records("train"))))
    own = {
        "batches.scans": sum(arm.mix),
        "batches.mix": list(arm.mix),
        "optimizer.epochs": epochs,
        "loop.validate_every": max(1, epochs // 20),
        "loop.save_every": 10**6,
        **{key: json.loads(value) for key, value in (change.split("=", 1) for change in changes)},
    }
    recipe = load_recipe(arm.recipe, own)
    training = world.inputs("train", arm.sources, by_kind=recipe.loss.scan > 0 and recipe.loss.slice > 0)
    folder.mkdir(parents=True, exist_ok=True)
    return Job(
        recipe=recipe,
        seed=seed,
        run=folder,
        network=head,
        machine=choose_machine("cpu", "fp32", threads=1),
        training=training,
        validation=world.inputs("validation", [VALIDATION]),
        records=world.records("validation"),
    )


def rankings(job: Job, test: FeatureInputs, patients: NDArray[np.intp]) -> tuple[Ranking, Ranking, list[Ranking]]:
    """Slices and scans by `any`, and slices by each subtype, in order of suspicion."""
    said = answer(job.network, test, job.machine, job.recipe.loss, job.recipe.findings).logits
    truth = [scan.value >= 0.5 for scan in test.scans]
    of_slices = np.repeat(patients, [len(one) for one in truth])
    logits, true = np.concatenate(said).astype(np.float64), np.concatenate(truth)
    scans = rank(np.array([one[:, 0].max() for one in said], float), np.array([t[:, 0].any() for t in truth]), patients)
    slices = [rank(logits[:, k], true[:, k], of_slices) for k in range(true.shape[1])]
    return slices[0], scans, slices[1:]


def figures(found: tuple[Ranking, Ranking, list[Ranking]], weights: Floats) -> Floats:
    """(R, F)."""
    slices, scans, subtypes = found
    means = np.mean([one.auc(weights) for one in subtypes], axis=0)
    return np.stack([slices.auc(weights), scans.auc(weights), means], axis=1)


def tables(found: dict[str, list[tuple[Ranking, Ranking, list[Ranking]]]], patients: int) -> str:
    """Every arm's figures, and the paired differences."""
    names = list(found)

    def every(weights: Floats) -> Floats:
        """(R, A, F) means over the seeds."""
        return np.stack([np.mean([figures(one, weights) for one in found[name]], axis=0) for name in names], axis=1)

    once = np.ones((1, patients))
    values = every(once)[0]
    draws = bootstrap(every, np.arange(patients), np.random.default_rng(0), replicates=REPLICATES)
    lines = ["| arm | " + " | ".join(FIGURES) + " |", "|---" * (len(FIGURES) + 1) + "|"]
    for row, name in enumerate(names):
        cells = [f"{values[row, f]:.3f} {_ends(draws[:, row, f])}" for f in range(len(FIGURES))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| difference | " + " | ".join(FIGURES) + " | the first, seed by seed |"]
    lines.append("|---" * (len(FIGURES) + 2) + "|")
    for one, other in ((one, other) for one, other in PAIRS if {one, other} <= set(names)):
        a, b = names.index(one), names.index(other)
        gap = draws[:, a] - draws[:, b]
        cells = [f"{values[a, f] - values[b, f]:+.3f} {_ends(gap[:, f])}" for f in range(len(FIGURES))]
        seeds = [
            f"{figures(x, once)[0, 0] - figures(y, once)[0, 0]:+.3f}"
            for x, y in zip(found[one], found[other], strict=True)
        ]
        lines.append(f"| {one} − {other} | " + " | ".join(cells) + f" | {', '.join(seeds)} |")
    return "\n".join(lines)


def _ends(draws: Floats) -> str:
    interval = percentile_interval(draws)
    return "" if interval is None else f"[{interval.low:.3f}, {interval.high:.3f}]"


def main() -> None:
    """Read the command line, learn every arm, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--weights", required=True, help="file with ImageNet weights of mobilenetv2_100")
    parser.add_argument("--split", default="compare")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--pixel-mm", type=float, default=2.0)
    parser.add_argument("--set", action="append", default=[], help="section.key=JSON for every arm")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    changes = [f"preprocessing.pixel_mm={asked.pixel_mm}", *asked.set]
    recipe = load_recipe("ich_slices", {"preprocessing.pixel_mm": asked.pixel_mm})
    found: dict[str, list[tuple[Ranking, Ranking, list[Ranking]]]] = {arm.name: [] for arm in ARMS}
    with Library.open(asked.library) as library:
        world = open_world(library, asked.split, recipe, asked.weights)
        test = world.inputs("test", ["phantom"])
        components = world.components(asked.components)
        codes = patient_codes([record.patient for record in world.records("test")])
        for seed in range(asked.seeds):
            for arm in ARMS:
                torch.manual_seed(seed)
                head, folder = Head(*components), asked.runs / f"{arm.name}-{seed}"
                job = job_of(world, arm, head, folder, seed=seed, steps=asked.steps, changes=changes)
                fit(job)
                restore_weights(job.run / BEST, job.network)
                found[arm.name].append(rankings(job, test, codes))
                now = figures(found[arm.name][-1], np.ones((1, int(codes.max()) + 1)))[0]
                print(f"{arm.name}-{seed}", *(f"{value:.3f}" for value in now), flush=True)
    print(tables(found, int(codes.max()) + 1))


if __name__ == "__main__":
    main()
