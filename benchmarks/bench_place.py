"""One region on one slice named, on one core: milliseconds with the package loaded, and memory of the whole answer.

Two packages with 12,340 reference cases: the paper's VGG16 at 224 pixels, and the small one of docs/recipes.md. Weights
are random, which costs the same. The peer is the same network in PyTorch, views and comparison left out. Seconds of the
CPU stand beside the clock's, since a shared machine takes its share of the latter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOAL_MS, GOAL_MB, RUNS, REFERENCES = 150.0, 600.0, 5, 12_340
SMALL = ("eyes.backbone=mobilenetv2_100", "eyes.grid=3", "regions.local_size=96", "regions.global_size=96")
PACKAGES: dict[str, tuple[str, ...]] = {"mobilenetv2_100 at 96": (*SMALL, "basenet.hidden=128"), "vgg16 at 224": ()}


def main() -> None:
    """Write each package, and let a process of its own answer with it."""
    for name, settings in PACKAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            peer = _write(Path(folder) / "package", ["eyes.weights=random", *settings])
            told = subprocess.run(
                [sys.executable, "-m", "benchmarks.bench_place", folder], check=True, capture_output=True, text=True
            )
        found = json.loads(told.stdout)
        print(
            f"one region on one slice, {name}, {REFERENCES} reference cases, one core: {found['ms']:.0f} ms, "
            f"{found['cpu_ms']:.0f} ms of CPU (goal {GOAL_MS:.0f} ms); peak {found['mb']:.0f} MB (goal {GOAL_MB:.0f} "
            f"MB, {found['start_mb']:.0f} MB of them before the package); PyTorch, network alone, {peer:.0f} ms, "
            f"{peer / found['cpu_ms']:.2f}x",
            flush=True,
        )


def answer(folder: Path) -> dict[str, float]:
    """Load, name, and say what it took."""
    import numpy as np

    from bregma.models.anatomy_package import load_anatomy_package
    from bregma.models.anatomy_predictor import AnatomyPredictor
    from bregma.preprocessing.pipeline import place
    from bregma.preprocessing.region_views import view_region
    from bregma.scan.volume import Geometry, Volume

    row, column = np.mgrid[:512, :512] - 255.5
    hu = np.where(np.hypot(row / 1.2, column) < 170, 35, -1000)[None].astype(np.int16)
    geometry = Geometry(512, 512, np.zeros((1, 3)), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (0.45, 0.45))
    volume, region = Volume(hu, geometry), np.hypot(row - 60, column) < 20
    before = _peak_mb()
    predictor = AnatomyPredictor(load_anatomy_package(folder / "package"), threads=1)
    settings = predictor.package.regions

    def name() -> None:
        where = place(volume, settings.slices)
        predictor.name([view_region(volume.values[0], region, where, settings)])

    clock, cpu = _best(name)
    memory = _peak_mb()
    return {"ms": clock, "cpu_ms": cpu, "mb": memory, "start_mb": before}


def _peak_mb() -> float:
    """Most memory of this process since it began; what getrusage says would include the process that started it."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1e3


def _best(work: Callable[[], Any]) -> tuple[float, float]:
    """Least milliseconds of the clock and of the CPU."""
    rows = []
    work()
    for _ in range(RUNS):
        clock, cpu = time.perf_counter(), time.process_time()
        work()
        rows.append((time.perf_counter() - clock, time.process_time() - cpu))
    return 1e3 * min(row[0] for row in rows), 1e3 * min(row[1] for row in rows)


def _write(folder: Path, settings: list[str]) -> float:
    """A package with random weights; the least milliseconds of CPU of the same network in PyTorch."""
    import numpy as np
    import torch

    from bregma.models.anatomy_package import AnatomyCard, ReferenceCase, write_anatomy_package
    from bregma.models.neighbours import unit
    from bregma.networks.relation_network import BaseNet, RelationNetwork
    from bregma.scan.terms import ANATOMY
    from bregma.training.anatomy_export import Served, anatomy_onnx
    from bregma.training.anatomy_recipe import load_anatomy_recipe
    from bregma.training.train_anatomy import make_eyes

    torch.set_num_threads(1)
    recipe = load_anatomy_recipe("anatomy_rn_nn", settings)
    eyes = make_eyes(recipe, seed=0)
    shape = recipe.basenet
    base = BaseNet(eyes.features, hidden=shape.hidden, embedding=shape.embedding).eval()
    relation = RelationNetwork(shape.embedding, hidden=recipe.relation.hidden).eval()
    vectors = np.random.default_rng(0).normal(size=(REFERENCES, shape.embedding)).astype(np.float32)
    write_anatomy_package(
        folder,
        card=AnatomyCard("bench", "s", "t", "m", (), recipe.digest, "nearest", recipe.relation.k, ()),
        regions=recipe.regions.settings,
        networks=anatomy_onnx(eyes, base, relation, recipe.regions.settings),
        vectors=unit(vectors),
        cases=tuple(ReferenceCase(f"1.{n}", f"p{n % 173}", n, "L1", ANATOMY[n % 15]) for n in range(REFERENCES)),
    )
    served, sizes = Served(eyes, base).eval(), (recipe.regions.local_size, recipe.regions.global_size)
    views = [torch.rand(1, 1, size, size) for size in sizes]
    with torch.inference_mode():
        return _best(lambda: served(*views))[1]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(answer(Path(sys.argv[1]))))
    else:
        main()
