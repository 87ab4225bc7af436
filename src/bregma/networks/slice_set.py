"""Slice set: one backbone for labelled slices, for scans of which only the scan is labelled, and for unlabelled scans.

Kodandarama, Prabhakaran, Singh: "Intracranial hemorrhage detection by efficient utilization of 3D CT brain images with
multimodal labels", section 2: ResNet-18 sees every slice independently, so that the same weights serve a slice and a
scan; six outputs. What the three kinds of data teach it are losses: the focal loss on slices, the set loss on the
slices' answers and the smoothness constraint on their features (training/set_loss.py, training/smoothness.py).

Letters: B scans, D slices, C channels, S prepared size, K findings, E features, N real slices of all scans of a batch.
"""

from __future__ import annotations

from torch import Tensor, nn

from bregma.networks.backbone import Backbone
from bregma.networks.batch import Batch, Outputs


class SliceSet(nn.Module):
    """One probability per slice and finding, and the latent that stands for the slice (the paper's p_i and e_i).

    Args:
        backbone: a key of `backbone.BACKBONES`; the paper's is "resnet18".
        channels: C, windows times slices shown together.
        findings: K.
        weights: of the backbone: "random", "imagenet" or the path of a file.
        dropout: share of the features that is dropped while it learns.
    """

    def __init__(
        self,
        backbone: str = "resnet18",
        *,
        channels: int = 3,
        findings: int = 6,
        weights: str = "random",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(backbone, channels=channels, weights=weights)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.features, findings)

    def forward(self, batch: Batch) -> Outputs:
        """A labelled slice is a scan of one slice; slices that only fill up a batch take no part."""
        features_NE = self.backbone(batch.images[batch.is_slice])
        features_BDE = features_NE.new_zeros(*batch.is_slice.shape, features_NE.shape[1])
        features_BDE[batch.is_slice] = features_NE
        logits_BDK = self.read_along(features_BDE) * batch.is_slice[..., None]
        return Outputs(slice_logits=logits_BDK, features=features_BDE)

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, None]:
        """Each slice by itself: (N, E) latents; it draws no maps."""
        return self.backbone(images_NCSS), None

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) logits, each from its own slice's latent."""
        logits_DK: Tensor = self.head(self.dropout(features_DE))
        return logits_DK

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, None]:
        """One whole scan, as it is served: (D, K) logits; it draws no maps."""
        features_DE, _ = self.look(images_DCSS)
        return self.read_along(features_DE), None
