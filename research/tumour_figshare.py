"""Real T1c slices of Cheng's figshare set: do hits of other patients have the query's tumour type?

`python -m research.tumour_figshare embed --data DIR --out DIR [--arms multitask ...] [--folds 0 1 2 3 4]` trains and
embeds, fold by fold, going on where it stopped; `python -m research.tumour_figshare figures --out DIR` measures what is
there. Five folds by patient, types alike in each; queries are the slices of a fold and hits those of the other four, so
no hit is of the query's patient (the protocol of Cheng et al. 2016). Letters: N slices, E embedding.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bregma.models.tumour_package import TumourCard, write_tumour_package
from bregma.networks.backbone import Backbone
from bregma.networks.tumour_multitask import TumourNetwork
from bregma.scan.tumour import TumourScan, tumours_of_map
from bregma.scan.volume import Geometry, Volume
from bregma.training.devices import choose_machine
from bregma.training.train_tumours import LIMITS
from bregma.training.tumour_export import embed_cases, tumour_onnx
from bregma.training.tumour_loop import TumourJob, fit_tumours
from bregma.training.tumour_recipe import TumourRecipe, load_tumour_recipe
from bregma.training.tumour_set import TumourCase, make_case

FOLDS = 5
ONLY_TYPE = ["tasks.mask=0.0"]
LEARNED = {"multitask": [], "single": ONLY_TYPE, "mask": ["tasks.type=0.0"]}
"""Arms that learn -> what they change; labels besides mask and type do not exist here."""

UNLEARNED = ("imagenet", "imagenet_patch", "random")
PLANES = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
"""Which way columns and rows run; heads are shown the usual way."""

CROP, MARGIN = 128, 0.2
"""Side of the picture that ImageNet's network sees, and how much around the tumour."""


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A slice of the set."""

    image: Path
    mask: Path
    patient: str
    name: str
    plane: str
    pixel_mm: float


def main() -> None:
    """Train and embed, or measure."""
    asked = _arguments()
    if asked.what == "figures":
        from research.tumour_figshare_figures import print_figures

        print_figures(asked.out, FOLDS)
        return
    torch.set_num_threads(1)
    rows = read_rows(asked.data)
    folds = folds_of(rows)
    scans = [read_scan(row) for row in rows]
    weights = str(asked.data.parent / "weights" / "mobilenetv2_100_imagenet_features.safetensors")
    asked.out.mkdir(parents=True, exist_ok=True)
    table = {"patient": [row.patient for row in rows], "type": [row.name for row in rows], "fold": folds.tolist()}
    table |= {"plane": [row.plane for row in rows]}
    (asked.out / "slices.json").write_text(json.dumps(table))
    for fold in asked.folds:
        for arm in asked.arms:
            _one(asked.out, scans, folds, arm, fold, weights, asked.set)


def _one(
    out: Path, scans: Sequence[TumourScan], folds: NDArray[np.intp], arm: str, fold: int, weights: str, more: list[str]
) -> None:
    path = out / f"{arm}-{fold}.npy"
    if path.exists():
        return
    settings = [f'network.weights="{weights}"', "tasks.area=0.0", "tasks.side=0.0", "tasks.depth=0.0"]
    settings += ["tasks.height=0.0", *more, *LEARNED.get(arm, [])]
    if arm == "random":
        settings.append("network.weights=random")
    recipe = load_tumour_recipe("tumour_multitask_2d", settings)
    cases = [make_case(scan, recipe.view.settings, folder=out / "prepared") for scan in scans]
    if arm.startswith("imagenet"):
        vectors = _imagenet(cases, weights, whole=arm == "imagenet_patch", size=recipe.view.patch)
    else:
        torch.manual_seed(fold)
        network = recipe.make_network()
        if arm in LEARNED:
            run = out / f"run-{arm}-{fold}"
            _fit(run, recipe, network, cases, folds, fold)
            write_package(run / "package", recipe, network, f"figshare T1c slices without fold {fold} of {FOLDS}")
        vectors = embed_cases(network, cases, recipe.view.patch)
    np.save(path, vectors)
    print(arm, fold, vectors.shape, flush=True)


def _fit(
    run: Path,
    recipe: TumourRecipe,
    network: TumourNetwork,
    cases: Sequence[TumourCase],
    folds: NDArray[np.intp],
    fold: int,
) -> None:
    run.mkdir(exist_ok=True)
    training = [case for case, here in zip(cases, folds, strict=True) if here != fold]
    validation = [case for case, here in zip(cases, folds, strict=True) if here == fold]
    machine = choose_machine("cpu", "fp32", threads=1)
    fit_tumours(TumourJob(recipe, fold, run, network, machine, training, validation))


def write_package(folder: Path, recipe: TumourRecipe, network: TumourNetwork, learned_from: str) -> None:
    """The trained network as a package, for `bregma index` and `bregma similar`."""
    card = TumourCard(
        name=recipe.name,
        summary="Gives tumours on T1 with contrast an embedding in which similar ones lie near each other.",
        trained_on=learned_from,
        measured_on="docs/research/tumours.md",
        limits=LIMITS,
        recipe_digest=recipe.digest,
        width=network.width,
        tasks=tuple(name for name, weight in recipe.tasks.model_dump().items() if weight > 0),
    )
    write_tumour_package(folder, card=card, view=recipe.view.settings, onnx=tumour_onnx(network, recipe.view.patch))


def read_rows(data: Path) -> list[SliceRow]:
    """The table of the set."""
    with (data / "slices.csv").open(newline="") as file:
        return [
            SliceRow(
                data / row["image"],
                data / row["mask"],
                row["patient"],
                row["tumour_type"],
                row["plane"],
                float(row["pixel_mm"]),
            )
            for row in csv.DictReader(file)
        ]


def folds_of(rows: Sequence[SliceRow]) -> NDArray[np.intp]:
    """(N,) the fold of each slice: patients dealt out type by type, those with most slices first."""
    slices: dict[tuple[str, str], int] = {}
    for row in rows:
        slices[row.name, row.patient] = slices.get((row.name, row.patient), 0) + 1
    order = sorted(slices, key=lambda key: (key[0], -slices[key], key[1]))
    dealt = {patient: number % FOLDS for number, (_, patient) in enumerate(order)}
    return np.array([dealt[row.patient] for row in rows], np.intp)


def read_scan(row: SliceRow) -> TumourScan:
    """A slice as a scan of one slice."""
    image = cv2.imread(str(row.image), cv2.IMREAD_GRAYSCALE)
    mask = cv2.imread(str(row.mask), cv2.IMREAD_GRAYSCALE)
    if image is None or mask is None:
        raise FileNotFoundError(row.image)
    along_row, along_column = (np.array(one) for one in PLANES[row.plane])
    geometry = Geometry(*image.shape, np.zeros((1, 3)), along_row, along_column, (row.pixel_mm, row.pixel_mm))
    numbers = (mask > 0).astype(np.uint8)[None]
    volume = Volume(image.astype(np.int16)[None], geometry)
    return TumourScan(row.image.stem, row.patient, volume, numbers, tumours_of_map(numbers, {1: {"type": row.name}}))


def _imagenet(
    cases: Sequence[TumourCase], weights: str, *, whole: bool, size: tuple[int, int, int]
) -> NDArray[np.float32]:
    """(N, 1280) means of MobileNetV2's last map of the tumour with a margin, or of the patch that ours looks at."""
    network = Backbone("mobilenetv2_100", channels=1, weights=weights).eval()
    views = np.stack([_crop(case, whole=whole, size=size) for case in cases])[:, None].astype(np.float32)
    with torch.inference_mode():
        parts = [network(part).numpy() for part in torch.from_numpy(views).split(32)]
    return np.concatenate(parts)


def _crop(case: TumourCase, *, whole: bool, size: tuple[int, int, int]) -> NDArray[np.float32]:
    box = case.boxes[0]
    (top, left), (bottom, right) = box.start[1:], box.stop[1:]
    middle = ((top + bottom) / 2, (left + right) / 2)
    side = size[1] if whole else max(bottom - top, right - left) * (1 + 2 * MARGIN)
    first = [round(max(0.0, at - side / 2)) for at in middle]
    last = [round(min(length, at + side / 2)) for at, length in zip(middle, case.shape[1:], strict=True)]
    part = case.values[0, first[0] : last[0], first[1] : last[1]].astype(np.float32)
    return np.clip(cv2.resize(part, (CROP, CROP)), 0, 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("embed", "figures"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", default=[*UNLEARNED, *LEARNED])
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
