"""Whether a trained slice network may be served in bfloat16 or in 8-bit integers: the same answers, the same AUC?

    python -m research.precision RUN LIBRARY [--split compare] [--part test]

Takes the best network of a finished run, shows it every slice of a part of the split in fp32, bf16 and int8, and prints
the largest and the mean difference in probability and the AUC of each form over slices and findings whose truth is
known. The 8-bit form is calibrated on slices of the training part.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from benchmarks.bench_backbones import quantised
from numpy.typing import NDArray
from torch import Tensor, nn

from bregma.catalogue.library import Library
from bregma.models.calibration import sigmoid
from bregma.models.engine import IMAGES, LOGITS, open_session
from bregma.training.cases import auc
from bregma.training.inputs import Inputs, fill_cache
from bregma.training.make_network import load_slice_network
from bregma.training.recipe import Recipe
from bregma.training.slice_cache import SliceCache
from bregma.training.truth import load_targets

CALIBRATING = 64
"""Slices of the training part that the 8-bit form is calibrated on."""

Numbers = NDArray[np.float32]


def inputs_of(library: Library, recipe: Recipe, folder: Path, split: str, part: str) -> Inputs:
    """A part of the split, prepared as the recipe says."""
    settings, records = recipe.preprocessing.settings, library.scans(split, part)
    cache = SliceCache(folder, settings.alone.digest)
    fill_cache(library, records, cache, settings.alone, masks=False)
    return Inputs(load_targets(library, records, recipe.findings), cache, neighbours=settings.neighbours, masks=False)


def in_torch(network: nn.Module, images: Tensor, *, bf16: bool) -> Numbers:
    """(N, K) probabilities."""
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        parts = [network.read_scan(part)[0].float() for part in images.split(32)]  # type: ignore[operator]
    return sigmoid(torch.cat(parts).numpy())


def in_onnx(model: bytes, images: Tensor) -> Numbers:
    """(N, K) probabilities, slice after slice."""
    session = open_session(model, threads=1)
    return sigmoid(np.concatenate([session.run([LOGITS], {IMAGES: one.numpy()})[0] for one in images.split(1)]))


def report(name: str, said: Numbers, fp32: Numbers, inputs: Inputs, findings: tuple[str, ...]) -> str:
    """A row of the table: differences to fp32, and the AUC of each finding."""
    value, known = (np.concatenate([getattr(scan, word) for scan in inputs.scans]) for word in ("value", "known"))
    areas = [auc(said[known[:, k], k].astype(np.float64), value[known[:, k], k] >= 0.5) for k in range(len(findings))]
    apart = np.abs(said - fp32)
    return f"| {name} | {apart.max():.4f} | {apart.mean():.5f} | " + " | ".join(f"{area:.4f}" for area in areas) + " |"


def main() -> None:
    """Show, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--split", default="compare")
    parser.add_argument("--part", default="test")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    recipe, network = load_slice_network(asked.run)
    with TemporaryDirectory() as name, Library.open(asked.library) as library:
        shown, taught = (inputs_of(library, recipe, Path(name), asked.split, part) for part in (asked.part, "train"))
        images = torch.from_numpy(np.concatenate([shown.images(index) for index in range(len(shown.scans))]))
        some = np.linspace(0, len(taught.scans) - 1, CALIBRATING).astype(int)
        calibrating = torch.from_numpy(np.stack([(one := taught.images(index))[len(one) // 2] for index in some]))
        fp32 = in_torch(network, images, bf16=False)
        forms = {
            "fp32": fp32,
            "bf16": in_torch(network, images, bf16=True),
            "int8": in_onnx(quantised(network, calibrating), images),
        }
        print(f"{len(images)} slices of {len(shown.scans)} scans")
        print(f"| form | largest difference | mean | {' | '.join(f'AUC {name}' for name in recipe.findings)} |")
        for form, said in forms.items():
            print(report(form, said, fp32, shown, recipe.findings))


if __name__ == "__main__":
    main()
