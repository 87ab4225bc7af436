"""Regions on the slices of drawn heads whose place is known: bleeds that were drawn, and regions laid where wanted.

The anatomy task covers a region's pixels with grey, so a region may lie anywhere, in the sinuses and the brainstem too,
whether blood was drawn there or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bregma.models.lesions import find_lesions, mask_of_lesions
from bregma.phantom.draw import Phantom
from bregma.phantom.placing import MIDDLE
from bregma.phantom.regions import CODE
from bregma.scan.regions import Mask
from bregma.scan.slice_region import SliceRegion, side_on_slice
from bregma.scan.terms import ANATOMY

Codes = NDArray[np.uint8]

PAPER_COUNTS = dict(
    zip(
        ANATOMY,
        (1025, 504, 95, 236, 113, 4263, 146, 622, 760, 2341, 254, 1026, 2520, 51, 1469),
        strict=True,
    )
)
"""Slices of each place in the paper's data (Varadarajan et al. 2017, table 1)."""

RADIUS_MM = (4.0, 16.0)
"""Half the length of a region that is laid somewhere; its width is 0.5 to 1 of that."""

LEAST_MM2 = 20.0
"""Smaller regions are not laid: a reader would not name their place."""

ROOM_MM = 1.5
"""How far a region may reach over the edge of its place."""

TRIES = 20


def place_of(mask: Mask, codes: Codes) -> str | None:
    """Where most of a region's pixels lie; None when they lie in no place.

    Args:
        mask: of any shape.
        codes: region codes of the same shape, index into ANATOMY + 1.
    """
    counts = np.bincount(codes[mask], minlength=len(ANATOMY) + 1)[1:]
    return ANATOMY[int(counts.argmax())] if counts.any() else None


def bleed_regions(phantom: Phantom) -> list[SliceRegion]:
    """Each drawn subtype on each slice that shows it, with the place where most of it lies."""
    found = []
    for subtype, mask in phantom.masks.items():
        for index in np.flatnonzero(mask.any(axis=(1, 2))):
            place = place_of(mask[index], phantom.regions[index])
            found.append(_region(phantom, int(index), mask[index], subtype, place))
    return found


def lesion_places(phantom: Phantom) -> dict[str, str]:
    """Lesion, named as a reading names it ("L1" is the largest), -> the place where most of it lies."""
    blood = np.asarray(np.stack(list(phantom.masks.values())).any(axis=0))
    found = {}
    for lesion in find_lesions(blood.astype(np.float32), phantom.geometry):
        place = place_of(mask_of_lesions([lesion], blood.shape), phantom.regions)
        if place is not None:
            found[lesion.id] = place
    return found


def lay_regions(phantom: Phantom, places: Sequence[str], rng: np.random.Generator) -> Iterator[SliceRegion]:
    """One region for each place asked for, on any slice that shows it; a place that a head does not show is left out.

    Args:
        phantom: the head.
        places: names from ANATOMY, a name twice for two regions.
        rng: where the regions come from.
    """
    for number, place in enumerate(places, start=1):
        found = _lay(phantom, place, rng)
        if found is not None:
            yield _region(phantom, found[0], found[1], f"R{number}", place)


def _region(phantom: Phantom, index: int, mask: Mask, lesion: str, place: str | None) -> SliceRegion:
    midline = float(phantom.to_patient(np.array(MIDDLE))[0])
    side = side_on_slice(mask, phantom.geometry, index, midline_x_mm=midline)
    return SliceRegion(index, mask, lesion, place, side)


def _lay(phantom: Phantom, place: str, rng: np.random.Generator) -> tuple[int, Mask] | None:
    """(slice, mask) of a region that lies in a place for the most part; None when there is no room."""
    code, pixel_mm = CODE[place], phantom.geometry.pixel_mm[0]
    slices = np.flatnonzero((phantom.regions == code).sum(axis=(1, 2)) * pixel_mm**2 >= LEAST_MM2)
    for _ in range(TRIES if len(slices) else 0):
        index = int(rng.choice(slices))
        codes = phantom.regions[index]
        mask = _blob(codes == code, pixel_mm, rng)
        if mask.sum() * pixel_mm**2 >= LEAST_MM2 and place_of(mask, codes) == place:
            return index, mask
    return None


def _blob(area: Mask, pixel_mm: float, rng: np.random.Generator) -> Mask:
    """A lobed ellipse around a pixel of an area, where it lies in the area or close to it, in one piece."""
    rows, columns = np.nonzero(area)
    at = int(rng.integers(len(rows)))
    row, column = np.ogrid[: area.shape[0], : area.shape[1]]
    down, across = (row - rows[at]) * pixel_mm, (column - columns[at]) * pixel_mm
    angle = np.arctan2(down, across)
    turn, lobes, phase = rng.uniform(0, np.pi), rng.integers(2, 6), rng.uniform(0, 2 * np.pi)
    length = rng.uniform(*RADIUS_MM) * (1 + 0.2 * np.sin(lobes * angle + phase))
    width = length * rng.uniform(0.5, 1.0)
    along = across * np.cos(turn) + down * np.sin(turn)
    aside = down * np.cos(turn) - across * np.sin(turn)
    room = cv2.distanceTransform((~area).astype(np.uint8), cv2.DIST_L2, 5) * pixel_mm <= ROOM_MM
    inside = ((along / length) ** 2 + (aside / width) ** 2 <= 1) & room
    _, pieces = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
    return np.asarray(inside & (pieces == pieces[rows[at], columns[at]]))
