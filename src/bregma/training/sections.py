"""What a recipe holds: one frozen, checked record per section of the TOML file.

Every key is described in docs/recipes.md. Defaults are ours; each recipe file says of each number whether it is the
paper's (p) or ours (o).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bregma.preprocessing.augment import AugmentationSettings
from bregma.preprocessing.settings import Preprocessing
from bregma.training.network_sections import Section
from bregma.training.units import KINDS


class WindowSection(Section):
    """A window in HU, from black (center - width/2) to white."""

    center: float
    width: float = Field(gt=0)


class PreprocessingSection(Section):
    """What the network sees of a volume; carried into the package as it is.

    Attributes:
        windows: one channel each: {center, width} in HU, or the name of a preset.
        pixel_mm: in-plane size of a prepared pixel; slices keep their thickness.
        field_of_view_mm: width and height shown, centred on the head.
        neighbours: slices on either side that are shown as further channels.
    """

    windows: tuple[WindowSection | str, ...] = Field(min_length=1, strict=False)
    pixel_mm: float = Field(gt=0)
    field_of_view_mm: float = Field(gt=0)
    neighbours: int = Field(default=0, ge=0, le=3)

    @property
    def settings(self) -> Preprocessing:
        """The same, as the preprocessing functions take it."""
        return Preprocessing.from_dict(self.model_dump())


class AugmentationSection(Section):
    """What is varied from one showing of a scan to the next, alike for all slices of the scan.

    Attributes:
        rotation_degrees: turned in plane by up to so much to either side.
        flip_horizontal: share of showings that are mirrored from left to right.
        flip_vertical: share of showings that are mirrored from front to back.
        quarter_turn: share of showings that lie on their left or right ear.
        crop: share of showings of which a part is cut out and brought back to full size.
        scale: enlarged or shrunk by up to this share.
        contrast: contrast about middle grey changed by up to this share.
        brightness: brighter or darker by up to this, in grey from 0 to 1.
        sharpness: sharpened or blurred by up to this share of what a blur of one pixel takes away.
        displayed: share of showings as a saved picture of the first window, without what that window cut off.
    """

    rotation_degrees: float = Field(ge=0, le=180)
    flip_horizontal: float = Field(ge=0, le=1)
    flip_vertical: float = Field(default=0.0, ge=0, le=1)
    quarter_turn: float = Field(default=0.0, ge=0, le=1)
    crop: float = Field(default=0.0, ge=0, le=1)
    scale: float = Field(default=0.0, ge=0, le=0.5)
    contrast: float = Field(default=0.0, ge=0, le=1)
    brightness: float = Field(default=0.0, ge=0, le=1)
    sharpness: float = Field(default=0.0, ge=0, le=1)
    displayed: float = Field(default=0.0, ge=0, le=1)

    @property
    def settings(self) -> AugmentationSettings:
        """The same, as the augmentation functions take it."""
        return AugmentationSettings.from_dict(self.model_dump())


class LabelsSection(Section):
    """Whose labels teach.

    Attributes:
        sources: the statements of these sources only; empty takes all but those of models.
    """

    sources: tuple[str, ...] = Field(default=(), strict=False)


class LossSection(Section):
    """The weighted sum; a term whose targets are all unknown drops out and its weight with it.

    Attributes:
        slice: weight of the slices' loss.
        slice_kind: a key of LOSSES for the slices.
        focal_gamma: of the focal loss; 0 makes it cross-entropy.
        finding_weights: weight of each finding in the slices' and the scans' loss; empty weighs them alike.
        scan: weight of the set loss, which compares a scan's label with its slices' answers. Beside a slice loss, each
            scan teaches by the labels of its own kind only: slices where slices were labelled, the scan where only that
            was. Without one, every scan teaches whose label is known or follows from those of its slices.
        scan_kind: how the slices of a scan become one answer.
        top_k: slices that count for "top_k".
        smoothness: weight of the term that wants neighbouring slices alike; it needs no label.
        smoothness_kind: "shuffled" (neighbour near, a slice from elsewhere far) or "literal" (the printed equation 2).
        margin: by how much the far one is to be farther.
        segmentation: weights of the branches' losses, the finest first; empty for a network that draws nothing.
        segmentation_kind: a key of LOSSES for the maps.
    """

    slice: float = Field(ge=0)
    slice_kind: Literal["cross_entropy", "focal"]
    focal_gamma: float = Field(default=2.0, ge=0)
    finding_weights: tuple[float, ...] = Field(default=(), strict=False)
    scan: float = Field(default=0.0, ge=0)
    scan_kind: Literal["max", "top_k", "log_sum_exp", "mean"] = "max"
    top_k: int = Field(default=3, ge=1)
    smoothness: float = Field(default=0.0, ge=0)
    smoothness_kind: Literal["shuffled", "literal"] = "shuffled"
    margin: float = Field(default=0.2, ge=0)
    segmentation: tuple[float, ...] = Field(default=(), strict=False)
    segmentation_kind: Literal["cross_entropy", "dice", "cross_entropy_dice"] = "cross_entropy_dice"


class OptimizerSection(Section):
    """Gradient descent in steps.

    Attributes:
        kind: "sgd", or "adamw", which learns the maps in a tenth of the steps where time is short.
        learning_rate: at the start.
        momentum: of SGD; the first moment's decay of AdamW.
        nesterov: whether SGD looks ahead along its momentum (Nesterov).
        weight_decay: on all weights.
        clip_norm: longest gradient that is followed; 0 follows any.
        epochs: times that every scan is seen.
        drop_after: after these shares of the epochs the rate is multiplied by `drop_factor`.
        drop_factor: see there.
    """

    kind: Literal["sgd", "adamw"]
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(ge=0)
    clip_norm: float = Field(ge=0)
    epochs: int = Field(ge=1)
    drop_after: tuple[float, ...] = Field(strict=False)
    drop_factor: float = Field(gt=0, le=1)

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0; the first one is never lowered."""
        drops = sum(epoch >= max(1, round(share * self.epochs)) for share in self.drop_after)
        return self.learning_rate * self.drop_factor**drops


class BatchesSection(Section):
    """How scans come together.

    Attributes:
        scans: scans per step.
        slices_per_scan: consecutive slices shown of a scan, among them a positive one if there is any; 0 shows all.
            With a set loss, a scan of which only the whole is labelled is shown whole: a piece may hold no bleed.
        balance: whether the rarer of positive and negative scans are shown more often, turned and mirrored another way.
        unit: "scan", or "slice" where each known slice is shown by itself and `scans` counts slices.
        mix: scans per step with labelled slices, with only the scan labelled, and without a label; empty takes them
            as they come, and 0 leaves a kind out.
        repeat: finding -> how often in all its positive slices (or scans) are shown in an epoch.
    """

    scans: int = Field(ge=1)
    slices_per_scan: int = Field(ge=0)
    balance: bool
    unit: Literal["scan", "slice"] = "scan"
    mix: tuple[int, ...] = Field(default=(), strict=False)
    repeat: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _mix_fills_a_step(self) -> BatchesSection:
        if not self.mix:
            return self
        if len(self.mix) != len(KINDS) or min(self.mix) < 0:
            raise ValueError(
                f"mix is {list(self.mix)}; expected three whole numbers, of scans per step with labelled slices, with "
                "only the scan labelled, and without a label"
            )
        if sum(self.mix) != self.scans:
            raise ValueError(
                f"mix is {list(self.mix)}, which makes {sum(self.mix)} scans per step; scans is {self.scans}"
            )
        if self.unit == "slice":
            raise ValueError('mix mixes whole scans, but unit is "slice"; leave mix out, or write unit = "scan"')
        return self


class LoopSection(Section):
    """How the run goes.

    Attributes:
        precision: arithmetic of the network while it learns.
        save_every: steps between two saved states, besides the end of each epoch.
        validate_every: epochs between two looks at the validation part; the last epoch is always looked at.
        best: the validation figure whose best epoch becomes the package.
    """

    precision: Literal["fp32", "bf16"]
    save_every: int = Field(ge=1)
    validate_every: int = Field(ge=1)
    best: Literal["slice_auc", "slice_accuracy", "slice_log_loss", "loss"]


class RuleSection(Section):
    """Slices to scan, and what the package's thresholds are chosen for.

    Attributes:
        run_slices: so many consecutive positive slices make a positive scan.
        run_mm: or slices that stand for so many mm of head, whichever comes first.
        specificity: the sensitive operating point is chosen at this specificity.
        point: the operating point of scans at which the rule calls a bleed: "f1", or "sensitive" where a miss costs
            more than a false alarm.
    """

    run_slices: int = Field(ge=1)
    run_mm: float = Field(gt=0)
    specificity: float = Field(ge=0, le=1)
    point: Literal["f1", "sensitive"] = "f1"
