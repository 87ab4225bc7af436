"""A trained tumour network as a folder: map.onnx, and tumour.json with its card, its view of a scan and the digests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bregma.models.package_folder import read_folder, write_folder
from bregma.models.records import from_json, object_of, to_json
from bregma.preprocessing.tumour_view import TumourView
from bregma.scan.errors import PackageError, RecipeError

FORMAT = 1
DOCUMENT, MAP = "tumour.json", "map.onnx"


@dataclass(frozen=True, slots=True)
class TumourMetric:
    """One measured figure.

    Attributes:
        name: such as "kNN accuracy".
        criterion: a key of scan.terms.TUMOUR_CRITERIA.
        tumours: that it is about.
        value: the figure.
    """

    name: str
    criterion: str
    tumours: int
    value: float


@dataclass(frozen=True, slots=True)
class TumourCard:
    """What a reader must know before trusting it.

    Attributes:
        name: short name of the model.
        summary: what it answers, in a sentence.
        trained_on: the data it learned from.
        measured_on: the data its figures come from.
        limits: where it ends, one sentence each.
        recipe_digest: SHA-256 of the recipe.
        width: C, numbers of an embedding.
        tasks: what it learned: "mask" and criteria.
        metrics: the table of figures.
    """

    name: str
    summary: str
    trained_on: str
    measured_on: str
    limits: tuple[str, ...]
    recipe_digest: str
    width: int
    tasks: tuple[str, ...]
    metrics: tuple[TumourMetric, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TumourPackage:
    """A package whose digests have been checked.

    Attributes:
        folder: where it lies.
        digest: SHA-256 over everything in it; an index of embeddings is bound to it.
        card: what a reader must know.
        view: how a scan is shown to it.
        onnx: the network: a patch to its map.
    """

    folder: Path
    digest: str
    card: TumourCard
    view: TumourView
    onnx: bytes


def write_tumour_package(folder: Path, *, card: TumourCard, view: TumourView, onnx: bytes) -> TumourPackage:
    """Write a package whole or not at all; one that was there before is replaced.

    Raises:
        RequestError: the folder holds something that is no such package.
    """
    said = {"format": FORMAT, "card": to_json(card), "view": view.to_dict()}
    return TumourPackage(folder, write_folder(folder, DOCUMENT, said, {MAP: onnx}), card, view, onnx)


def load_tumour_package(folder: Path) -> TumourPackage:
    """Read a package folder and check every digest.

    Raises:
        PackageError: a file is missing or was changed, a key is unknown, or the format is another.
    """
    said, files, digest = read_folder(folder, DOCUMENT, form=FORMAT)
    if set(said) != {"format", "card", "view"} or set(files) != {MAP}:
        raise PackageError(
            f"{DOCUMENT} in {folder.name!r} has {sorted([*said, *files])}; expected card, view and {MAP}"
        )
    card = from_json(TumourCard, said["card"], f"{DOCUMENT} card")
    try:
        view = TumourView.from_dict(object_of(said["view"], f"{DOCUMENT} view"))
    except RecipeError as error:
        raise PackageError(f"{DOCUMENT} in {folder.name!r} cannot be used: {error}") from error
    return TumourPackage(folder, digest, card, view, files[MAP])
