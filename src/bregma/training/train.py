"""From a recipe and a library to a model package: the one door of training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch

from bregma.catalogue.library import Library
from bregma.networks.by_name import NETWORKS
from bregma.scan.errors import RequestError
from bregma.training.cache import SliceCache
from bregma.training.checkpoint import BEST, LAST, restore_weights, write_whole
from bregma.training.devices import choose_machine
from bregma.training.export import Origin, export_package
from bregma.training.inputs import Inputs, fill_cache, load_targets
from bregma.training.loop import Job, fit
from bregma.training.recipe import Recipe, digest_of

TRAIN, VALIDATION = "train", "validation"
PACKAGE, IDENTITY, RECIPE = "package", "run.json", "recipe.json"


def train(
    recipe: Recipe,
    library: Library,
    run: Path,
    *,
    split: str = "default",
    seed: int = 0,
    resume: bool = True,
    device: str = "auto",
    threads: int | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Train a recipe and export its best network; called again for the same folder, it goes on where it stopped.

    Args:
        recipe: from `load_recipe`.
        library: with a split that has the parts "train" and "validation".
        run: folder for states, curves and the package.
        split: name of the split.
        seed: of weights, order and augmentation.
        resume: False forgets what is in the folder and starts anew.
        device: "auto", "cpu" or "cuda".
        threads: arithmetic threads on the CPU.
        cache: folder of the prepared slices; in the library when None, where all runs share them.
        progress: called with (steps done, steps in all).

    Returns:
        The folder of the package.

    Raises:
        RequestError: the folder is another run's, or the split has no scans.
        StoppedError: somebody asked to stop; the state is saved.
    """
    _claim(run, recipe, seed=seed, split=split, resume=resume)
    job = prepare_job(
        recipe,
        library,
        run,
        split=split,
        seed=seed,
        device=device,
        threads=threads,
        cache=cache or library.layout.root / "prepared",
        progress=progress,
    )
    package = run / PACKAGE
    if package.exists():
        return package
    fit(job)
    restore_weights(run / BEST, job.network)
    origin = Origin(recipe_digest=digest_of(recipe), seed=seed, split=split, training_scans=len(job.training.scans))
    export_package(job, package, origin)
    return package


def prepare_job(
    recipe: Recipe,
    library: Library,
    run: Path,
    *,
    split: str,
    seed: int,
    device: str,
    threads: int | None,
    cache: Path,
    progress: Callable[[int, int], None] | None,
) -> Job:
    """Network, machine and inputs of a run; scans that are not in the cache are prepared now."""
    machine = choose_machine(device, recipe.loop.precision, threads=threads)
    settings = recipe.preprocessing.settings
    slices = SliceCache(cache, settings.digest)
    parts = {}
    for part in (TRAIN, VALIDATION):
        records = library.scans(split, part)
        fill_cache(library, records, slices, settings)
        parts[part] = records, load_targets(library, records, recipe.findings)
    return Job(
        recipe=recipe,
        seed=seed,
        run=run,
        network=machine.place(make_network(recipe, seed=seed)),
        machine=machine,
        training=Inputs(parts[TRAIN][1], slices, recipe.augmentation.settings),
        validation=Inputs(parts[VALIDATION][1], slices),
        records=parts[VALIDATION][0],
        progress=progress,
    )


def make_network(recipe: Recipe, *, seed: int) -> torch.nn.Module:
    """The recipe's network with its first weights, which the seed fixes."""
    torch.manual_seed(seed)
    shape = recipe.network.model_dump(exclude={"name"})
    return NETWORKS[recipe.network.name](
        channels=len(recipe.preprocessing.windows), findings=len(recipe.findings), **shape
    )


def _claim(run: Path, recipe: Recipe, *, seed: int, split: str, resume: bool) -> None:
    """Make the folder this run's, or check that it is."""
    run.mkdir(parents=True, exist_ok=True)
    identity = {"recipe": digest_of(recipe), "seed": seed, "split": split}
    path = run / IDENTITY
    if not resume:
        (run / LAST).unlink(missing_ok=True)
        _forget_package(run)
    elif path.exists() and (other := json.loads(path.read_text())) != identity:
        different = ", ".join(key for key in identity if other.get(key) != identity[key])
        raise RequestError(f"{run} holds a run with another {different}; choose another folder, or start it anew")
    write_whole(run / RECIPE, json.dumps(recipe.model_dump(mode="json"), indent=1).encode())
    write_whole(path, json.dumps(identity).encode())


def _forget_package(run: Path) -> None:
    for path in (run / PACKAGE).glob("*"):
        path.unlink()
    if (run / PACKAGE).exists():
        (run / PACKAGE).rmdir()
