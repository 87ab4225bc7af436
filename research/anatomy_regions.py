"""Regions on drawn heads in the proportions of the anatomy paper, and what a frozen network sees of them."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bregma.models.neighbours import Vectors
from bregma.networks.relation_network import BaseNet, Pool5
from bregma.phantom import Phantom, draw
from bregma.phantom.place_regions import PAPER_COUNTS, lay_regions
from bregma.phantom.studies import study_parameters
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Volume
from bregma.training.anatomy_recipe import AnatomyRecipe, load_anatomy_recipe
from bregma.training.region_set import RegionCase, RegionSet, ScanRegions, make_region_set
from bregma.training.train_anatomy import feature_cache, make_eyes, versions_of

TRAIN_SHARE = 0.8
LEAST = 5
"""Regions of a place in all heads together, however rare it is in the paper."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Principal components of the training part's features, of each path for itself (P paths, F features, K of them).

    Attributes:
        mean: (P, F).
        axes: (P, F, K).
    """

    mean: Vectors
    axes: Vectors

    def of(self, part: RegionSet) -> RegionSet:
        """The same regions by their components."""
        pairs = zip(self.mean, self.axes, strict=True)
        seen = [(part.features[:, at] - mean) @ axes for at, (mean, axes) in enumerate(pairs)]
        return RegionSet(part.cases, np.stack(seen, axis=1).astype(np.float32), part.owner)

    def folded(self, base: BaseNet) -> BaseNet:
        """A network on components of both paths as one on features: the same answers, both steps being linear."""
        paths, features, count = self.axes.shape
        hidden, embedding, classes = (one.out_features for one in (base.first, base.second, base.third))
        whole = BaseNet(features, hidden=hidden, embedding=embedding, classes=classes).eval()
        weight = base.first.weight.detach().reshape(hidden, paths, count) * base.scale
        axes = torch.from_numpy(self.axes)
        whole.first.weight.data = torch.einsum("hpk,pfk->hpf", weight, axes).reshape(hidden, -1)
        whole.first.bias.data = base.first.bias.detach() - torch.einsum("hpk,pk->h", weight, base.mean)
        whole.mean.copy_(torch.from_numpy(self.mean))
        whole.second, whole.third = base.second, base.third
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """What every arm is trained and measured on.

    Attributes:
        eyes: the frozen network.
        training: of 80 % of the heads.
        test: of the others.
        components: what the features are of; None where they are the network's own.
    """

    eyes: Pool5
    training: RegionSet
    test: RegionSet
    components: Components | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many heads and regions, and who looks at them."""
    parser.add_argument("--heads", type=int, default=100)
    parser.add_argument("--regions", type=int, default=2400)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--slices", type=int, default=28)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--weights", default="random", help='"random", "imagenet" or a file')
    parser.add_argument("--components", type=int, default=128, help="of each path's features; 0 learns on all features")
    parser.add_argument("--set", action="append", default=[], help="a key of the recipes: basenet.hidden=256")
    parser.add_argument("--out", type=Path, required=True)


def recipe_of(arm: str, asked: argparse.Namespace) -> AnatomyRecipe:
    """A recipe on the backbone that was asked for, small enough for two cores."""
    eyes = [f"eyes.backbone={asked.backbone}", f"eyes.weights={asked.weights}", "eyes.grid=3"]
    sizes = ["regions.local_size=96", "regions.global_size=96", "basenet.per_class=120"]
    return load_anatomy_recipe(arm, [*eyes, *sizes, *asked.set])


def regions_of(asked: argparse.Namespace) -> Regions:
    """Draw and look, or take what an earlier call saw."""
    recipe = recipe_of("anatomy_basenet", asked)
    eyes = make_eyes(recipe, seed=0)
    files = [asked.out / f"{part}-{_digest(asked, recipe)}.npz" for part in ("training", "test")]
    if not all(file.exists() for file in files):
        asked.out.mkdir(parents=True, exist_ok=True)
        drawn = _looked_at(recipe, eyes, asked)
        for file, part in zip(files, (drawn.training, drawn.test), strict=True):
            _save(file, part)
    training, test = map(_load, files)
    if not asked.components:
        return Regions(eyes, training, test)
    found = _components(training, asked.components)
    return Regions(eyes, found.of(training), found.of(test), found)


def _components(training: RegionSet, count: int) -> Components:
    """The first of them, by a randomised decomposition with a fixed seed."""
    torch.manual_seed(0)
    features = torch.from_numpy(training.features)
    mean = features.mean(dim=0)
    axes = [torch.pca_lowrank(features[:, at] - mean[at], q=count, center=False)[2] for at in range(features.shape[1])]
    return Components(mean.numpy(), torch.stack(axes).numpy())


def _looked_at(recipe: AnatomyRecipe, eyes: Pool5, asked: argparse.Namespace) -> Regions:
    cache_here = feature_cache(recipe, eyes, asked.out / "features")
    scans = list(_scans(asked.heads, asked.regions, asked.size, asked.slices))
    cut = round(len(scans) * TRAIN_SHARE)
    settings = recipe.regions.settings
    training = make_region_set(scans[:cut], eyes, settings, cache=cache_here, versions=versions_of(recipe, seed=0))
    return Regions(eyes, training, make_region_set(scans[cut:], eyes, settings, cache=cache_here))


def _digest(asked: argparse.Namespace, recipe: AnatomyRecipe) -> str:
    """Changes with everything that decides what is seen."""
    seen = recipe.regions.settings.digest, recipe.eyes, recipe.basenet.per_class, recipe.basenet.versions
    words = f"{asked.heads} {asked.regions} {asked.size} {asked.slices} {seen}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _save(file: Path, part: RegionSet) -> None:
    cases = json.dumps([asdict(case) for case in part.cases])
    np.savez(file, features=part.features, owner=part.owner, cases=np.array(cases))


def _load(file: Path) -> RegionSet:
    with np.load(file, allow_pickle=False) as saved:
        cases = tuple(RegionCase(**one) for one in json.loads(str(saved["cases"])))
        return RegionSet(cases, saved["features"], saved["owner"])


def _scans(heads: int, regions: int, size: int, slices: int) -> Iterator[ScanRegions]:
    """Heads with their share of the regions."""
    share = np.array(list(PAPER_COUNTS.values())) / sum(PAPER_COUNTS.values())
    counts = np.maximum(LEAST, np.rint(share * regions)).astype(int)
    places = np.random.default_rng(0).permutation(np.repeat(np.array(ANATOMY), counts))
    for number in range(heads):
        phantom = _draw(number, size, slices)
        laid = list(lay_regions(phantom, places[number::heads].tolist(), np.random.default_rng([1, number])))
        yield ScanRegions(phantom.series_uid, f"head{number}", partial(_same, phantom.volume), laid)


def _draw(number: int, size: int, slices: int) -> Phantom:
    return draw(study_parameters(11, number, 0.0, size=size, slices=slices))


def _same(volume: Volume) -> Volume:
    return volume
