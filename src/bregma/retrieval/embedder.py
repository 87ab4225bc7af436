"""What makes the vectors of an index: a network behind two numbers and one method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Volume

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A network that turns a lesion into a vector. An index holds vectors of one digest only."""

    @property
    def name(self) -> str:
        """Of the package, for people."""
        ...

    @property
    def digest(self) -> str:
        """Of the package that makes the vectors."""
        ...

    @property
    def width(self) -> int:
        """E, numbers per vector."""
        ...

    def embed(self, volume: Volume, boxes: Sequence[VoxelBox]) -> Vectors:
        """Turn the lesions in some boxes into vectors.

        Args:
            volume: as stored.
            boxes: T, in the array of the volume.

        Returns:
            (T, E).
        """
        ...
