"""The [network] section of a recipe: one frozen, checked record per network, told apart by `name`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A part of a recipe: cannot be changed, and knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class RADnetSection(Section):
    """RADnet and its two simpler forms (networks/radnet.py).

    Attributes:
        name: "radnet".
        growth: channels that each dense layer adds.
        layers: dense layers per block.
        dropout: share of a dense layer's new values that is dropped.
        attention: whether the three segmentation branches are there.
        sequence: whether the LSTM over the slices is there.
        branch: channels between the two convolutions of a segmentation branch.
        hidden: LSTM units in each direction.
    """

    name: Literal["radnet"]
    growth: int = Field(ge=1)
    layers: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    attention: bool
    sequence: bool
    branch: int = Field(ge=1)
    hidden: int = Field(ge=1)

    @property
    def draws(self) -> bool:
        """Whether the network draws maps of the bleed."""
        return self.attention

    @property
    def maps(self) -> int:
        """Maps that the network draws, and weights of their losses; without attention the weights are passed over."""
        return 3


class BackboneSection(Section):
    """A backbone of timm's, slice by slice.

    Attributes:
        backbone: a key of networks.backbone.BACKBONES.
        weights: "random", "imagenet" (timm's cache), or the path of a weight file (.safetensors, .pth).
        dropout: share of the pooled features that is dropped.
    """

    backbone: str
    weights: str
    dropout: float = Field(ge=0, lt=1)

    @property
    def draws(self) -> bool:
        """Whether the network draws maps of the bleed."""
        return self.maps > 0

    @property
    def maps(self) -> int:
        """Maps that the network draws."""
        return 0

    @property
    def sequence(self) -> bool:
        """Whether a slice's answer depends on the other slices."""
        return False


class SliceClassifierSection(BackboneSection):
    """For labelled slices (networks/slice_classifier.py).

    Attributes:
        name: "slice_classifier".
    """

    name: Literal["slice_classifier"]


class SliceSegmenterSection(BackboneSection):
    """For labelled slices with outlines (networks/slice_segmenter.py).

    Attributes:
        name: "slice_segmenter".
        pyramid: channels of the feature pyramid that draws.
        levels: maps of the backbone that are used, the largest first; left out, all of them.
    """

    name: Literal["slice_segmenter"]
    pyramid: int = Field(default=48, ge=1)
    levels: int | None = Field(default=None, ge=2)

    @property
    def maps(self) -> int:
        """Maps that the network draws."""
        return 1


class SliceSetSection(BackboneSection):
    """For labelled slices, labelled scans and unlabelled ones alike (networks/slice_set.py).

    Attributes:
        name: "slice_set".
    """

    name: Literal["slice_set"]


class SequenceSection(Section):
    """A recurrent network along the slices, on the frozen features of a trained slice network (networks/sequence.py).

    Attributes:
        name: "sequence".
        base: run folder of the slice network whose features are read.
        hidden: GRU units in each direction.
        layers: GRU layers.
        dropout: share of the features that is dropped.
        reads: which inputs the network gets of each slice, of "embedding", "logits", "deltas" and "place".
    """

    name: Literal["sequence"]
    base: str
    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)
    reads: tuple[Literal["embedding", "logits", "deltas", "place"], ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _deltas_are_of_something(self) -> SequenceSection:
        if "deltas" in self.reads and not {"embedding", "logits"} & set(self.reads):
            raise ValueError(f"reads is {list(self.reads)}; deltas are taken of 'embedding' or 'logits': add one")
        return self

    @property
    def draws(self) -> bool:
        """Whether the network draws maps of the bleed."""
        return self.maps > 0

    @property
    def maps(self) -> int:
        """Maps that the network draws."""
        return 0

    @property
    def sequence(self) -> bool:
        """Whether a slice's answer depends on the other slices."""
        return True


NetworkSection = Annotated[
    RADnetSection | SliceClassifierSection | SliceSegmenterSection | SliceSetSection | SequenceSection,
    Field(discriminator="name"),
]
