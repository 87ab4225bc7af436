"""How the slices of a NIfTI file are counted by those who read it as an array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bregma.io.entry import entry_of_file
from bregma.io.nifti_grid import place
from bregma.io.nifti_header import parse_header
from bregma.scan.errors import RefusedError

THIRD_AXIS = 2
"""The axis over which the slices of an axial volume are counted (array[:, :, number])."""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """The slices of a volume as its file has them.

    Attributes:
        count: how many there are.
        head_first: whether the first one is nearest to the head.
        placed: whether the file says how it lies.
    """

    count: int
    head_first: bool
    placed: bool = True

    def index(self, number: int) -> int | None:
        """The slice's place from the foot, 0 first, of a number that counts from 1; None when there is none."""
        if not 1 <= number <= self.count:
            return None
        return self.count - number if self.head_first else number - 1


def stored_order(path: Path) -> StoredOrder:
    """How the slices of a volume are counted.

    Raises:
        RefusedError: the file is no NIfTI that can be read, or its third axis does not run from slice to slice.
    """
    header = parse_header(entry_of_file(path, path.name, size=0).read())
    arrangement, geometry, _ = place(header)
    if arrangement.axes[0] != THIRD_AXIS:
        raise RefusedError("bad_affine", "the third axis of the volume does not run from slice to slice")
    return StoredOrder(header.shape[THIRD_AXIS], arrangement.turned[0], geometry is not None)
