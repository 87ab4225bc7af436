"""The retrieval paper's protocol on drawn heads: multitask against single tasks and removed tasks, on each criterion.

`python -m research.tumour_phantoms --seeds 0 1 2 --out DIR`; one head is one patient, the heads asked about are not
those of the database, every seed draws weights and order anew, and what is finished is not done again. Tumours are
asked about with boxes as outlined and with distorted ones. Figures: research/tumour_phantoms_figures.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bregma.phantom.tumours import draw_tumours, tumour_parameters
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.tumour import VoxelBox
from bregma.training.devices import choose_machine
from bregma.training.tumour_export import embed_cases
from bregma.training.tumour_loop import TumourJob, fit_tumours
from bregma.training.tumour_recipe import TumourRecipe, load_tumour_recipe
from bregma.training.tumour_set import TumourCase, make_case
from research.tumour_phantoms_figures import REFERENCE, draw_map, print_figures

TASKS = ("mask", *TUMOUR_CRITERIA)
ARMS = (
    "tumour_multitask",
    *(f"tumour_only_{task}" for task in TASKS),
    *(f"tumour_without_{task}" for task in TASKS),
)
UNTRAINED = "untrained"
DISTORTION = 0.25

SMALL = [
    "network.width=16",
    "network.blocks=3",
    "view.voxel_mm=[4, 4, 4]",
    "view.patch=[24, 24, 24]",
    "optimizer.kind=adamw",
    "optimizer.learning_rate=0.003",
    "optimizer.weight_decay=0.01",
    "patches.size=4",
    "patches.steps=0",
    "loop.validate_every=1000",
]
"""What makes the paper's recipe fit one core; changes on the command line come after it."""


def main() -> None:
    """Draw, train, keep the embeddings; then show what they are worth."""
    asked = _arguments()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = [*SMALL, f"optimizer.epochs={asked.epochs}", *asked.set]
    recipe = load_tumour_recipe("tumour_multitask", settings)
    cases = _cases(asked.heads + asked.test, recipe, asked.out / "prepared")
    training, test = cases[: asked.heads], cases[asked.heads :]
    print(f"{_tumours(training)} tumours to train, {_tumours(test)} to test", flush=True)
    for seed in asked.seeds:
        for arm in asked.arms:
            path = asked.out / f"{arm}-{asked.tag}-{seed}.npz"
            if not path.exists():
                print(f"{path.stem}: {_arm(arm, settings, training, test, seed, path):.0f} s", flush=True)
    paths = {arm: [asked.out / f"{arm}-{asked.tag}-{seed}.npz" for seed in asked.seeds] for arm in asked.arms}
    for tag in asked.also:
        paths[f"{REFERENCE} {tag}"] = sorted(asked.out.glob(f"{REFERENCE}-{tag}-*.npz"))
    print_figures(paths, training, test)
    if asked.picture:
        draw_map(paths[asked.picture][0], test, recipe.view.voxel_mm)


def _arm(
    arm: str, settings: list[str], training: Sequence[TumourCase], test: Sequence[TumourCase], seed: int, path: Path
) -> float:
    """Train, and keep the embeddings: of the training part, of the test part, and of that with distorted boxes.

    Returns:
        Seconds of the processor.
    """
    started = time.process_time()
    recipe = load_tumour_recipe("tumour_multitask" if arm == UNTRAINED else arm, settings)
    torch.manual_seed(seed)
    network, size = recipe.make_network(), recipe.view.patch
    if arm != UNTRAINED:
        run = path.with_name(f"run-{path.stem}")
        run.mkdir(exist_ok=True)
        fit_tumours(TumourJob(recipe, seed, run, network, choose_machine("cpu", "fp32", threads=1), training, []))
    rng = np.random.default_rng([seed, 25])
    known, asked = (embed_cases(network, part, size) for part in (training, test))
    shaken = embed_cases(network, [_distorted(case, rng) for case in test], size)
    seconds = time.process_time() - started
    np.savez(path, known=known, asked=asked, shaken=shaken, seconds=np.array(seconds))
    return seconds


def _distorted(case: TumourCase, rng: np.random.Generator) -> TumourCase:
    """Every side scaled and shifted by up to a quarter of itself (table 4), kept within the scan."""
    return replace(case, boxes=tuple(_shaken(box, case.shape, rng) for box in case.boxes))


def _shaken(box: VoxelBox, shape: tuple[int, int, int], rng: np.random.Generator) -> VoxelBox:
    low, high = np.array(box.start, float), np.array(box.stop, float)
    side, middle = high - low, (low + high) / 2
    middle = middle + side * rng.uniform(-DISTORTION, DISTORTION, 3)
    half = side * (1 + rng.uniform(-DISTORTION, DISTORTION, 3)) / 2
    start = np.clip(np.floor(middle - half + 0.5).astype(int), 0, np.array(shape) - 1)
    stop = np.clip(np.floor(middle + half + 0.5).astype(int), start + 1, np.array(shape))
    return VoxelBox(tuple(start.tolist()), tuple(stop.tolist()))


def _cases(heads: int, recipe: TumourRecipe, folder: Path) -> list[TumourCase]:
    """Drawn heads, prepared; each is drawn once and kept."""
    folder.mkdir(exist_ok=True)
    return [_case(number, recipe, folder / f"{number}.npz") for number in range(heads)]


def _case(number: int, recipe: TumourRecipe, path: Path) -> TumourCase:
    if not path.exists():
        case = make_case(draw_tumours(tumour_parameters(number, 5)), recipe.view.settings)
        boxes = [[*box.start, *box.stop] for box in case.boxes]
        known = json.dumps([case.series_uid, case.patient, [dict(one) for one in case.labels], case.left_right, boxes])
        np.savez_compressed(path, values=case.values.astype(np.float16), map=case.map, known=np.array(known))
    with np.load(path, allow_pickle=False) as kept:
        uid, patient, labels, left_right, boxes = json.loads(str(kept["known"]))
        shown = tuple(VoxelBox(tuple(box[:3]), tuple(box[3:])) for box in boxes)
        return TumourCase(uid, patient, kept["values"], kept["map"], shown, tuple(labels), left_right)


def _tumours(cases: Sequence[TumourCase]) -> int:
    return sum(len(case.boxes) for case in cases)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=80, help="heads to train with; they are the database")
    parser.add_argument("--test", type=int, default=100, help="heads to ask about")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", default=[UNTRAINED, *ARMS])
    parser.add_argument("--tag", default="default", help="name of these settings, such as width64")
    parser.add_argument("--also", nargs="*", default=[], help="tags of the multitask arm, for the same tables")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--picture", help="the arm whose t-SNE map is drawn, of the first seed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
