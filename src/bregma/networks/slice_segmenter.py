"""Slice segmenter: a published backbone that draws the bleed first, and names it from what lies under the drawing.

A bleed covers a hundredth of a slice; the mean over a whole slice hardly moves with it. So the findings are read from
two means, one over the slice and one over what was drawn, and from how much and how surely something was drawn. The
drawing is a feature pyramid's finest level (Lin et al. 2017: "Feature pyramid networks for object detection").

Letters: B scans, D slices, C channels, S prepared size, K findings, E features, N real slices of all scans of a batch,
P channels of the pyramid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bregma.networks.backbone import Backbone
from bregma.networks.batch import Batch, Outputs

DARK = -4.0
"""Logit that an untaught map says everywhere: blood is rare."""


class SliceSegmenter(nn.Module):
    """One probability per slice and finding, and one map of where the bleed is.

    Args:
        backbone: a key of `backbone.BACKBONES` that gives maps of every size (`Backbone.pyramid`).
        channels: C, windows times slices shown together.
        findings: K.
        weights: of the backbone: "random", "imagenet" or the path of a file.
        pyramid: P.
        levels: maps of the backbone that are used, the largest first; later layers are gone. None for all.
        dropout: share of the features that is dropped while it learns.
    """

    def __init__(
        self,
        backbone: str,
        *,
        channels: int = 3,
        findings: int = 6,
        weights: str = "random",
        pyramid: int = 48,
        levels: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(backbone, channels=channels, weights=weights)
        widths = self.backbone.keep_maps(levels)
        self.across = nn.ModuleList(nn.Conv2d(width, pyramid, kernel_size=1) for width in widths)
        self.smooth = nn.ModuleList(_smoothing(pyramid) for _ in widths[1:])
        self.draw = nn.Conv2d(pyramid, 1, kernel_size=1)
        nn.init.constant_(self.draw.bias, DARK)  # type: ignore[arg-type]  # it has a bias
        features = widths[-1] + pyramid + 2
        self.pooled, self.dropout = PooledNorm(features), nn.Dropout(dropout)
        self.head = nn.Linear(features, findings)

    def forward(self, batch: Batch) -> Outputs:
        """Slices that only fill up a batch take no part."""
        features_NE, maps = self.look(batch.images[batch.is_slice])
        logits_BDK = batch.in_place(self.read_along(features_NE))
        return Outputs(slice_logits=logits_BDK, maps=maps, features=batch.in_place(features_NE))

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, tuple[Tensor]]:
        """Each slice by itself: (N, E) features and the map's (N, 1, S, S) logits."""
        levels = self.backbone.maps(images_NCSS)
        finest = self._down(levels)
        drawn = self.draw(finest)
        features = torch.cat([levels[-1].mean(dim=(2, 3)), *_under(finest, drawn)], dim=1)
        return features, (F.interpolate(drawn, size=images_NCSS.shape[2:], mode="bilinear", align_corners=False),)

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) logits, each from its own slice's features."""
        logits_DK: Tensor = self.head(self.dropout(self.pooled(features_DE)))
        return logits_DK

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, tuple[Tensor]]:
        """One whole scan, as it is served: (D, K) logits and the map."""
        features_DE, maps = self.look(images_DCSS)
        return self.read_along(features_DE), maps

    def _down(self, levels: list[Tensor]) -> Tensor:
        """From the coarsest map to the finest: enlarged, added to what the backbone saw there, smoothed."""
        hidden: Tensor = self.across[-1](levels[-1])
        for index in range(len(levels) - 2, -1, -1):
            seen = self.across[index](levels[index])
            hidden = seen + F.interpolate(hidden, size=seen.shape[2:], mode="nearest")
            hidden = self.smooth[index](hidden)
        return hidden


def _smoothing(width: int) -> nn.Sequential:
    """A separable 3 x 3 convolution."""
    return nn.Sequential(
        nn.Conv2d(width, width, kernel_size=3, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, kernel_size=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def _under(finest_NPhw: Tensor, drawn_N1hw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What lies under the drawing: (N, P) its mean, (N, 1) log of its pixels, (N, 1) its highest logit.

    A ten-thousandth of every pixel counts along, so that an empty drawing has a mean too.
    """
    share = drawn_N1hw.sigmoid() + 1e-4
    pixels = share.sum(dim=(2, 3))
    return (finest_NPhw * share).sum(dim=(2, 3)) / pixels, pixels.log(), drawn_N1hw.amax(dim=(2, 3))


class PooledNorm(nn.BatchNorm1d):
    """The features, each at the scale of its own spread: means, a logarithm and a logit are of different sizes."""

    def forward(self, features_NE: Tensor) -> Tensor:
        """(N, E) to (N, E); a lone slice has no spread of its own and takes the one learned so far."""
        if self.training and len(features_NE) == 1:
            mean, var = self.running_mean, self.running_var
            return F.batch_norm(features_NE, mean, var, self.weight, self.bias, eps=self.eps)
        return super().forward(features_NE)
