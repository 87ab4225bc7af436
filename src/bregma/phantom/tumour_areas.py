"""The eleven anatomical areas of a tumour on a plane of a drawn head, from the places of the anatomy paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.phantom.points import Field, Points
from bregma.phantom.regions import CODE, find_regions
from bregma.phantom.tumour_slab import TumourSlab
from bregma.scan.terms import TUMOUR_AREAS

AREAS = tuple(term.name for term in TUMOUR_AREAS)

OF_PLACE = {
    "frontal region": "frontal region",
    "parietal region": "parietal region",
    "temporal region": "temporal region",
    "occipital region": "occipital region",
    "gangliocapsular region": "basal ganglia",
    "thalamus": "thalamus",
    "cerebellum": "cerebellum",
    "brainstem": "brainstem",
    "ventricular system": "ventricular system",
}
"""Place -> area; water, folds of dura and sinuses are in no area, a tumour there is where its other voxels are."""

_OF_CODE = np.zeros(len(CODE) + 1, dtype=np.uint8)
for _place, _area in OF_PLACE.items():
    _OF_CODE[CODE[_place]] = AREAS.index(_area) + 1
_OF_CODE.flags.writeable = False


def find_areas(slab: TumourSlab, points: Points, plane: int) -> NDArray[np.uint8]:
    """(H, W) index into TUMOUR_AREAS + 1 on one plane of a slab, 0 where there is none."""
    found = _OF_CODE[find_regions(slab.signal, points, slab.cavity, slab.spaces, plane)]
    found[_insula(points, plane) & (found > 0)] = AREAS.index("insula") + 1
    return np.asarray(found, dtype=np.uint8)


def area_of(codes: NDArray[np.uint8]) -> str | None:
    """Where most of a tumour's voxels lie, of those that are in any area.

    Args:
        codes: (N,) of its voxels, as `find_areas` gives them.
    """
    counts = np.bincount(codes, minlength=len(AREAS) + 1)[1:]
    return AREAS[int(counts.argmax())] if counts.any() else None


def _insula(points: Points, plane: int) -> NDArray[np.bool_]:
    """The cortex under the Sylvian fissure, 6 mm to each side of it (see `brain._sylvian`)."""
    x, y, z = np.abs(points.x[plane]), points.y[plane], points.z[plane]
    depth: Field = np.abs(x - np.float32(38.5) + np.square(y + 3) * np.float32(0.008))
    return np.asarray((depth < 6) & (np.abs(y + 3) < 21) & (np.abs(z - 4) < 13), dtype=np.bool_)
