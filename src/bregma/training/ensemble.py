"""Runs of one recipe that differ by their seed alone become one package, with thresholds of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bregma.catalogue.library import Library
from bregma.catalogue.records import without_mr
from bregma.models.package import Package
from bregma.networks.ensemble import Ensemble
from bregma.scan.errors import RequestError
from bregma.training.card import Origin
from bregma.training.export import export_package
from bregma.training.inputs import Progress
from bregma.training.make_network import IDENTITY, load_slice_network, without_first_weights
from bregma.training.run_data import claim_data, data_of
from bregma.training.train import PACKAGE, TRAIN, Run, prepare_job

CALLED = "a run of the ensemble"


@dataclass(frozen=True, slots=True)
class _Identity:
    """What decides a finished run: its seed, its split, and all that has to be alike."""

    seed: int
    split: str
    alike: dict[str, object]


def make_ensemble(
    runs: Sequence[Path],
    library: Library,
    folder: Path,
    *,
    threads: int | None = None,
    preparing: Progress | None = None,
) -> Package:
    """Write the package of several runs; temperature, rule and operating points are chosen anew for their mean.

    Args:
        runs: folders of finished runs of one recipe on the same data, whose networks see each slice by itself.
        library: that they learned from.
        folder: of the package.
        threads: arithmetic threads on the CPU; None for one per core.
        preparing: called with (scans prepared, scans in all) where the library has no prepared slices any more.

    Raises:
        RequestError: fewer than two runs, or they differ by more than their seeds, are not finished, or learned from
            other data than the library has now.
        PackageError: the ONNX form answers differently.
    """
    loaded = [load_slice_network(one, called=CALLED) for one in runs]
    identities, recipe = _alike(runs), loaded[0][0]
    run = Run(folder, split=identities[0].split, seed=identities[0].seed, device="cpu", threads=threads)
    job = prepare_job(without_first_weights(recipe), library, run, preparing=preparing)
    for one in runs:
        claim_data(one / IDENTITY, data_of(job.training, job.validation))
    job = replace(job, recipe=recipe, network=job.machine.place(Ensemble([network for _, network in loaded])))
    seeds = tuple(one.seed for one in identities)
    return export_package(job, folder, Origin(run.split, seeds, without_mr(library.scans(run.split, TRAIN))))


def _alike(runs: Sequence[Path]) -> list[_Identity]:
    """What decides each run, when it is the same but for the seed."""
    if len(runs) < 2:
        raise RequestError(f"an ensemble of {len(runs)} run was asked for; name at least 2 that differ by their seed")
    identities = [_identity(run) for run in runs]
    first = identities[0]
    for run, one in zip(runs[1:], identities[1:], strict=True):
        if different := sorted(key for key in first.alike | one.alike if first.alike.get(key) != one.alike.get(key)):
            raise RequestError(
                f"{runs[0]} and {run} have another {', '.join(different)}; the runs of an ensemble differ by their "
                "seed alone"
            )
    if len({one.seed for one in identities}) < len(runs):
        seeds = ", ".join(str(one.seed) for one in identities)
        raise RequestError(f"the runs have the seeds {seeds}; each needs a seed of its own to add anything")
    return identities


def _identity(run: Path) -> _Identity:
    if not (run / PACKAGE).is_dir() or not (run / IDENTITY).is_file():
        raise RequestError(f"{CALLED} is {str(run)!r}, which has not ended; call `bregma train` for it again")
    known = json.loads((run / IDENTITY).read_text())
    return _Identity(known.pop("seed"), known["split"], known)
