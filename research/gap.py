"""The gap between drawn and real slices, as pictures and numbers: the same windows, the same tissue, the same features.

    python -m research.gap HEADS --out FOLDER [--run RUN] [--data FOLDER]

HEADS is a folder that `bregma phantom` wrote. Writes side_by_side.png (drawn above real, brain and subdural window),
densities.png with a table of what lies inside the skull, and with --run, a training run of a slice network,
features.png: where drawn and real slices lie in that network's features, and how well they can be told apart there.
The pictures show real patients' slices: look at them, and keep them to yourself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bregma.io.find import find_scans
from bregma.preprocessing.orient import turn
from bregma.preprocessing.pipeline import place, prepare
from bregma.preprocessing.resample import shrink
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import PRESETS
from bregma.scan.study import Refusal
from bregma.scan.volume import Volume
from bregma.training.make_network import load_slice_network
from bregma.training.recipe import load_recipe
from research.real import DATA

REAL = {"RSNA": "rsna_slices", "RSNA study": "rsna_study_unlabelled", "GE": "ge_head_tilt", "CT-ICH": "ct_ich_slices"}
"""Sets of real heads in Hounsfield units."""

BONE_HU, INSIDE_CM2 = 300, 40
"""What encloses the brain, and how much of a slice has to lie inside it to be counted."""

SHOWN = 10
"""Slices of each kind in the picture."""

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One slice: of what, in Hounsfield units on prepared pixels (S, S), and as the network sees it (C, S, S)."""

    kind: str
    hu: Plane
    image: Plane


def slices_of(kind: str, folder: Path, settings: Preprocessing, every: int) -> Iterator[Looked]:
    """Every so many slices of every scan of a folder that can be read."""
    for found in find_scans(folder):
        if isinstance(found, Refusal) or found.refusal is not None:
            continue
        yield from _slices(kind, found.volume, settings, every)


def _slices(kind: str, volume: Volume, settings: Preprocessing, every: int) -> Iterator[Looked]:
    placement = place(volume, settings)
    hu = np.full((len(volume.values), settings.size, settings.size), -1000, np.float32)
    shrink(turn(volume.values, placement.orientation), placement.rows, placement.columns, hu)
    images = prepare(volume, settings).images
    for index in range(0, len(hu), every):
        yield Looked(kind, hu[index], images[index])


def inside_skull(hu: Plane, pixel_mm: float) -> NDArray[np.bool_]:
    """(S, S): what bone encloses, without the rim that bone brightens; empty where it encloses little."""
    closed = cv2.morphologyEx((hu > BONE_HU).view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(1 - closed, connectivity=4)
    inner = (labels != labels[0, 0]) & (closed == 0)
    inner = cv2.erode(inner.view(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    return inner if inner.sum() * pixel_mm**2 / 100 >= INSIDE_CM2 else np.zeros_like(inner)


def densities(looked: Sequence[Looked], pixel_mm: float) -> NDArray[np.float64]:
    """Hounsfield units of all that lies inside the skull on these slices."""
    return np.concatenate([one.hu[inside_skull(one.hu, pixel_mm)].astype(np.float64) for one in looked])


def density_row(kind: str, values: NDArray[np.float64]) -> str:
    """Quantiles of tissue, and shares of what is as dark as water and as dense as blood."""
    tissue = values[(values > -20) & (values < 100)]
    low, middle, high = np.quantile(tissue, (0.1, 0.5, 0.9))
    shares = [100 * float((tissue < 15).mean()), 100 * float((tissue > 50).mean()), 100 * float((tissue > 65).mean())]
    return (
        f"| {kind} | {low:.0f} | {middle:.0f} | {high:.0f} | " + " | ".join(f"{share:.1f}" for share in shares) + " |"
    )


def picture_of_densities(by_kind: dict[str, NDArray[np.float64]], path: Path) -> None:
    """One curve per kind."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4))
    for kind, values in by_kind.items():
        counts, edges = np.histogram(values, bins=np.arange(-20, 101, 2), density=True)
        axis.plot((edges[:-1] + edges[1:]) / 2, counts, label=kind, linewidth=3 if kind == "drawn" else 1.2)
    axis.set_xlabel("HU inside the skull")
    axis.set_ylabel("share per HU")
    axis.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def side_by_side(looked: Sequence[Looked], path: Path, rng: np.random.Generator) -> None:
    """A row per kind and window: the same windows for all."""
    rows = []
    for window in ("brain", "subdural"):
        shown = PRESETS[window]
        for kind in dict.fromkeys(one.kind for one in looked):
            of_kind = [one for one in looked if one.kind == kind]
            chosen = [of_kind[index] for index in rng.permutation(len(of_kind))[:SHOWN]]
            tiles = [np.clip((one.hu - shown.low) / shown.width, 0, 1) * 255 for one in chosen]
            tiles += [np.zeros_like(looked[0].hu)] * (SHOWN - len(tiles))
            row = np.ascontiguousarray(np.concatenate(tiles, axis=1).astype(np.uint8))
            cv2.putText(row, f"{kind}, {window}", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255)
            rows.append(row)
    cv2.imwrite(str(path), np.concatenate(rows))


def features(run: Path, looked: Sequence[Looked]) -> NDArray[np.float32]:
    """(N, E) what the slice network of a run pools from each slice."""
    _, network = load_slice_network(run)
    with torch.inference_mode():
        parts = [network.look(torch.from_numpy(one.image[None]))[0] for one in looked]  # type: ignore[operator]
    return torch.cat(parts).numpy()


def told_apart(values: NDArray[np.float32], kinds: Sequence[str]) -> list[str]:
    """For each kind of real slices, the AUC with which a straight line tells them from drawn ones, five-fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    lines = []
    for kind in dict.fromkeys(kinds):
        if kind == "drawn":
            continue
        of_two = np.array([one in ("drawn", kind) for one in kinds])
        real = np.array(kinds)[of_two] == kind
        judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))
        scores = cross_val_predict(judge, values[of_two], real, cv=min(5, int(real.sum())), method="decision_function")
        lines.append(f"{kind}: told from drawn slices with an AUC of {roc_auc_score(real, scores):.2f}")
    return lines


def picture_of_features(values: NDArray[np.float32], kinds: Sequence[str], path: Path) -> None:
    """t-SNE of all slices, coloured by kind."""
    import matplotlib.pyplot as plt
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    places = TSNE(random_state=0, perplexity=30).fit_transform(StandardScaler().fit_transform(values))
    figure, axis = plt.subplots(figsize=(7, 6))
    for kind in dict.fromkeys(kinds):
        of_kind = np.array(kinds) == kind
        axis.scatter(*places[of_kind].T, s=8, label=kind, alpha=0.4 if kind == "drawn" else 0.9)
    axis.legend()
    axis.set_axis_off()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def main() -> None:
    """Look, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", type=Path, help="folder that `bregma phantom` wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--run", type=Path, help="training run of a slice network, for features.png")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--studies", type=int, default=40, help="drawn studies that are looked at")
    asked = parser.parse_args()
    recipe = load_slice_network(asked.run)[0] if asked.run else load_recipe("segmenter")
    settings = recipe.preprocessing.settings
    studies = sorted(path for path in (asked.heads / "scans").iterdir() if path.is_dir())[: asked.studies]
    looked = [one for study in studies for one in slices_of("drawn", study, settings, every=4)]
    for kind, folder in REAL.items():
        looked += slices_of(kind, asked.data / folder, settings, every=1)
    asked.out.mkdir(parents=True, exist_ok=True)
    side_by_side(looked, asked.out / "side_by_side.png", np.random.default_rng(0))
    kinds = [one.kind for one in looked]
    by_kind = {
        kind: densities([one for one in looked if one.kind == kind], settings.pixel_mm) for kind in dict.fromkeys(kinds)
    }
    picture_of_densities(by_kind, asked.out / "densities.png")
    print("| slices | 10 % | 50 % | 90 % | below 15 HU, % | above 50 HU, % | above 65 HU, % |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(density_row(kind, values) for kind, values in by_kind.items()))
    if asked.run:
        values = features(asked.run, looked)
        picture_of_features(values, kinds, asked.out / "features.png")
        print("\n".join(told_apart(values, kinds)))


if __name__ == "__main__":
    main()
