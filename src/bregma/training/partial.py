"""Targets of which some are unknown: the only form in which a loss gets to know the truth.

Letters: B scans, D slices, K findings, N slices, S size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """Targets of which some are unknown.

    Attributes:
        value: in [0, 1]; 0 where not known.
        known: bool, of one shape with `value`, or of one that broadcasts to it (a whole slice's mask is known or not).
    """

    value: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Partial:
        """The same on another device."""
        return Partial(self.value.to(device), self.known.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What is known about a batch; what no loss of the recipe needs is None.

    Attributes:
        slices: (B, D, K) presence per slice and finding; filled-up slices are unknown.
        scans: (B, K) presence per scan.
        masks: (N, 1, S, S) share of each pixel that is blood, known per slice (N, 1, 1, 1), for the real slices.
    """

    slices: Partial | None = None
    scans: Partial | None = None
    masks: Partial | None = None

    def to(self, device: torch.device) -> Targets:
        """The same on another device."""
        parts = (None if part is None else part.to(device) for part in (self.slices, self.scans, self.masks))
        return Targets(*parts)

    def any_known(self) -> bool:
        """Whether anything is known at all."""
        return any(part is not None and bool(part.known.any()) for part in (self.slices, self.scans, self.masks))
