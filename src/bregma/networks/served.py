"""What a network must have to be served: one part that sees each slice by itself, one that reads along the scan.

Letters: N slices, D slices of one scan, C channels, S prepared size, E features, K findings.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Served(Protocol):
    """A network of which `training.onnx_form` makes a package's model."""

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Each slice by itself: (N, E) features, and (N, 1, S, S) logits of each map it draws, or None."""

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) logits from the features of all slices of one scan."""

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """The one after the other: (D, K) logits and the maps."""
