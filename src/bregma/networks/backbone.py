"""The convolutional networks that look at one slice, by name: the eight of the RSNA report, ResNet-18 and a light one.

Agarwaal, Rudram: "Intracranial hemorrhage detection", table 1. The networks are timm's, without their dense
layers; timm is imported only when one is built, as it takes seconds.

Letters: N slices, C channels, S prepared size, E features.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bregma.networks.weights import first_weights
from bregma.scan.errors import RequestError, did_you_mean

Three = tuple[float, float, float]

IMAGENET: tuple[Three, Three] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue in [0, 1] over ImageNet."""

HALF: tuple[Three, Three] = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
"""[0, 1] to [-1, 1], as Google trained its networks."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published of a backbone.

    Attributes:
        timm: its name in timm, with the tag of its ImageNet weights.
        scaling: (mean, standard deviation) of the three colours that those weights expect.
        smallest: pixels that an image needs across for the last map to have one.
    """

    timm: str
    scaling: tuple[Three, Three]
    smallest: int = 32


BACKBONES: dict[str, Published] = {
    "vgg16": Published("vgg16.tv_in1k", IMAGENET),
    "resnet50": Published("resnet50.a1_in1k", IMAGENET),
    "inception_v3": Published("inception_v3.tv_in1k", HALF, smallest=75),
    "mobilenetv2_100": Published("mobilenetv2_100.ra_in1k", IMAGENET),
    "legacy_xception": Published("legacy_xception.tf_in1k", HALF),
    "efficientnet_b0": Published("efficientnet_b0.ra_in1k", IMAGENET),
    "efficientnet_b2": Published("efficientnet_b2.ra_in1k", IMAGENET),
    "efficientnet_b3": Published("efficientnet_b3.ra2_in1k", IMAGENET),
    "efficientnet_lite0": Published("tf_efficientnet_lite0.in1k", HALF),
    "resnet18": Published("resnet18.a1_in1k", IMAGENET),
}


class Backbone(nn.Module):
    """A slice to the means of the last map's channels.

    The scaling that the weights expect is part of the network, so a package carries it.

    Args:
        name: a key of `BACKBONES`.
        channels: C; kernels for three colours are repeated and lowered, or for one channel added up.
        weights: "random", "imagenet", or the path of a file (networks/weights.py).

    Attributes:
        trunk: timm's network without its dense layers.
        features: E.

    Raises:
        RequestError: there is no such backbone, or its weights are not there or do not fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, *, channels: int = 3, weights: str = "random") -> None:
        super().__init__()
        if name not in BACKBONES:
            raise RequestError(
                f"backbone {name!r} is unknown{did_you_mean(name, BACKBONES)}; expected one of {', '.join(BACKBONES)}"
            )
        self.name, self._published = name, BACKBONES[name]
        self._kept: list[int] | None = None  # None: maps of every size
        self.trunk = _trunk(self._published.timm, channels)
        self.features = _width(self.trunk)
        for part, colours in zip(("mean", "std"), self._published.scaling, strict=True):
            self.register_buffer(part, _per_channel(colours, channels), persistent=False)
        first_weights(self.trunk, weights, channels=channels)

    def forward(self, images_NCSS: Tensor) -> Tensor:
        """(N, C, S, S) in [0, 1] to (N, E).

        Raises:
            RequestError: the slices are smaller than the network can halve.
        """
        pooled: Tensor = self.last_map(images_NCSS).mean(dim=(2, 3))
        return pooled

    def last_map(self, images_NCSS: Tensor) -> Tensor:
        """(N, C, S, S) in [0, 1] to (N, E, rows, columns), what the means are taken of.

        Raises:
            RequestError: the slices are smaller than the network can halve.
        """
        with self._settled(images_NCSS):
            last_map: Tensor = self.trunk.forward_features(self._scaled(images_NCSS))  # type: ignore[operator]  # a method of every network of timm's
        return last_map

    def keep_maps(self, levels: int | None = None) -> list[int]:
        """From now on the largest maps are given, one of each size, and layers after the last of them are gone.

        Args:
            levels: how many maps; None for all there are.

        Returns:
            Channels of each map, the largest map first.

        Raises:
            RequestError: timm gives no maps of this network, or not so many.
        """
        if not hasattr(self.trunk, "prune_intermediate_layers"):
            raise RequestError(f"backbone {self.name!r} gives no maps of several sizes; expected mobilenetv2_100, say")
        widths = _widths(self.trunk)
        count = len(widths) if levels is None else levels
        if count > len(widths):
            raise RequestError(f"{self.name} gives {len(widths)} maps of different sizes; {levels} were asked for")
        self._kept = [*range(count)]
        self.trunk.prune_intermediate_layers(self._kept, prune_norm=True, prune_head=True)  # type: ignore[operator]
        return widths[:count]

    def maps(self, images_NCSS: Tensor) -> list[Tensor]:
        """(N, C, S, S) in [0, 1] to what `keep_maps` kept: (N, channels, S/2, S/2), (N, channels, S/4, S/4), and so on.

        Raises:
            RequestError: the slices are smaller than the network can halve.
        """
        with self._settled(images_NCSS):
            maps: list[Tensor] = self.trunk.forward_intermediates(  # type: ignore[operator]
                self._scaled(images_NCSS), indices=self._kept, intermediates_only=True
            )
        return maps

    def _scaled(self, images_NCSS: Tensor) -> Tensor:
        """As the weights expect it."""
        return ((images_NCSS - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def _settled(self, images_NCSS: Tensor) -> AbstractContextManager[None]:
        """Where slices are looked at; those that are too small are refused."""
        if min(images_NCSS.shape[2:]) < self._published.smallest:
            raise RequestError(
                f"{self.name} needs slices of at least {self._published.smallest} pixels across, these have "
                f"{min(images_NCSS.shape[2:])}: take smaller preprocessing.pixel_mm, or another backbone"
            )
        return _settled_norms(self.trunk, lone=self.training and len(images_NCSS) == 1)


def _trunk(name: str, channels: int) -> nn.Module:
    import timm

    trunk: nn.Module = timm.create_model(name, pretrained=False, in_chans=channels, num_classes=0, global_pool="")
    if hasattr(trunk, "pre_logits"):
        trunk.pre_logits = nn.Identity()  # VGG16's two layers of 4096; ours pools right after the convolutions
    return trunk


def _width(trunk: nn.Module) -> int:
    """Channels of the last map."""
    return int(trunk.num_features)  # type: ignore[arg-type]  # an int of every network of timm's


def _widths(trunk: nn.Module) -> list[int]:
    """Channels of the maps of every size, the largest map first."""
    return [int(one["num_chs"]) for one in trunk.feature_info]  # type: ignore[union-attr]  # a list of every network of timm's


def _per_channel(colours: Three, channels: int) -> Tensor:
    """(1, C, 1, 1): as timm treats the kernels, one channel gets the mean of the colours, more get them in turn."""
    row = [sum(colours) / 3] if channels == 1 else [colours[index % 3] for index in range(channels)]
    return torch.tensor(row).view(1, -1, 1, 1)


@contextmanager
def _settled_norms(network: nn.Module, *, lone: bool) -> Iterator[None]:
    """A lone slice has no spread of its own: it is normalised by what was learned so far, as in RADnet."""
    norms = [one for one in network.modules() if isinstance(one, _BatchNorm) and one.training] if lone else []
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
