"""Real bleeds named by a package that learned from drawn heads, as a picture to be looked at.

`python -m research.anatomy_real --weights FILE --out DIR --ct-ich FOLDER --rsna FOLDER`. The CT-ICH slices come with
outlines by hand, without a pixel size and with the head on its side: they are turned, and 0.47 mm is assumed, at which
these heads have the length of a head. On the RSNA slices the regions are those that the installed packages outline.
The package is trained on the regions of research/anatomy_phantoms.py, on all its drawn places.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray

from bregma.io.find import find_scans
from bregma.models.anatomy_package import AnatomyPackage, load_anatomy_package
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesions import Lesion, find_lesions, lesion_on_slice
from bregma.models.name_lesions import name_lesions
from bregma.models.package import installed_packages
from bregma.models.predictor import Predictor
from bregma.reading import read_scan
from bregma.scan.volume import Geometry, Scan, Volume
from bregma.training.train import Run
from bregma.training.train_anatomy import fit_both, write_trained
from research.anatomy_regions import add_arguments, recipe_of, regions_of

PIXEL_MM, LEAST_PIXELS, TILE = 0.47, 60, 320
Seen = tuple[str, NDArray[np.int16], list[tuple[Lesion, NDArray[np.bool_]]]]


def main() -> None:
    """Train when there is no package yet, name, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--ct-ich", type=Path, required=True)
    parser.add_argument("--rsna", type=Path, required=True)
    asked = parser.parse_args()
    predictor = AnatomyPredictor(_package(asked), threads=1)
    for name, slices in (("ct_ich", _hand_drawn(asked.ct_ich, predictor)), ("rsna", _outlined(asked.rsna, predictor))):
        tiles = []
        for title, hu, regions in slices:
            for lesion, _ in regions:
                print(name, title, lesion.id, _words(lesion), flush=True)
            tiles.append(_tile(title, hu, regions))
        rows = [np.concatenate(_filled(tiles[at : at + 4]), axis=1) for at in range(0, len(tiles), 4)]
        cv2.imwrite(str(asked.out / f"{name}.png"), np.concatenate(rows))


def _package(asked: argparse.Namespace) -> AnatomyPackage:
    folder = asked.out / "package"
    if not folder.exists():
        recipe, regions = recipe_of("anatomy_rn_nn", asked), regions_of(asked)
        trained = fit_both(recipe, regions.eyes, regions.training, seed=0)
        run = Run(folder, split="drawn")
        if regions.components is None:
            write_trained(folder, recipe, trained, regions.training, regions.test, run)
        else:
            folded = replace(trained, base=regions.components.folded(trained.base))
            write_trained(folder, recipe, folded, regions.training, None, run)
    return load_anatomy_package(folder)


def _hand_drawn(folder: Path, predictor: AnatomyPredictor) -> Iterator[Seen]:
    """Each slice with the connected parts of its outline."""
    for path in sorted(folder.glob("image_*.dcm")):
        hu, mask = (
            np.rot90(pydicom.dcmread(one, force=True).pixel_array)
            for one in (path, path.with_name(path.name.replace("image", "mask")))
        )
        side = len(hu)
        geometry = Geometry(
            side, side, np.zeros((1, 3)), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (PIXEL_MM, PIXEL_MM)
        )
        volume = Volume(np.ascontiguousarray(hu[None], np.int16), geometry)
        parts = [
            one for one in find_lesions((mask[None] > 0).astype(np.float32), None) if one.mask.sum() >= LEAST_PIXELS
        ]
        yield path.stem, volume.values[0], _named(parts, volume, predictor)


def _outlined(folder: Path, predictor: AnatomyPredictor) -> Iterator[Seen]:
    """Each slice that its reader calls positive, with what the installed packages outline on it."""
    with (folder / "labels.csv").open() as file:
        positive = {Path(row["file"]).name for row in csv.DictReader(file) if row["any"] == "1"}
    readers = [Predictor(package, threads=1) for package in installed_packages()]
    for scan in find_scans(folder):
        if isinstance(scan, Scan) and any(Path(one.file).name in positive for one in scan.slices):
            lesions = list(read_scan(scan, readers).lesions)
            name = Path(scan.slices[0].file).stem
            yield name, scan.volume.values[0], _named(lesions, scan.volume, predictor)


def _named(
    lesions: list[Lesion], volume: Volume, predictor: AnatomyPredictor
) -> list[tuple[Lesion, NDArray[np.bool_]]]:
    named = name_lesions(lesions, volume, predictor, patient="")
    shape = (volume.values.shape[1], volume.values.shape[2])
    return [(one, lesion_on_slice(one, 0, shape)) for one in named]


def _words(lesion: Lesion) -> str:
    """The two best places with their scores."""
    if lesion.place is None:
        return "outside the field of view"
    best = sorted(lesion.place.scores.items(), key=lambda item: -item[1])[:2]
    return ", ".join(f"{name} {score:.2f}" for name, score in best)


def _tile(title: str, hu: NDArray[np.int16], regions: list[tuple[Lesion, NDArray[np.bool_]]]) -> NDArray[np.uint8]:
    """One slice in the brain window with outlines and names."""
    grey = np.clip(hu.astype(np.float32) / 80 * 255, 0, 255).astype(np.uint8)
    image = cv2.resize(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), (TILE, TILE), interpolation=cv2.INTER_AREA)
    cv2.putText(image, title, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    for number, (lesion, mask) in enumerate(regions):
        small = cv2.resize(mask.astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_NEAREST)
        outlines = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(image, outlines, -1, (0, 0, 255), 1)
        words = f"{lesion.id} {'?' if lesion.place is None else lesion.place.place}"
        cv2.putText(image, words, (4, TILE - 6 - 12 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255))
    return np.asarray(image, np.uint8)


def _filled(tiles: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return tiles + [np.zeros((TILE, TILE, 3), np.uint8)] * (4 - len(tiles))


if __name__ == "__main__":
    main()
