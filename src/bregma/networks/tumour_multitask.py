"""Which tumours look like this one: a backbone that carries all the knowledge, and heads that are deliberately tiny.

Tumour retrieval via multitask learning, section 2: two convolutions, residual blocks, downsampling by 4 near the input
and upsampling by 4 near the output, so that the map has the size of the input and C channels. One residual block draws
the mask of the whole map; each criterion is answered by RoiPool (the part of the map in the tumour's box, then its
maximum) and one linear layer. What RoiPool gives is the embedding.

Letters: B patches, C channels of the map, D slices, H rows, W columns, T tumours, K terms of a criterion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bregma.networks.backbone import Backbone
from bregma.scan.errors import RequestError
from bregma.scan.tumour import VoxelBox

Three = tuple[int, int, int]
Place = tuple[int, VoxelBox]
"""A tumour of a batch: the number of its patch, and its box in it."""

TRUNK_MAPS = 4
"""Maps of a published network that are added up, from a fourth to a thirty-second of the slice."""


@dataclass(frozen=True, slots=True, eq=False)
class TumourOutputs:
    """What the network says of a batch.

    Attributes:
        mask: (B, 1, D, H, W) logits; None for a network without that head.
        criteria: criterion -> (T, K) logits, K = 1 where there are two terms (of the first of them).
        embedding: (T, C).
    """

    mask: Tensor | None
    criteria: Mapping[str, Tensor]
    embedding: Tensor


class ResBlock(nn.Module):
    """Twice normalisation, ReLU and convolution, added to what came in (He et al. 2016, the identity form).

    Args:
        inside: channels that come in.
        outside: channels that go out; where they differ, a 1 x 1 x 1 convolution stands on the short way.
        kernel: size along slices, rows and columns, odd.
    """

    def __init__(self, inside: int, outside: int, kernel: Three) -> None:
        super().__init__()
        self.first = _normed_convolution(inside, outside, kernel)
        self.second = _normed_convolution(outside, outside, kernel)
        self.short = nn.Identity() if inside == outside else nn.Conv3d(inside, outside, 1, bias=False)

    def forward(self, values_BCDHW: Tensor) -> Tensor:
        """The same size, `outside` channels."""
        added: Tensor = self.short(values_BCDHW) + self.second(self.first(values_BCDHW))
        return added


class ResidualMap(nn.Module):
    """The paper's backbone.

    Args:
        width: C.
        blocks: residual blocks between down- and upsampling.
        kernel: of every convolution; 1 along the slices of a thin stack.
        down: factor of the downsampling along slices, rows and columns: 1, 2 or 4.
    """

    def __init__(self, width: int, *, blocks: int, kernel: Three, down: Three) -> None:
        super().__init__()
        half = tuple(2 if factor > 1 else 1 for factor in down)
        rest = tuple(factor // first for factor, first in zip(down, half, strict=True))
        self.enter = nn.Sequential(
            nn.Conv3d(1, width, kernel, padding="same"),
            nn.MaxPool3d(half, ceil_mode=True),
            _normed_convolution(width, width, kernel),
            nn.MaxPool3d(rest, ceil_mode=True),
        )
        self.blocks = nn.Sequential(*(ResBlock(width, width, kernel) for _ in range(blocks)))
        self.leave = nn.BatchNorm3d(width)

    def forward(self, patches_B1DHW: Tensor) -> Tensor:
        """(B, 1, D, H, W) to (B, C, D, H, W)."""
        coarse = self.leave(self.blocks(self.enter(patches_B1DHW)))
        return functional.interpolate(coarse, size=patches_B1DHW.shape[2:], mode="trilinear")


class TrunkMap(nn.Module):
    """In place of it, for slices: a published network whose maps of four sizes are added up (Lin et al. 2017).

    The finest of them is a fourth of the slice, so up- and downsampling are as in the paper. Slices are looked at one
    by one.

    Args:
        width: C.
        backbone: "mobilenetv2_100" or one of the efficientnets.
        weights: "random", "imagenet" or the path of a file.
        frozen: the published network's entry and so many of its stages keep these weights; 0 lets all of it learn.

    Raises:
        RequestError: a backbone without maps of these four sizes.
    """

    def __init__(self, width: int, *, backbone: str, weights: str, frozen: int = 0) -> None:
        super().__init__()
        self.published = Backbone(backbone, channels=1, weights=weights)
        trunk: Any = self.published.trunk
        maps = [(one["num_chs"], one["reduction"]) for one in trunk.feature_info][-TRUNK_MAPS:]
        if not hasattr(trunk, "conv_stem") or [reduction for _, reduction in maps] != [4, 8, 16, 32]:
            raise RequestError(
                f"backbone {backbone!r} has no stages with maps of 1/4 to 1/32 of a slice; "
                "expected mobilenetv2_100 or one of the efficientnets"
            )
        self.sides = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels, _ in maps)
        self.leave = nn.BatchNorm2d(width)
        self._kept = [trunk.conv_stem, trunk.bn1, *trunk.blocks[:frozen]] if frozen else []
        for part in self._kept:
            part.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> TrunkMap:
        """What is frozen keeps its running statistics too."""
        super().train(mode)
        for part in self._kept:
            part.eval()
        return self

    def forward(self, patches_B1DHW: Tensor) -> Tensor:
        """(B, 1, D, H, W) to (B, C, D, H, W)."""
        batch, _, slices, rows, columns = patches_B1DHW.shape
        each = patches_B1DHW.transpose(1, 2).reshape(batch * slices, 1, rows, columns)
        scaled = ((each - self.published.mean) / self.published.std).contiguous(memory_format=torch.channels_last)
        maps = self.published.trunk.forward_intermediates(scaled, indices=TRUNK_MAPS, intermediates_only=True)  # type: ignore[operator]  # a method of timm's networks
        coarse = self.sides[-1](maps[-1])
        for side, finer in zip(self.sides[-2::-1], maps[-2::-1], strict=True):
            coarse = side(finer) + functional.interpolate(coarse, size=finer.shape[2:], mode="bilinear")
        fine = functional.interpolate(self.leave(coarse), size=(rows, columns), mode="bilinear")
        return fine.reshape(batch, slices, -1, rows, columns).transpose(1, 2)


class TumourNetwork(nn.Module):
    """A map, a mask and one answer per criterion.

    Args:
        backbone: (B, 1, D, H, W) to (B, C, D, H, W).
        width: C.
        terms: criterion -> number of its terms; only those that are learned.
        mask: whether the mask is learned.
        kernel: of the residual block that draws the mask.
    """

    def __init__(self, backbone: nn.Module, width: int, *, terms: Mapping[str, int], mask: bool, kernel: Three) -> None:
        super().__init__()
        self.backbone, self.width = backbone, width
        self.mask = ResBlock(width, 1, kernel) if mask else None
        self.criteria = tuple(terms)
        self.heads = nn.ModuleList(nn.Linear(width, 1 if count == 2 else count) for count in terms.values())

    def look(self, patches_B1DHW: Tensor) -> Tensor:
        """(B, 1, D, H, W) to (B, C, D, H, W)."""
        seen: Tensor = self.backbone(patches_B1DHW)
        return seen

    def forward(self, patches_B1DHW: Tensor, places: Sequence[Place]) -> TumourOutputs:
        """Look at patches, and answer for the tumours in them.

        Args:
            patches_B1DHW: about 0 to 1.
            places: T, any number for a patch.
        """
        seen = self.look(patches_B1DHW)
        embedding = roi_pool(seen, places)
        answers = {name: head(embedding) for name, head in zip(self.criteria, self.heads, strict=True)}
        return TumourOutputs(None if self.mask is None else self.mask(seen), answers, embedding)


def roi_pool(seen_BCDHW: Tensor, places: Sequence[Place]) -> Tensor:
    """(T, C): the part of the map in each box, then its maximum (section 2.2)."""
    if not places:
        return seen_BCDHW.new_zeros(0, seen_BCDHW.shape[1])
    each = seen_BCDHW.unbind(0)  # once: a gradient through an index would fill a whole batch for every tumour
    return torch.stack([_inside(each[patch], box).amax(dim=(1, 2, 3)) for patch, box in places])


def _inside(seen_CDHW: Tensor, box: VoxelBox) -> Tensor:
    (d0, h0, w0), (d1, h1, w1) = box.start, box.stop
    return seen_CDHW[:, d0:d1, h0:h1, w0:w1]


def _normed_convolution(inside: int, outside: int, kernel: Three) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm3d(inside), nn.ReLU(), nn.Conv3d(inside, outside, kernel, padding="same", bias=False)
    )
