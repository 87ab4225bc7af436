"""The recipe of a network that names the place of a lesion: what is shown, BaseNet, the relation network over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from bregma.networks.backbone import BACKBONES
from bregma.preprocessing.augment import AugmentationSettings
from bregma.preprocessing.region_views import RegionSettings
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Window
from bregma.scan.errors import RecipeError, did_you_mean
from bregma.training.basenet_training import BaseNetSettings
from bregma.training.network_sections import Section
from bregma.training.recipe_file import digest_of, is_recipe_of, read_recipe, recipes_in
from bregma.training.relation_training import RelationSettings

FOLDER = Path(__file__).parents[1] / "recipes" / "anatomy"


class WindowSection(Section):
    """One window.

    Attributes:
        center: HU shown as middle grey.
        width: HU from black to white.
    """

    center: float
    width: float = Field(gt=0)


class RegionsSection(Section):
    """How a region is shown (preprocessing/region_views.py).

    Attributes:
        window: the one window.
        pixel_mm: of the prepared slice.
        field_of_view_mm: of the prepared slice.
        grey: what stands where the region is, from 0 to 1.
        context: share of the region's longer side that the local crop shows on each side of it.
        least_mm: shortest side of the local crop.
        local_size: pixels of the local crop.
        global_size: pixels of the whole slice.
    """

    window: WindowSection
    pixel_mm: float = Field(gt=0)
    field_of_view_mm: float = Field(gt=0)
    grey: float
    context: float
    least_mm: float
    local_size: int
    global_size: int

    @property
    def settings(self) -> RegionSettings:
        """The same for the functions that show."""
        window = Window(self.window.center, self.window.width)
        return RegionSettings(
            Preprocessing((window,), self.pixel_mm, self.field_of_view_mm),
            self.grey,
            self.context,
            self.least_mm,
            self.local_size,
            self.global_size,
        )


class EyesSection(Section):
    """The frozen network whose last pooling is read.

    Attributes:
        backbone: a key of networks.backbone.BACKBONES.
        weights: "random", "imagenet" (timm's cache), or the path of a weight file.
        grid: rows and columns kept of its last map.
    """

    backbone: str
    weights: str
    grid: int = Field(ge=1, le=7)


class BaseNetSection(Section):
    """Stage one (training/basenet_training.py).

    Attributes:
        paths: "local", "whole" or both.
        hidden: of the first layer.
        embedding: of the second.
        dropout: share that is dropped between the layers.
        learning_rate: of SGD.
        momentum: of SGD.
        weight_decay: on all weights.
        batch: regions per step.
        epochs: how often.
        per_class: regions of each place that are shown in an epoch.
        versions: changed versions of a region of a rare place, at most.
        flip_horizontal: probability that a version is mirrored.
        rotation_degrees: a version is turned up to this.
        scale: a version is enlarged or shrunk up to this share.
    """

    paths: tuple[Literal["local", "whole"], ...] = Field(min_length=1, strict=False)
    hidden: int = Field(ge=1)
    embedding: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    per_class: int = Field(ge=1)
    versions: int = Field(ge=0)
    flip_horizontal: float = Field(ge=0, le=1)
    rotation_degrees: float = Field(ge=0, le=180)
    scale: float = Field(ge=0, le=0.5)

    @property
    def settings(self) -> BaseNetSettings:
        """The same for the function that trains."""
        other = {"versions", "flip_horizontal", "rotation_degrees", "scale"}
        return BaseNetSettings(**self.model_dump(exclude=other))

    @property
    def changes(self) -> AugmentationSettings:
        """How a version differs."""
        return AugmentationSettings(
            rotation_degrees=self.rotation_degrees, flip_horizontal=self.flip_horizontal, scale=self.scale
        )


class RelationSection(Section):
    """Stage two (training/relation_training.py).

    Attributes:
        kind: "none" leaves BaseNet's own answer, "all" compares with every member of a class, "nearest" with the k
            nearest.
        k: neighbours of each class.
        hidden: width of the layers of g and of the first of f.
        dropout: share that is dropped between the layers.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        batch: targets per step.
        epochs: how often.
    """

    kind: Literal["none", "all", "nearest"]
    k: int = Field(ge=1)
    hidden: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)

    @property
    def settings(self) -> RelationSettings | None:
        """The same for the function that trains; None for BaseNet alone."""
        return None if self.kind == "none" else RelationSettings(**self.model_dump())


class AnatomyRecipe(Section):
    """Everything that decides a run besides the data, the seed and the machine.

    Attributes:
        name: of the recipe and of the package that comes out.
    """

    name: str
    regions: RegionsSection
    eyes: EyesSection
    basenet: BaseNetSection
    relation: RelationSection

    @property
    def digest(self) -> str:
        """SHA-256 over all values, whatever the file's layout and comments."""
        return digest_of(self)


def anatomy_recipe_names() -> list[str]:
    """The recipes that come with Bregma."""
    return recipes_in(FOLDER)


def is_anatomy_recipe(name_or_path: str | Path) -> bool:
    """Whether a recipe is one of places: by its name, or because its file has a section [relation]."""
    return is_recipe_of(FOLDER, name_or_path, section="relation")


def load_anatomy_recipe(name_or_path: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> AnatomyRecipe:
    """A recipe, by the name of one that comes with Bregma or by the path of a TOML file.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown key (with a suggestion) or a value that makes no sense.
    """
    return read_recipe(AnatomyRecipe, FOLDER, name_or_path, overrides, _check)


def _check(recipe: AnatomyRecipe) -> None:
    """What pydantic cannot."""
    recipe.regions.settings  # noqa: B018
    if recipe.eyes.backbone not in BACKBONES:
        known = did_you_mean(recipe.eyes.backbone, BACKBONES)
        raise RecipeError(f"[eyes] backbone is {recipe.eyes.backbone!r}{known}")
