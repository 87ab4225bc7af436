"""From an anatomy recipe and a library to a package of places: regions, features, BaseNet, relation network, figures.

Why this is not the general trainer: docs/decisions/0006-relation-networks.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bregma.catalogue.library import Library
from bregma.evaluation.place_figures import PlaceFigures, place_figures
from bregma.models.anatomy_package import AnatomyCard, PlaceMetric, ReferenceCase, write_anatomy_package
from bregma.models.neighbours import References, Vectors
from bregma.networks.relation_network import BaseNet, Pool5, RelationNetwork
from bregma.scan.errors import RequestError
from bregma.scan.terms import ANATOMY
from bregma.training.anatomy_export import anatomy_onnx
from bregma.training.anatomy_recipe import AnatomyRecipe
from bregma.training.basenet_training import basenet_scores, embed, fit_basenet
from bregma.training.checkpoint import write_whole
from bregma.training.devices import choose_machine
from bregma.training.feature_cache import FeatureCache, features_digest
from bregma.training.inputs import Progress
from bregma.training.lesion_regions import lesion_regions
from bregma.training.region_set import RegionSet, ScanRegions, Versions, make_region_set, patient_numbers
from bregma.training.relation_training import fit_relation, relation_scores
from bregma.training.run_lock import alone_in
from bregma.training.train import PACKAGE, TRAIN, VALIDATION, Run

IDENTITY = "anatomy_run.json"

DRAWN_OR_NOT = (
    "It names a place for whatever it is shown, also where there is no lesion, and knows only the places that its "
    "reference cases have.",
    "A place is named slice by slice; nothing of the slices above and below is seen.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came out of both stages.

    Attributes:
        eyes: the frozen network.
        base: stage one.
        relation: stage two; None for BaseNet alone.
        references: embeddings of the training part.
    """

    eyes: Pool5
    base: BaseNet
    relation: RelationNetwork | None
    references: References


def train_anatomy(
    recipe: AnatomyRecipe,
    library: Library,
    run: Run,
    *,
    looking: Progress | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a recipe on the lesions of a library whose place is known, and write its package.

    Features stay in the library's folder, so that the same regions are looked at once; both stages together take less
    time than that and start anew when a run was stopped.

    Args:
        recipe: from `load_anatomy_recipe`.
        library: with a split that has the parts "train" and "validation".
        run: where, with what seed, and on which device the frozen network looks; both stages learn on the CPU.
        looking: called with (scans looked at, scans in all).
        progress: called with (epochs, epochs of both stages).

    Returns:
        The folder of the package.

    Raises:
        RequestError: the folder is another run's or in use, the training part has no region with a place, or there is
            no such device.
    """
    device = choose_machine(run.device, "fp32", threads=run.threads).device
    _check(recipe, run)
    package = run.folder / PACKAGE
    if package.exists():
        return package
    eyes = make_eyes(recipe, seed=run.seed)
    cache = feature_cache(recipe, eyes, run.cache or library.layout.root / "prepared")
    sets = {part: _regions_of(library, run.split, part) for part in (TRAIN, VALIDATION)}
    total = sum(map(len, sets.values()))
    look = partial(make_region_set, eyes=eyes.to(device), settings=recipe.regions.settings, cache=cache, device=device)
    training = look(sets[TRAIN], versions=versions_of(recipe, seed=run.seed), progress=_shown(looking, 0, total))
    validation = None
    with alone_in(run.folder):  # only now, so that a run that could not begin leaves no folder
        _claim(recipe, run)
        if any(scan.regions for scan in sets[VALIDATION]):
            validation = look(sets[VALIDATION], progress=_shown(looking, len(sets[TRAIN]), total))
        if not package.exists():
            trained = fit_both(recipe, eyes.to("cpu"), training, seed=run.seed, progress=progress)
            write_trained(package, recipe, trained, training, validation, run)
    return package


def make_eyes(recipe: AnatomyRecipe, *, seed: int) -> Pool5:
    """The frozen network; random weights follow the seed."""
    torch.manual_seed(seed)
    try:
        return Pool5(recipe.eyes.backbone, weights=recipe.eyes.weights, grid=recipe.eyes.grid).eval()
    except RequestError as error:
        raise RequestError(str(error).replace("network.weights", "eyes.weights")) from error


def feature_cache(recipe: AnatomyRecipe, eyes: Pool5, folder: Path) -> FeatureCache:
    """Features of these eyes and of this way of showing regions."""
    return FeatureCache(folder, features_digest(eyes, f"{recipe.regions.settings.digest} grid {recipe.eyes.grid}"))


def versions_of(recipe: AnatomyRecipe, *, seed: int) -> Versions:
    """The changed versions of rare places that stage one is shown."""
    return Versions(recipe.basenet.changes, recipe.basenet.versions, recipe.basenet.per_class, seed)


def fit_both(
    recipe: AnatomyRecipe, eyes: Pool5, training: RegionSet, *, seed: int, progress: Progress | None = None
) -> Trained:
    """Stage one, then stage two on its frozen embedding."""
    settings, relation, before = recipe.relation.settings, None, recipe.basenet.epochs
    show = _shown(progress, 0, before + (0 if settings is None else settings.epochs))
    base = fit_basenet(training, recipe.basenet.settings, seed=seed, after_epoch=show)
    references = references_of(base, training)
    if settings is not None:
        relation = fit_relation(
            references, settings, classes=len(ANATOMY), seed=seed, after_epoch=lambda end: show(before + end.epoch)
        )
    return Trained(eyes, base, relation, references)


def references_of(base: BaseNet, training: RegionSet) -> References:
    """The regions of the training part, as stage two learns from them and as answers are compared with."""
    return References(embed(base, training.plain), training.places, patient_numbers(training)[0])


def scores_of(recipe: AnatomyRecipe, trained: Trained, training: RegionSet, asked: RegionSet) -> Vectors:
    """(N, C) what is said of regions, compared with the training part's."""
    settings = recipe.relation.settings
    if trained.relation is None or settings is None:
        return basenet_scores(trained.base, asked.plain)
    patients = patient_numbers(training, asked)[1]
    vectors = embed(trained.base, asked.plain)
    return relation_scores(trained.relation, trained.references, vectors, patients, settings, classes=len(ANATOMY))


def figures_of(recipe: AnatomyRecipe, trained: Trained, training: RegionSet, asked: RegionSet) -> PlaceFigures:
    """Precision, recall and F1 of regions whose place is known."""
    said = scores_of(recipe, trained, training, asked).argmax(axis=1)
    return place_figures(asked.places, said, patient_numbers(asked)[0], classes=len(ANATOMY))


def _shown(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """What takes a number of things done, `before` of them already, and shows them beside all."""
    return lambda done: None if progress is None else progress(before + done, total)


def _regions_of(library: Library, split: str, part: str) -> list[ScanRegions]:
    return [
        ScanRegions(
            record.series_uid,
            record.patient,
            partial(library.volume, record.series_uid),
            lesion_regions(library, record, midline_x_mm=None),
        )
        for record in library.scans(split, part)
    ]


def _identity(recipe: AnatomyRecipe, run: Run) -> dict[str, object]:
    return {"recipe": recipe.digest, "seed": run.seed, "split": run.split}


def _check(recipe: AnatomyRecipe, run: Run) -> None:
    """Refuse a folder that is another run's."""
    path = run.folder / IDENTITY
    if path.exists() and json.loads(path.read_text()) != _identity(recipe, run):
        raise RequestError(
            f"{run.folder} holds a run with another recipe, seed or split; choose another folder, or delete this one"
        )


def _claim(recipe: AnatomyRecipe, run: Run) -> None:
    """Make the folder this run's."""
    write_whole(run.folder / "recipe.json", json.dumps(recipe.model_dump(mode="json"), indent=1).encode())
    write_whole(run.folder / IDENTITY, json.dumps(_identity(recipe, run)).encode())


def write_trained(
    folder: Path, recipe: AnatomyRecipe, trained: Trained, training: RegionSet, validation: RegionSet | None, run: Run
) -> None:
    """Write the package, with figures on the validation part where there is one."""
    figures, measured = None, "nothing: the validation part has no region with a place"
    if validation is not None:
        figures = figures_of(recipe, trained, training, validation)
        measured = f"{_count(validation)}, the part 'validation' of the same split"
    regions = recipe.regions.settings
    card = AnatomyCard(
        name=recipe.name,
        summary="Names which of 15 places of the head a region on a slice is in, and cites the nearest known cases.",
        trained_on=f"{_count(training)}, the part 'train' of split {run.split!r}, by patient; seed {run.seed}",
        measured_on=measured,
        limits=DRAWN_OR_NOT,
        recipe_digest=recipe.digest,
        kind=recipe.relation.kind,
        k=recipe.relation.k,
        metrics=() if figures is None else tuple(_metrics(figures)),
    )
    write_anatomy_package(
        folder,
        card=card,
        regions=regions,
        networks=anatomy_onnx(trained.eyes, trained.base, trained.relation, regions),
        vectors=trained.references.vectors,
        cases=tuple(
            ReferenceCase(one.series_uid, one.patient, one.slice, one.lesion, one.place) for one in training.cases
        ),
    )


def _metrics(figures: PlaceFigures) -> Iterable[PlaceMetric]:
    """Means over all places, then the figures of every place that has support."""
    total = sum(figures.support)
    rows = [(kind, total, name, one) for kind in ("weighted", "macro") for name, one in getattr(figures, kind).items()]
    for name, places in figures.places.items():
        rows += [
            (place, support, name, one)
            for place, support, one in zip(ANATOMY, figures.support, places, strict=True)
            if np.isfinite(one.value)
        ]
    for over, support, name, one in rows:
        ends = (None, None) if one.interval is None else (round(one.interval.low, 4), round(one.interval.high, 4))
        yield PlaceMetric(name, over, support, round(one.value, 4), *ends)


def _count(regions: RegionSet) -> str:
    """Regions and patients in words: "120 regions of 14 patients"."""
    patients = len({case.patient for case in regions.cases})
    return f"{len(regions.cases)} region{'s'[: len(regions.cases) != 1]} of {patients} patient{'s'[: patients != 1]}"
