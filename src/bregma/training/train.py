"""From a recipe and a library to a model package: the one door of training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord, without_mr
from bregma.networks.sequence import SequenceReader
from bregma.scan.errors import RequestError
from bregma.training.card import Origin
from bregma.training.checkpoint import BEST, LAST, restore_weights, write_whole
from bregma.training.devices import choose_machine
from bregma.training.export import export_package
from bregma.training.feature_inputs import with_features
from bregma.training.inputs import Inputs, Progress, fill_cache
from bregma.training.loop import Job, fit
from bregma.training.make_network import IDENTITY, RECIPE, base_identity, make_network
from bregma.training.recipe import Recipe
from bregma.training.recipe_file import digest_of
from bregma.training.run_data import DATA, claim_data, data_of
from bregma.training.run_lock import alone_in
from bregma.training.sampling import TrainingScan
from bregma.training.slice_cache import SliceCache
from bregma.training.truth import check_sources, load_targets

TRAIN, VALIDATION = "train", "validation"
PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Run:
    """One training run: where it lies, and what decides it besides the recipe and the library.

    Attributes:
        folder: for states, curves and the package.
        split: name of the split.
        seed: of weights, order and augmentation.
        device: "auto", "cpu" or "cuda".
        threads: arithmetic threads on the CPU; None for one per core.
        cache: folder of the prepared slices; in the library when None, where all runs share them.
    """

    folder: Path
    split: str = "default"
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    cache: Path | None = None


def train(
    recipe: Recipe,
    library: Library,
    run: Run,
    *,
    resume: bool = True,
    progress: Progress | None = None,
    preparing: Progress | None = None,
) -> Path:
    """Train a recipe and export its best network; called again for the same folder, it goes on where it stopped.

    Args:
        recipe: from `load_recipe`.
        library: with a split that has the parts "train" and "validation".
        run: where, and with what seed.
        resume: False forgets what is in the folder and starts anew.
        progress: called with (steps done, steps in all).
        preparing: called with (scans prepared, scans in all) before that.

    Returns:
        The folder of the package.

    Raises:
        RequestError: the folder is another run's, of other data or in use, or the split has no scans.
        StoppedError: somebody asked to stop; the state is saved.
    """
    identity = _identity(run, recipe)
    with alone_in(run.folder):
        _claim(run.folder, recipe, identity, resume=resume)
        job = prepare_job(recipe, library, run, progress=progress, preparing=preparing)
        claim_data(run.folder / IDENTITY, data_of(job.training, job.validation))
        package = run.folder / PACKAGE
        if package.exists():
            return package
        fit(job)
        restore_weights(run.folder / BEST, job.network)
        export_package(job, package, Origin(run.split, (run.seed,), without_mr(library.scans(run.split, TRAIN))))
        return package


def prepare_job(
    recipe: Recipe,
    library: Library,
    run: Run,
    *,
    progress: Progress | None = None,
    preparing: Progress | None = None,
) -> Job:
    """Network, machine and inputs of a run; scans that are not in the cache are prepared now.

    Args:
        recipe: from `load_recipe`.
        library: with the run's split.
        run: whose folder is there.
        progress: called with (steps done, steps in all) once the job runs.
        preparing: called with (scans prepared, scans in all).
    """
    machine = choose_machine(run.device, recipe.loop.precision, threads=run.threads)
    check_sources(recipe.labels.sources, library.sources())
    settings = recipe.preprocessing.settings
    folder = run.cache or library.layout.root / "prepared"
    slices, draws = SliceCache(folder, settings.alone.digest), recipe.network.draws
    records = {part: without_mr(library.scans(run.split, part)) for part in (TRAIN, VALIDATION)}
    known = {part: _known(library, recipe, records[part], part) for part in records}
    fill_cache(
        library, [*records[TRAIN], *records[VALIDATION]], slices, settings.alone, masks=draws, progress=preparing
    )
    job = Job(
        recipe=recipe,
        seed=run.seed,
        run=run.folder,
        network=machine.place(make_network(recipe, seed=run.seed)),
        machine=machine,
        training=Inputs(
            known[TRAIN],
            slices,
            recipe.augmentation.settings,
            settings.neighbours,
            masks=draws,
            windows=settings.windows,
        ),
        validation=Inputs(known[VALIDATION], slices, neighbours=settings.neighbours, masks=draws),
        records=records[VALIDATION],
        progress=progress,
    )
    return _with_features(job, records[TRAIN], folder)


def _known(library: Library, recipe: Recipe, records: Sequence[ScanRecord], part: str) -> list[TrainingScan]:
    """What is known about the scans of a part. One that teaches by both losses does so by labels of its own kind."""
    by_kind = part == TRAIN and recipe.loss.scan > 0 and recipe.loss.slice > 0
    return load_targets(library, records, recipe.findings, sources=recipe.labels.sources, by_kind=by_kind)


def _with_features(job: Job, training: Sequence[ScanRecord], folder: Path) -> Job:
    """The same job, fed with features if its network stands on a frozen one."""
    network, digest = job.network, job.recipe.preprocessing.settings.digest
    if not isinstance(network, SequenceReader):
        return job
    first, second = (
        with_features(inputs, records, network, job.machine, folder=folder, preprocessing=digest)
        for inputs, records in ((job.training, training), (job.validation, job.records))
    )
    return replace(job, training=first, validation=second)


def _identity(run: Run, recipe: Recipe) -> dict[str, object]:
    """What makes a run this one and no other; a recipe that stands on what is not there is refused here."""
    return {"recipe": digest_of(recipe), "seed": run.seed, "split": run.split, **base_identity(recipe, run.split)}


def _claim(folder: Path, recipe: Recipe, identity: dict[str, object], *, resume: bool) -> None:
    """Make the folder a run's, or check that it is."""
    path = folder / IDENTITY
    if not resume:
        (folder / LAST).unlink(missing_ok=True)
        _forget_package(folder)
    elif path.exists() and _has_begun(folder):
        other = json.loads(path.read_text())
        data = {DATA: other.pop(DATA)} if DATA in other else {}
        if other != identity:
            different = ", ".join(sorted(key for key in identity | other if other.get(key) != identity.get(key)))
            raise RequestError(
                f"{folder} holds a run with another {different}; choose another folder, or delete this one"
            )
        identity = identity | data
    write_whole(folder / RECIPE, json.dumps(recipe.model_dump(mode="json"), indent=1).encode())
    write_whole(path, json.dumps(identity).encode())


def _has_begun(folder: Path) -> bool:
    """Whether anything was learned in a folder: a run that was refused before its first step claims nothing."""
    return any((folder / name).exists() for name in (LAST, BEST, PACKAGE))


def _forget_package(folder: Path) -> None:
    for path in (folder / PACKAGE).glob("*"):
        path.unlink()
    if (folder / PACKAGE).exists():
        (folder / PACKAGE).rmdir()
