"""A recipe, read from the wheel or from a path, checked key by key, with a suggestion for a wrong one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from bregma.scan.counted import counted
from bregma.scan.errors import RecipeError, did_you_mean
from bregma.scan.terms import FINDINGS, is_finding
from bregma.training.network_sections import NetworkSection, RADnetSection, Section
from bregma.training.recipe_file import read_recipe, recipes_in
from bregma.training.sections import (
    AugmentationSection,
    BatchesSection,
    LabelsSection,
    LoopSection,
    LossSection,
    OptimizerSection,
    PreprocessingSection,
    RuleSection,
)
from bregma.training.units import KINDS

FOLDER = Path(__file__).parents[1] / "recipes"


class Recipe(Section):
    """Everything that decides a run besides the data, the seed and the machine.

    Attributes:
        name: of the recipe and of the package that comes out.
        findings: K names from scan.terms, one logit each.
    """

    name: str
    findings: tuple[str, ...] = Field(min_length=1, strict=False)
    preprocessing: PreprocessingSection
    augmentation: AugmentationSection
    network: NetworkSection
    loss: LossSection
    optimizer: OptimizerSection
    batches: BatchesSection
    loop: LoopSection
    rule: RuleSection
    labels: LabelsSection = LabelsSection()

    @model_validator(mode="after")
    def _weights_teach_something(self) -> Recipe:
        maps, given = self.network.maps, self.loss.segmentation
        if len(given) not in {0, maps} or (self.network.draws and not given):
            raise ValueError(f"[loss] segmentation is {given}; expected {counted(maps, 'weight')}")
        drawn = sum(self.loss.segmentation) if self.network.draws else 0.0
        if self.loss.slice + self.loss.scan + self.loss.smoothness + drawn == 0:
            raise ValueError("all weights of [loss] are 0, so there is nothing to learn from")
        return self

    @model_validator(mode="after")
    def _repeats_are_of_findings(self) -> Recipe:
        for finding in self.batches.repeat:
            if finding not in self.findings:
                raise ValueError(f"[batches] repeat has {finding!r}{did_you_mean(finding, self.findings)}")
        return self

    @model_validator(mode="after")
    def _what_is_shown_can_teach(self) -> Recipe:
        loss, batches = self.loss, self.batches
        if batches.unit == "slice" and loss.scan + loss.smoothness > 0:
            raise ValueError('[batches] unit is "slice", but loss.scan and loss.smoothness look at more than one slice')
        teaches = (loss.slice + loss.scan + sum(loss.segmentation), loss.scan, loss.smoothness)
        for kind, share, weight, term in zip(
            KINDS, batches.mix, teaches, ("slice", "scan", "smoothness"), strict=False
        ):
            if share and not weight:
                raise ValueError(
                    f"[batches] mix is {list(batches.mix)}, but loss.{term} is 0, so that its scans of kind {kind!r} "
                    "would teach nothing; write 0 in their place"
                )
        if self.labels.sources and self.network.draws:
            raise ValueError(
                f"[labels] sources is {list(self.labels.sources)}, but the network draws, and the masks of all sources "
                "are kept as one; leave sources out, or take a network that draws nothing"
            )
        return self

    @model_validator(mode="after")
    def _loss_fits_findings_and_network(self) -> Recipe:
        shares = self.loss.finding_weights
        if shares and (len(shares) != len(self.findings) or min(shares) < 0 or sum(shares) == 0):
            raise ValueError(
                f"[loss] finding_weights is {list(shares)}; expected one weight of at least 0 for each of the "
                f"{len(self.findings)} findings, not all of them 0"
            )
        if self.loss.smoothness > 0 and isinstance(self.network, RADnetSection):
            raise ValueError(
                f"[loss] smoothness is {self.loss.smoothness:g}, but network {self.network.name!r} gives no features "
                "to be smooth; expected 0, or network 'slice_set'"
            )
        return self


def recipe_names() -> list[str]:
    """The recipes that come with Bregma."""
    return recipes_in(FOLDER)


def load_recipe(name_or_path: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> Recipe:
    """A recipe, by the name of one that comes with Bregma or by the path of a TOML file.

    Args:
        name_or_path: such as "radnet" or "my/recipe.toml".
        overrides: {"preprocessing.pixel_mm": 2} or ["preprocessing.pixel_mm=2"]; values as TOML writes them.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown key (with a suggestion) or a value that makes no sense.
    """
    return read_recipe(Recipe, FOLDER, name_or_path, overrides, _check)


def _check(recipe: Recipe) -> None:
    """What pydantic cannot: presets, sizes, findings."""
    recipe.preprocessing.settings  # noqa: B018
    for finding in recipe.findings:
        if not is_finding(finding):
            known = (term.name for term in FINDINGS)
            raise RecipeError(f"has findings {finding!r}{did_you_mean(finding, known)}")


def changes_of(recipe: Recipe) -> list[str]:
    """What was changed in a recipe that comes with Bregma, as `--set` takes it; of one's own, all that it says."""
    shipped = load_recipe(recipe.name) if recipe.name in recipe_names() else None
    before = {} if shipped is None else _flat(shipped.model_dump(mode="json"))
    after = _flat(recipe.model_dump(mode="json"))
    return [f"{key}={_toml(value)}" for key, value in after.items() if value is not None and before.get(key) != value]


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """{"section.key": value}, for the two levels that a recipe has."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        flat |= {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value)
