"""One region on one slice, and what is known about where it is.

Arrays are (rows, columns) of the slice as stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from bregma.scan.regions import Mask, side_of_mask
from bregma.scan.volume import Geometry


@dataclass(frozen=True, slots=True, eq=False)
class SliceRegion:
    """A sample of the anatomy task: a slice with two regions is two of them (Varadarajan et al. 2017, section 3.1).

    Attributes:
        index: of the slice in its scan, foot to head.
        mask: (H, W), at least one pixel set.
        lesion: the lesion it belongs to, such as "L1".
        place: a name from scan.terms.ANATOMY; None when nobody said.
        side: the patient's "left", "right", "both" or "midline"; None when nobody can tell.
    """

    index: int
    mask: Mask
    lesion: str
    place: str | None = None
    side: str | None = None

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or not self.mask.any():
            raise ValueError(
                f"region {self.lesion} on slice {self.index} has shape {self.mask.shape} and {int(self.mask.sum())} "
                "pixels; expected (rows, columns) and at least one pixel"
            )


def side_on_slice(mask: Mask, geometry: Geometry, index: int, *, midline_x_mm: float) -> str:
    """The side of a region on one slice, as `side_of_mask` tells it.

    Args:
        mask: (H, W), at least one pixel set.
        geometry: of the whole scan.
        index: of the slice.
        midline_x_mm: LPS x of the head's middle.
    """
    alone = Geometry(
        geometry.rows,
        geometry.columns,
        geometry.origins[index : index + 1],
        geometry.along_row,
        geometry.along_column,
        geometry.pixel_mm,
    )
    return side_of_mask(mask[None], alone, midline_x_mm=midline_x_mm)
