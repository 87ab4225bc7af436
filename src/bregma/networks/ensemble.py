"""Networks of one kind that learned from other beginnings and answer together: the mean of their logits.

What chance did to one of them the others do not share, so the mean is steadier than any (Dietterich 2000: "Ensemble
methods in machine learning"). Nothing is learned here.

Letters: B scans, D slices, C channels, S prepared size, K findings, E features of one member, N slices of all scans of
a batch, M members.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bregma.networks.batch import Batch, Outputs


class Ensemble(nn.Module):
    """Several slice networks of one form as one.

    Args:
        members: with `look` and `read_along`, each giving as many features and as many maps as the others.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if len(members) < 2:
            raise ValueError(f"an ensemble of {len(members)} was asked for; expected at least 2 networks")
        self.members = nn.ModuleList(members)

    def forward(self, batch: Batch) -> Outputs:
        """Slices that only fill up a batch take no part."""
        features_NE, maps = self.look(batch.images[batch.is_slice])
        logits_BDK = batch.in_place(self.read_along(features_NE))
        return Outputs(slice_logits=logits_BDK, maps=maps, features=batch.in_place(features_NE))

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Each slice by itself: (N, M * E) features side by side, and each branch's map as the members' mean."""
        seen = [member.look(images_NCSS) for member in self.members]  # type: ignore[operator]
        features_NE = torch.cat([features for features, _ in seen], dim=1)
        maps = [drawn for _, drawn in seen if drawn is not None]
        if not maps:
            return features_NE, None
        return features_NE, tuple(torch.stack(branch).mean(dim=0) for branch in zip(*maps, strict=True))

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) the mean of the members' logits, each from its own features."""
        parts = features_DE.chunk(len(self.members), dim=1)
        said = [member.read_along(part) for member, part in zip(self.members, parts, strict=True)]  # type: ignore[operator]
        return torch.stack(said).mean(dim=0)

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """One whole scan, as it is served: (D, K) logits and the maps."""
        features_DE, maps = self.look(images_DCSS)
        return self.read_along(features_DE), maps
