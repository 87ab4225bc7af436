"""Slice classifier: a backbone, the means of its last map, one dense layer of sigmoids.

Agarwaal, Rudram: "Intracranial hemorrhage detection", section 3.5: windows as channels, the convolutional base
of a published network, global average pooling, one dense layer, all layers trained.

Letters: B scans, D slices, C channels, S prepared size, K findings, E features, N real slices of all scans of a batch.
"""

from __future__ import annotations

from torch import Tensor, nn

from bregma.networks.backbone import Backbone
from bregma.networks.batch import Batch, Outputs


class SliceClassifier(nn.Module):
    """One probability per slice and finding.

    Args:
        backbone: a key of `backbone.BACKBONES`.
        channels: C, windows times slices shown together.
        findings: K.
        weights: of the backbone: "random", "imagenet" or the path of a file.
        dropout: share of the features that is dropped while it learns.
    """

    def __init__(
        self, backbone: str, *, channels: int = 3, findings: int = 6, weights: str = "random", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.backbone = Backbone(backbone, channels=channels, weights=weights)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.features, findings)

    def forward(self, batch: Batch) -> Outputs:
        """Slices that only fill up a batch take no part."""
        features_BDE = batch.in_place(self.backbone(batch.images[batch.is_slice]))
        logits_BDK = self.read_along(features_BDE) * batch.is_slice[..., None]
        return Outputs(slice_logits=logits_BDK, features=features_BDE)

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, None]:
        """Each slice by itself: (N, E) features; it draws no maps."""
        return self.backbone(images_NCSS), None

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) logits, each from its own slice's features."""
        logits_DK: Tensor = self.head(self.dropout(features_DE))
        return logits_DK

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, None]:
        """One whole scan, as it is served: (D, K) logits; it draws no maps."""
        features_DE, _ = self.look(images_DCSS)
        return self.read_along(features_DE), None
