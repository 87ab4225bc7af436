"""The arms of the anatomy paper on regions of drawn heads: figures per place, after 5 epochs, and after equal time.

`python -m research.anatomy_phantoms --heads 24 --regions 360 --out DIR`; regions come in the paper's proportions, heads
are split 80:20, every seed draws weights and order anew. Letters: N regions, C places.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np

from bregma.evaluation.place_figures import PlaceFigures, place_figures
from bregma.phantom import Phantom, draw
from bregma.phantom.place_regions import PAPER_COUNTS, lay_regions
from bregma.phantom.studies import study_parameters
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Volume
from bregma.training.anatomy_recipe import AnatomyRecipe, load_anatomy_recipe
from bregma.training.basenet_training import embed
from bregma.training.region_set import RegionSet, ScanRegions, make_region_set, patient_numbers
from bregma.training.relation_training import EpochEnd, fit_relation, relation_scores
from bregma.training.train_anatomy import Trained, feature_cache, fit_both, make_eyes, scores_of, versions_of

ARMS = ("anatomy_basenet", "anatomy_local", "anatomy_global", "anatomy_rn", "anatomy_rn_nn")
TRAIN_SHARE = 0.8


def main() -> None:
    """Draw, look once, train every arm with every seed, and say how each did."""
    asked = _arguments()
    settings = [f"eyes.backbone={asked.backbone}", "eyes.weights=random", f"eyes.grid={asked.grid}"]
    settings += ["regions.local_size=96", "regions.global_size=96", *asked.set]
    recipe = load_anatomy_recipe("anatomy_basenet", settings)
    eyes = make_eyes(recipe, seed=0)
    cache_here = feature_cache(recipe, eyes, asked.out / "features")
    scans = list(_scans(asked.heads, asked.regions, asked.size, asked.slices))
    cut = round(len(scans) * TRAIN_SHARE)
    started = time.perf_counter()
    training = make_region_set(
        scans[:cut], eyes, recipe.regions.settings, cache=cache_here, versions=versions_of(recipe, seed=0)
    )
    test = make_region_set(scans[cut:], eyes, recipe.regions.settings, cache=cache_here)
    print(f"{len(training.cases)} regions to train, {len(test.cases)} to test, {time.perf_counter() - started:.0f} s")
    rows = [_arm(load_anatomy_recipe(arm, settings), training, test, seed) for seed in asked.seeds for arm in ARMS]
    (asked.out / "figures.json").write_text(json.dumps(rows, indent=1))
    for row in rows:
        means = {key: row[key] for key in ("arm", "seed", "weighted", "macro", "named", "seconds", "epochs")}
        print(json.dumps(means))


def _scans(heads: int, regions: int, size: int, slices: int) -> Iterator[ScanRegions]:
    """Heads with their share of the regions; every place at least once in the whole."""
    rng = np.random.default_rng(0)
    share = np.array(list(PAPER_COUNTS.values())) / sum(PAPER_COUNTS.values())
    counts = np.maximum(2, np.rint(share * regions)).astype(int)
    places = rng.permutation(np.repeat(np.array(ANATOMY), counts))
    for number in range(heads):
        drawn = cache(partial(_draw, number, size, slices))
        phantom = drawn()
        laid = list(lay_regions(phantom, places[number::heads].tolist(), np.random.default_rng([1, number])))
        yield ScanRegions(phantom.series_uid, f"head{number}", partial(_volume, phantom), laid)


def _draw(number: int, size: int, slices: int) -> Phantom:
    return draw(study_parameters(11, number, 0.0, size=size, slices=slices))


def _volume(phantom: Phantom) -> Volume:
    return phantom.volume


def _arm(recipe: AnatomyRecipe, training: RegionSet, test: RegionSet, seed: int) -> dict[str, object]:
    started = time.perf_counter()
    trained = fit_both(recipe, make_eyes(recipe, seed=0), training, seed=seed)
    seconds = time.perf_counter() - started
    said = scores_of(recipe, trained, training, test).argmax(axis=1)
    found = place_figures(test.places, said, patient_numbers(test)[0], classes=len(ANATOMY))
    return {
        "arm": recipe.name,
        "seed": seed,
        "seconds": round(seconds, 1),
        "weighted": _means(found, "weighted"),
        "macro": _means(found, "macro"),
        "named": sum(one.value > 0 for one in found.places["recall"] if np.isfinite(one.value)),
        "places": {
            name: [found.support[at], *(round(found.places[m][at].value, 3) for m in found.places)]
            for at, name in enumerate(ANATOMY)
        },
        "epochs": _by_epoch(recipe, trained, training, test, seed),
    }


def _by_epoch(
    recipe: AnatomyRecipe, trained: Trained, training: RegionSet, test: RegionSet, seed: int
) -> list[tuple[int, float, float]]:
    """(epoch, seconds, weighted F1) of stage two."""
    settings, rows = recipe.relation.settings, []
    if settings is None:
        return []
    patients = patient_numbers(training, test)[1]
    vectors = embed(trained.base, test.plain)

    def look(end: EpochEnd) -> None:
        scores = relation_scores(end.network, trained.references, vectors, patients, settings, classes=len(ANATOMY))
        found = place_figures(test.places, scores.argmax(axis=1), patient_numbers(test)[0], classes=15, replicates=2)
        rows.append((end.epoch, round(end.seconds, 2), round(found.weighted["f1"].value, 3)))

    fit_relation(trained.references, settings, classes=len(ANATOMY), seed=seed, after_epoch=look)
    return rows


def _means(found: PlaceFigures, kind: str) -> dict[str, list[float]]:
    """Measure -> value, and where there is an interval its ends."""
    return {
        name: [round(one.value, 3), *(() if one.interval is None else (one.interval.low, one.interval.high))]
        for name, one in getattr(found, kind).items()
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=24)
    parser.add_argument("--regions", type=int, default=360)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--grid", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
