"""Neighbouring slices show nearly the same head, so their latents should be near: a loss that needs no label.

Kodandarama et al., eq. 2, a triplet loss after Schroff et al. 2015 (FaceNet). The paper does not say what its distance
d is; here it is FaceNet's: the squared Euclidean distance of latents of length 1. It lies in [0, 4], so a margin means
the same for every network. Letters: B scans, D slices, E features, M slices of one scan.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 3
"""Slices from which on there is a triplet."""

TINY = 1e-6
"""Added to a squared length, so that a latent of zeros has a direction (none) and a gradient that is a number."""


def smoothness(
    features: Tensor,
    is_slice: Tensor,
    *,
    kind: str = "shuffled",
    margin: float = 0.2,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean over the scans of their mean triplet; 0 without a gradient where no scan has three slices.

    The paper sums over a scan's triplets; the mean is that sum over their number, so that a weight means the same for a
    scan of 30 slices and one of 300.

    Args:
        features: (B, D, E) latents, foot to head.
        is_slice: (B, D) bool; filled-up slices take no part.
        kind: "shuffled" (`shuffled_triplets`) or "literal" (`literal_triplets`).
        margin: by how much the far slice is to be farther than the near one.
        generator: of the shuffling, on the CPU; None draws from torch's own, which a run saves and restores.
    """
    triplets = []
    for latents, real in zip(features.float(), is_slice, strict=True):
        one = unit(latents[real])
        if len(one) >= LEAST:
            both = literal_triplets(one) if kind == "literal" else shuffled_triplets(one, generator)
            triplets.append((both + margin).clamp(min=0).mean())
    return torch.stack(triplets).mean() if triplets else features.sum() * 0.0


def literal_triplets(latents: Tensor) -> Tensor:
    """(M - 2,) d(e_{i+1}, e_i) - d(e_{i-1}, e_i) for every slice but the first and the last: eq. 2 as it is printed.

    It asks each next slice to be nearer than the one before, which a scan cannot be: it ends up less smooth.
    """
    middle = latents[1:-1]
    return squared(latents[2:], middle) - squared(latents[:-2], middle)


def shuffled_triplets(latents: Tensor, generator: torch.Generator | None) -> Tensor:
    """(about 2 M,) distance to a neighbour minus distance to a random slice of the same scan that is no neighbour.

    Every slice is compared with the next one and with the one before ("both directions").
    """
    anchors, far = draw_far(len(latents), generator)
    anchors, far = anchors.to(latents.device), far.to(latents.device)
    away = squared(latents[anchors], latents[far])
    after, before = anchors < len(latents) - 1, anchors > 0
    forward = squared(latents[anchors[after]], latents[anchors[after] + 1]) - away[after]
    backward = squared(latents[anchors[before]], latents[anchors[before] - 1]) - away[before]
    return torch.cat([forward, backward])


def draw_far(count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """For each of `count` slices another one at random that is no neighbour of it.

    Returns:
        Two lists of indices of one length: the slices that have such another one, and the other one.
    """
    index = torch.arange(count)
    first = (index - 1).clamp(min=0)
    near = (index + 1).clamp(max=count - 1) - first + 1  # itself and its neighbours
    choices = count - near
    drawn = torch.minimum((torch.rand(count, generator=generator) * choices).long(), choices - 1)
    far = torch.where(drawn < first, drawn, drawn + near)
    return index[choices > 0], far[choices > 0]


def unit(latents: Tensor) -> Tensor:
    """The same directions, of length 1."""
    return latents * (latents.square().sum(dim=-1, keepdim=True) + TINY).rsqrt()


def squared(one: Tensor, other: Tensor) -> Tensor:
    """Squared Euclidean distance along the last axis."""
    return (one - other).square().sum(dim=-1)
