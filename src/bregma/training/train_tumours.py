"""From a tumour recipe and a library to a package that embeds tumours.

Why this is not the general trainer: docs/decisions/0009-tumour-multitask.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import torch

from bregma.catalogue.library import Library
from bregma.catalogue.tumours import load_tumour_scan, tumour_scans
from bregma.models.tumour_package import TumourCard, write_tumour_package
from bregma.networks.tumour_multitask import TumourNetwork
from bregma.scan.counted import counted
from bregma.scan.errors import RequestError
from bregma.scan.tumour import TumourScan
from bregma.training.checkpoint import write_whole
from bregma.training.devices import Machine, choose_machine
from bregma.training.inputs import Progress
from bregma.training.run_lock import alone_in
from bregma.training.train import PACKAGE, TRAIN, VALIDATION, Run
from bregma.training.tumour_export import tumour_onnx
from bregma.training.tumour_figures import knn_metrics
from bregma.training.tumour_loop import TumourJob, fit_tumours
from bregma.training.tumour_recipe import TumourRecipe
from bregma.training.tumour_set import TumourCase, make_case, scan_digest

IDENTITY = "tumour_run.json"

LIMITS = (
    "Similar means near in what the network learned; whoever uses a hit looks at both scans.",
    "It answers for boxes that are given to it, and finds no tumours.",
    "It knows T1 with contrast only.",
)


def train_tumours(recipe: TumourRecipe, library: Library, run: Run, *, progress: Progress | None = None) -> Path:
    """Train a recipe on the outlined tumours of a library, and write its package.

    Called again for the same folder, it goes on where it stopped.

    Args:
        recipe: from `load_tumour_recipe`.
        library: with a split that has the parts "train" and "validation".
        run: where, and with what seed.
        progress: called with (steps done, steps in all).

    Returns:
        The folder of the package.

    Raises:
        RequestError: the folder is another run's or of other data, or nobody outlined a tumour in the training part.
        StoppedError: somebody asked to stop; the state is saved.
    """
    load = partial(load_tumour_scan, library)
    training, validation = (map(load, uids) for uids in outlined_scans(library, run.split))
    cache = run.cache or library.layout.root / "prepared"
    return train_on_scans(recipe, training, validation, run, cache=cache, progress=progress)


def outlined_scans(library: Library, split: str) -> tuple[list[str], list[str]]:
    """The series with outlined tumours in the parts "train" and "validation".

    Raises:
        RequestError: there is no such split, or it has no such part.
    """
    return tumour_scans(library, split, TRAIN), tumour_scans(library, split, VALIDATION)


def train_on_scans(
    recipe: TumourRecipe,
    training: Iterable[TumourScan],
    validation: Iterable[TumourScan],
    run: Run,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """The same on scans from anywhere, each read once; prepared ones are kept in `cache`, or in memory when None.

    Raises:
        RequestError: as `train_tumours`.
        StoppedError: likewise.
    """
    package = run.folder / PACKAGE
    job = None if package.exists() else _begin(recipe, run)  # before the folder is claimed: weights may not be there
    sets = [_prepare(recipe, scans, cache) for scans in (training, validation)]
    (learned_from, first), (measured_on, second) = sets
    if not any(case.boxes for case in learned_from):
        raise RequestError(f"the part {TRAIN!r} of split {run.split!r} has no outlined tumour to learn from")
    with alone_in(run.folder):
        _claim(recipe, run, [*first, "", *second])
        if job is not None and not package.exists():
            network, machine = job
            fit = TumourJob(recipe, run.seed, run.folder, network, machine, learned_from, measured_on, progress)
            _fit_and_write(fit, run, package)
    return package


def _begin(recipe: TumourRecipe, run: Run) -> tuple[TumourNetwork, Machine]:
    """The network with its first weights, where it will learn."""
    machine = choose_machine(run.device, recipe.loop.precision, threads=run.threads)
    torch.manual_seed(run.seed)
    return recipe.make_network().to(machine.device), machine


def _fit_and_write(job: TumourJob, run: Run, package: Path) -> None:
    fit_tumours(job)
    write_tumour_package(
        package,
        card=_card(job.recipe, run, job.network, job.training, job.validation),
        view=job.recipe.view.settings,
        onnx=tumour_onnx(job.network, job.recipe.view.patch),
    )


def _prepare(
    recipe: TumourRecipe, scans: Iterable[TumourScan], cache: Path | None
) -> tuple[list[TumourCase], list[str]]:
    """Prepared scans, and digests of what they were made of; no more than one stored scan is held at a time."""
    cases, digests = [], []
    for scan in scans:
        cases.append(make_case(scan, recipe.view.settings, folder=cache))
        digests.append(scan_digest(scan))
    return cases, digests


def _claim(recipe: TumourRecipe, run: Run, data: Sequence[str]) -> None:
    """Make the folder this run's, or check that it is."""
    run.folder.mkdir(parents=True, exist_ok=True)
    identity = {"recipe": recipe.digest, "seed": run.seed, "split": run.split, "data": list(data)}
    path = run.folder / IDENTITY
    if path.exists() and (other := json.loads(path.read_text())) != identity:
        different = ", ".join(sorted(key for key in identity if other.get(key) != identity[key]))
        raise RequestError(
            f"{run.folder} holds a run with another {different}; choose another folder, or delete this one"
        )
    write_whole(run.folder / "recipe.json", json.dumps(recipe.model_dump(mode="json"), indent=1).encode())
    write_whole(path, json.dumps(identity).encode())


def _card(
    recipe: TumourRecipe,
    run: Run,
    network: TumourNetwork,
    training: Sequence[TumourCase],
    validation: Sequence[TumourCase],
) -> TumourCard:
    metrics = knn_metrics(network, training, validation, size=recipe.view.patch, k=recipe.neighbours)
    measured = f"{_count(validation)}, the part {VALIDATION!r} of the same split, against the training part"
    return TumourCard(
        name=recipe.name,
        summary="Gives tumours on T1 with contrast an embedding in which similar ones lie near each other.",
        trained_on=f"{_count(training)}, the part {TRAIN!r} of split {run.split!r}, by patient; seed {run.seed}",
        measured_on=measured if metrics else "nothing: the validation part has no tumour of which anything is known",
        limits=LIMITS,
        recipe_digest=recipe.digest,
        width=network.width,
        tasks=tuple(name for name, weight in recipe.tasks.model_dump().items() if weight > 0),
        metrics=metrics,
    )


def _count(cases: Sequence[TumourCase]) -> str:
    """Tumours and patients in words: "120 tumours of 14 patients"."""
    tumours, patients = sum(len(case.boxes) for case in cases), {case.patient for case in cases}
    return f"{counted(tumours, 'tumour')} of {counted(len(patients), 'patient')}"
