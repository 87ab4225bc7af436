"""What a network takes and what it gives, for every network here.

Letters: B scans, D slices (foot to head), C channels, S prepared size, K findings, E features, N real slices in all,
X numbers of each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Prepared scans side by side, filled up to the longest with slices that do not exist.

    Attributes:
        images: (B, D, C, S, S) float32 in [0, 1]; what stands in a filled-up slice is never looked at.
        is_slice: (B, D) bool; True first, False for slices that only fill up.
        places: (B, D, 2) per slice: height above the middle of the scan in dm, and spacing to the next slice in cm; 0
            where nobody knows. None when no network of the run asks for it.
        features: (B, D, E) of a frozen network, when the run learns from cached features; `images` is then empty.
    """

    images: Tensor
    is_slice: Tensor
    places: Tensor | None = None
    features: Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 5 or self.images.shape[:2] != self.is_slice.shape:
            raise ValueError(
                f"images have shape {tuple(self.images.shape)} and is_slice {tuple(self.is_slice.shape)}; "
                "expected (B, D, C, S, S) and (B, D)"
            )

    @classmethod
    def of_scan(cls, images_DCSS: Tensor) -> Batch:
        """One whole scan: nothing is filled up."""
        return cls(images_DCSS[None], torch.ones(1, len(images_DCSS), dtype=torch.bool, device=images_DCSS.device))

    def in_place(self, values_NX: Tensor) -> Tensor:
        """(B, D, X) what was found of the N real slices, in order, where they stand; 0 in filled-up ones."""
        values_BDX = values_NX.new_zeros(*self.is_slice.shape, values_NX.shape[1])
        values_BDX[self.is_slice] = values_NX
        return values_BDX

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        places, features = (None if part is None else part.to(device) for part in (self.places, self.features))
        return Batch(self.images.to(device), self.is_slice.to(device), places, features)


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What a network says; what it does not produce is None.

    Attributes:
        slice_logits: (B, D, K) per slice and finding; 0 in filled-up slices.
        scan_logits: (B, K) per scan.
        maps: per attention branch (N, 1, S, S) logits "blood here", for the N real slices of the batch in order
            (all of the first scan, then all of the second).
        features: (B, D, E) what the network makes of each slice before it answers; 0 in filled-up slices.
    """

    slice_logits: Tensor | None = None
    scan_logits: Tensor | None = None
    maps: tuple[Tensor, ...] | None = None
    features: Tensor | None = None
