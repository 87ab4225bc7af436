"""The retrieval paper's protocol on drawn heads: multitask against single tasks and removed tasks, on every criterion.

`python -m research.tumour_phantoms --heads 120 --seeds 0 1 2 --out DIR`; heads are split 80:20 (one head, one patient),
every seed draws weights and order anew, and what is finished is not done again. A row per arm and seed: kNN score of
every criterion against k, once with the boxes as outlined and once with distorted ones. `--picture ARM` draws the t-SNE
map. Letters: T tumours, E embedding.
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
from numpy.typing import NDArray

from bregma.phantom.tumours import draw_tumours, tumour_parameters
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.tumour import VoxelBox
from bregma.training.devices import choose_machine
from bregma.training.tumour_export import embed_cases
from bregma.training.tumour_figures import knn_terms, terms_of
from bregma.training.tumour_loop import TumourJob, fit_tumours
from bregma.training.tumour_loss import UNKNOWN
from bregma.training.tumour_recipe import TumourRecipe, load_tumour_recipe
from bregma.training.tumour_set import TumourCase, make_case

TASKS = ("mask", *TUMOUR_CRITERIA)
ARMS = (
    "tumour_multitask",
    *(f"tumour_only_{task}" for task in TASKS),
    *(f"tumour_without_{task}" for task in TASKS),
)
UNTRAINED = "untrained"
NEIGHBOURS = (1, 3, 5, 10, 20, 40)
DISTORTION = 0.25
SIZE_FACTOR = 2.0
"""A size counts as told when the mean of the k nearest is within this factor of the volume."""

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
    """Draw, train, measure; then show."""
    asked = _arguments()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = [*SMALL, f"optimizer.epochs={asked.epochs}", *asked.set]
    heads = asked.heads + asked.test
    cases = _cases(heads, load_tumour_recipe("tumour_multitask", settings), asked.out / "prepared")
    training, test = cases[: asked.heads], cases[asked.heads :]
    print(f"{_tumours(training)} tumours to train, {_tumours(test)} to test", flush=True)
    for seed in asked.seeds:
        for arm in asked.arms:
            path = asked.out / f"{arm}-{asked.tag}-{seed}.npz"
            if not path.exists():
                _arm(arm, settings, training, test, seed, path)
            print(json.dumps(_row(path, training, test)), flush=True)
    paths = {arm: sorted(asked.out.glob(f"{arm}-{asked.tag}-*.npz")) for arm in (UNTRAINED, *ARMS)}
    seen = {arm: [_row(path, training, test) for path in found] for arm, found in paths.items() if found}
    (asked.out / f"figures-{asked.tag}.json").write_text(json.dumps(seen, indent=1))
    for arm, rows in seen.items():
        print(_over_seeds(arm, rows))
    if asked.picture:
        _picture(asked.out / f"{asked.picture}-{asked.tag}-{asked.seeds[0]}.npz", test)


def _arm(
    arm: str, settings: list[str], training: Sequence[TumourCase], test: Sequence[TumourCase], seed: int, path: Path
) -> None:
    """Train, and keep the embeddings: of the training part, of the test part, and of that with distorted boxes."""
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
    np.savez(path, known=known, asked=asked, shaken=shaken, seconds=np.array(time.process_time() - started))


def _row(path: Path, training: Sequence[TumourCase], test: Sequence[TumourCase]) -> dict[str, object]:
    """Criterion -> score at each k, as outlined and distorted."""
    with np.load(path) as kept:
        return {
            "arm": path.stem,
            "seconds": round(float(kept["seconds"])),
            "width": int(kept["known"].shape[1]),
            "k": NEIGHBOURS,
            "scores": _against_k(kept["known"], kept["asked"], training, test),
            "distorted": _against_k(kept["known"], kept["shaken"], training, test),
        }


def _over_seeds(arm: str, rows: Sequence[dict[str, object]]) -> str:
    """A line of the table: mean over seeds at k = 10, with the least and the most, and what distortion costs."""
    at, cells = NEIGHBOURS.index(10), []
    tables = [
        {kind: {name: one[at] for name, one in row[kind].items()} for kind in ("scores", "distorted")}  # type: ignore[attr-defined]
        for row in rows
    ]
    for name in tables[0]["scores"]:
        values = [table["scores"][name] for table in tables]
        shaken = float(np.mean([table["distorted"][name] for table in tables]))
        cells.append(
            f"{name} {np.mean(values):.3f} [{min(values):.3f}, {max(values):.3f}] ({shaken - np.mean(values):+.3f})"
        )
    means = [float(np.mean(list(table["scores"].values()))) for table in tables]
    return f"{arm} ({len(rows)} seeds): mean {np.mean(means):.3f}; {'; '.join(cells)}"


def _against_k(
    known: NDArray[np.float32],
    asked: NDArray[np.float32],
    training: Sequence[TumourCase],
    test: Sequence[TumourCase],
) -> dict[str, list[float]]:
    rows: dict[str, list[float]] = {}
    for criterion in TUMOUR_CRITERIA:
        truth, votes = terms_of(test, criterion), terms_of(training, criterion)
        here, there = truth != UNKNOWN, votes != UNKNOWN
        rows[criterion] = [
            float((knn_terms(asked[here], known[there], votes[there], k=k) == truth[here]).mean()) for k in NEIGHBOURS
        ]
    away = ((asked[:, None].astype(np.float64) - known[None]) ** 2).sum(axis=2)
    nearest, sizes = np.argsort(away, axis=1), _log_sizes(training)
    wrong = [np.abs(sizes[nearest[:, :k]].mean(axis=1) - _log_sizes(test)) for k in NEIGHBOURS]
    rows["size"] = [float((one < np.log(SIZE_FACTOR)).mean()) for one in wrong]
    return rows


def _log_sizes(cases: Sequence[TumourCase]) -> NDArray[np.float64]:
    """(T,) log of the volume of each box, in prepared voxels."""
    volumes = [np.subtract(box.stop, box.start).prod() for case in cases for box in case.boxes]
    return np.log(np.array(volumes, float))


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


def _picture(path: Path, test: Sequence[TumourCase]) -> None:
    """The map of the test part, coloured by type, side and size."""
    import matplotlib.pyplot as plt
    from sklearn.manifold import TSNE

    with np.load(path) as kept:
        places = TSNE(random_state=0, perplexity=max(2, min(30, len(kept["asked"]) // 4))).fit_transform(kept["asked"])
    colours = {"type": terms_of(test, "type"), "side": terms_of(test, "side"), "size": _log_sizes(test)}
    figure, axes = plt.subplots(1, 3, figsize=(12, 4))
    for axis, (name, values) in zip(axes, colours.items(), strict=True):
        axis.scatter(*places.T, c=values, s=10, cmap="viridis")
        axis.set_title(name)
        axis.set_axis_off()
    figure.savefig(path.with_suffix(".png"), dpi=120, bbox_inches="tight")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=80, help="heads to train with; they are the database")
    parser.add_argument("--test", type=int, default=100, help="heads to ask about")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", default=[UNTRAINED, *ARMS])
    parser.add_argument("--tag", default="default", help="name of these settings, such as width64")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
