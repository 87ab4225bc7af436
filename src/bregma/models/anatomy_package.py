"""A trained network of places as a folder: ONNX files, reference embeddings, and `anatomy.json` with their digests.

basenet.onnx gives embedding and own answer; g.onnx and f.onnx are the relation network's, where there is one;
references.npy holds the unit embeddings of the cases that answers are compared with and cite, references.json says
which cases they are. Nothing in it is ever executed or unpickled. Letters: R references, E embedding.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bregma.models.neighbours import References, Vectors
from bregma.models.package_folder import read_folder, write_folder
from bregma.models.records import Json, from_json, object_of, to_json
from bregma.preprocessing.region_views import RegionSettings
from bregma.scan.errors import PackageError, RecipeError, RequestError
from bregma.scan.terms import ANATOMY

FORMAT = 1
MANIFEST = "anatomy.json"
BASENET, G, F, VECTORS, CASES = "basenet.onnx", "g.onnx", "f.onnx", "references.npy", "references.json"
KINDS = {"none": (BASENET,), "all": (BASENET, G, F), "nearest": (BASENET, G, F)}
"""How the relation network compares -> the networks that the package holds."""


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """A case whose place is known, as an answer cites it.

    Attributes:
        series_uid: of its scan.
        patient: pseudonym.
        slice: index of its slice, foot to head.
        lesion: the lesion it belongs to.
        place: a name from scan.terms.ANATOMY.
    """

    series_uid: str
    patient: str
    slice: int
    lesion: str
    place: str

    def __post_init__(self) -> None:
        if self.place not in ANATOMY:
            raise RequestError(f"reference case of series {self.series_uid} is in {self.place!r}, which is no place")


@dataclass(frozen=True, slots=True)
class PlaceMetric:
    """One measured figure.

    Attributes:
        name: "precision", "recall" or "f1".
        over: "weighted", "macro", or a place.
        support: true regions that it is about.
        value: the figure.
        low: lower end of its 95 % interval by patient; None when there is none.
        high: upper end.
    """

    name: str
    over: str
    support: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class AnatomyCard:
    """What a reader must know before trusting it.

    Attributes:
        name: short name of the model.
        summary: what it answers, in a sentence.
        trained_on: the data it learned from.
        measured_on: the data its figures come from.
        limits: where it ends, one sentence each.
        recipe_digest: SHA-256 of the recipe.
        kind: "none", "all" or "nearest": how it compares with the reference cases.
        k: neighbours of each place.
        metrics: the table of figures.
        extended_by: reference cases that were added after it was trained.
    """

    name: str
    summary: str
    trained_on: str
    measured_on: str
    limits: tuple[str, ...]
    recipe_digest: str
    kind: str
    k: int
    metrics: tuple[PlaceMetric, ...]
    extended_by: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RequestError(
                f"anatomy package {self.name} compares by {self.kind!r}; expected one of {sorted(KINDS)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class AnatomyPackage:
    """A package of places whose digests have been checked.

    Attributes:
        folder: where it lies.
        digest: SHA-256 over everything in it.
        card: what a reader must know.
        regions: how a region is shown to it.
        networks: file name -> content.
        vectors: (R, E) unit embeddings.
        cases: R.
    """

    folder: Path
    digest: str
    card: AnatomyCard
    regions: RegionSettings
    networks: dict[str, bytes]
    vectors: Vectors
    cases: tuple[ReferenceCase, ...]

    def references(self) -> tuple[References, dict[str, int]]:
        """The cases as numbers, and the number of each patient."""
        patients: dict[str, int] = {}
        codes = [patients.setdefault(case.patient, len(patients)) for case in self.cases]
        classes = [ANATOMY.index(case.place) for case in self.cases]
        return References(self.vectors, np.array(classes, np.intp), np.array(codes, np.intp)), patients


def write_anatomy_package(
    folder: Path,
    *,
    card: AnatomyCard,
    regions: RegionSettings,
    networks: dict[str, bytes],
    vectors: Vectors,
    cases: tuple[ReferenceCase, ...],
) -> AnatomyPackage:
    """Write a package whole or not at all; one that was there before is replaced.

    Raises:
        PackageError: the networks are not those that its kind needs, or cases and vectors do not agree.
        RequestError: the folder holds something that is no such package.
    """
    if tuple(networks) != KINDS[card.kind] or vectors.ndim != 2 or len(vectors) != len(cases):
        raise PackageError(
            f"anatomy package {card.name} of kind {card.kind!r} has {list(networks)}, {len(vectors)} vectors and "
            f"{len(cases)} cases; expected {list(KINDS[card.kind])} and a vector for each case"
        )
    stored = io.BytesIO()
    np.save(stored, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    listed = json.dumps([to_json(case) for case in cases], indent=0, ensure_ascii=False).encode()
    files = {**networks, VECTORS: stored.getvalue(), CASES: listed}
    said: dict[str, Json] = {"format": FORMAT, "card": to_json(card), "regions": regions.to_dict()}
    digest = write_folder(folder, MANIFEST, said, files, known=(G, F))
    return AnatomyPackage(folder, digest, card, regions, networks, vectors, cases)


def load_anatomy_package(folder: Path) -> AnatomyPackage:
    """Read a package folder and check every digest.

    Raises:
        PackageError: a file is missing or was changed, a key unknown, or the format another.
    """
    said, files, digest = read_folder(folder, MANIFEST, form=FORMAT)
    card = from_json(AnatomyCard, said.get("card"), f"{MANIFEST} card")
    if lacking := [name for name in (*KINDS[card.kind], VECTORS, CASES) if name not in files]:
        raise PackageError(f"{MANIFEST} in {folder.name!r} lists no {lacking[0]}; install the package again")
    try:
        regions = RegionSettings.from_dict(object_of(said.get("regions"), f"{MANIFEST} regions"))
    except RecipeError as error:
        raise PackageError(f"{MANIFEST} has regions that cannot be used: {error}") from error
    vectors = np.load(io.BytesIO(files[VECTORS]), allow_pickle=False)
    listed: Any = json.loads(files[CASES])
    cases = tuple(from_json(ReferenceCase, one, CASES) for one in listed)
    networks = {name: files[name] for name in KINDS[card.kind]}
    return AnatomyPackage(folder, digest, card, regions, networks, vectors, cases)


def extend_anatomy_package(
    package: AnatomyPackage, vectors: Vectors, cases: tuple[ReferenceCase, ...], folder: Path
) -> AnatomyPackage:
    """The same networks with more reference cases; those that it has already are left as they are.

    Args:
        package: to be extended; stays as it is when `folder` is another.
        vectors: (N, E) unit embeddings by the package's own BaseNet.
        cases: N.
        folder: of the new package.
    """
    have = {_identity(case) for case in package.cases}
    new = [number for number, case in enumerate(cases) if _identity(case) not in have]
    card = replace(package.card, extended_by=package.card.extended_by + len(new))
    return write_anatomy_package(
        folder,
        card=card,
        regions=package.regions,
        networks=package.networks,
        vectors=np.concatenate([package.vectors, vectors[new]]),
        cases=(*package.cases, *(cases[number] for number in new)),
    )


def _identity(case: ReferenceCase) -> tuple[str, int, str]:
    return case.series_uid, case.slice, case.lesion
