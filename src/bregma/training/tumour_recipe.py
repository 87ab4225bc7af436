"""The recipe of a tumour network: how scans are shown, backbone, weights of the tasks, optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bregma.networks.tumour_multitask import ResidualMap, TrunkMap, TumourNetwork
from bregma.preprocessing.mr_intensity import MrIntensity
from bregma.preprocessing.tumour_view import TumourView
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.training.network_sections import Section
from bregma.training.recipe_file import digest_of, is_recipe_of, read_recipe, recipes_in
from bregma.training.sections import OptimizerSection
from bregma.training.tumour_loss import TaskWeights

FOLDER = Path(__file__).parents[1] / "recipes" / "tumour"

Three = Annotated[tuple[int, int, int], Field(strict=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class ViewSection(Section):
    """How a scan is shown (preprocessing/tumour_view.py).

    Attributes:
        low_percentile: of the head's values that becomes 0.
        high_percentile: of the head's values that becomes 1.
        voxel_mm: slice, row and column size that voxels are brought to; 0 leaves an axis as it is.
        patch: slices, rows and columns that are looked at together.
    """

    low_percentile: float
    high_percentile: float
    voxel_mm: tuple[float, float, float] = Field(strict=False)
    patch: Three

    @property
    def settings(self) -> TumourView:
        """The same for the functions that show."""
        return TumourView(MrIntensity(self.low_percentile, self.high_percentile), self.voxel_mm, self.patch)


class ChangesSection(Section):
    """What is varied from one showing of a patch to the next.

    Attributes:
        flip: share of showings whose left and right are exchanged, where it is known how the scan lies.
        contrast: values are multiplied by up to so much more or less.
        brightness: up to so much is added or taken away.
    """

    flip: Share
    contrast: Share
    brightness: Share


class ResidualSection(Section):
    """The paper's backbone.

    Attributes:
        name: "residual".
        width: channels of the map, and numbers of the embedding.
        blocks: residual blocks.
        kernel: of the convolutions along slices, rows and columns.
        down: factor of the downsampling along slices, rows and columns.
    """

    name: Literal["residual"]
    width: int = Field(ge=1)
    blocks: int = Field(ge=1)
    kernel: tuple[Literal[1, 3], Literal[1, 3], Literal[1, 3]] = Field(strict=False)
    down: tuple[Literal[1, 2, 4], Literal[1, 2, 4], Literal[1, 2, 4]] = Field(strict=False)

    def build(self) -> ResidualMap:
        """With random weights."""
        return ResidualMap(self.width, blocks=self.blocks, kernel=self.kernel, down=self.down)


class TrunkSection(Section):
    """A published network in its place, slice by slice.

    Attributes:
        name: "trunk".
        width: channels of the map, and numbers of the embedding.
        backbone: "mobilenetv2_100" or one of the efficientnets (networks.backbone.BACKBONES).
        weights: "random", "imagenet" (timm's cache), or the path of a weight file.
        frozen: stages of the published network that keep its weights.
        kernel: of the residual block that draws the mask.
    """

    name: Literal["trunk"]
    width: int = Field(ge=1)
    backbone: str
    weights: str
    frozen: int = Field(ge=0)
    kernel: tuple[Literal[1, 3], Literal[1, 3], Literal[1, 3]] = Field(strict=False)

    def build(self) -> TrunkMap:
        """With its first weights."""
        return TrunkMap(self.width, backbone=self.backbone, weights=self.weights, frozen=self.frozen)


class TasksSection(Section):
    """Weights in the loss; 0 leaves a task out, head and all.

    Attributes:
        mask: of drawing the tumours.
        type: of naming the type.
        area: of naming the anatomical area.
        side: of naming the hemisphere.
        depth: of telling front from rear.
        height: of telling upper from lower.
    """

    mask: Weight
    type: Weight
    area: Weight
    side: Weight
    depth: Weight
    height: Weight

    @model_validator(mode="after")
    def _teach_something(self) -> TasksSection:
        if not any(self.model_dump().values()):
            raise ValueError("all weights of [tasks] are 0, so there is nothing to learn from")
        return self

    @property
    def weights(self) -> TaskWeights:
        """The same for the loss."""
        return TaskWeights(self.mask, {name: getattr(self, name) for name in TUMOUR_CRITERIA if getattr(self, name)})


class PatchesSection(Section):
    """How patches come together.

    Attributes:
        size: patches per step.
        steps: per epoch; 0 shows every tumour once.
    """

    size: int = Field(ge=1)
    steps: int = Field(ge=0)


class TumourLoopSection(Section):
    """How the run goes.

    Attributes:
        precision: arithmetic of the network while it learns.
        save_every: steps between two saved states, besides the end of each epoch.
        validate_every: epochs between two looks at the validation part; the last epoch is always looked at.
    """

    precision: Literal["fp32", "bf16"]
    save_every: int = Field(ge=1)
    validate_every: int = Field(ge=1)


class TumourRecipe(Section):
    """Everything that decides a run besides the data, the seed and the machine.

    Attributes:
        name: of the recipe and of the package that comes out.
        neighbours: k of the kNN score that the card states.
    """

    name: str
    view: ViewSection
    changes: ChangesSection
    network: Annotated[ResidualSection | TrunkSection, Field(discriminator="name")]
    tasks: TasksSection
    optimizer: OptimizerSection
    patches: PatchesSection
    loop: TumourLoopSection
    neighbours: int = Field(ge=1)

    @property
    def digest(self) -> str:
        """SHA-256 over all values, whatever the file's layout and comments."""
        return digest_of(self)

    def make_network(self) -> TumourNetwork:
        """The network that this recipe trains, with its first weights.

        Raises:
            RequestError: the published network or its weights are not there.
        """
        weights = self.tasks.weights
        terms = {name: len(TUMOUR_CRITERIA[name]) for name in weights.criteria}
        backbone, network = self.network.build(), self.network
        return TumourNetwork(backbone, network.width, terms=terms, mask=weights.mask > 0, kernel=network.kernel)


def tumour_recipe_names() -> list[str]:
    """The recipes that come with Bregma."""
    return recipes_in(FOLDER)


def is_tumour_recipe(name_or_path: str | Path) -> bool:
    """Whether a recipe is one of tumours: by its name, or because its file has a section [tasks]."""
    return is_recipe_of(FOLDER, name_or_path, section="tasks")


def load_tumour_recipe(name_or_path: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> TumourRecipe:
    """A recipe, by the name of one that comes with Bregma or by the path of a TOML file.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown key (with a suggestion) or a value that makes no sense.
    """
    return read_recipe(TumourRecipe, FOLDER, name_or_path, overrides, _check)


def _check(recipe: TumourRecipe) -> None:
    """What pydantic cannot."""
    recipe.view.settings  # noqa: B018
