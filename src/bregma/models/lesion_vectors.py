"""A lesion as one vector, by the BaseNet of a package of places: lesions near each other lie alike.

BaseNet sees a lesion slice by slice, painted in one grey (`preprocessing.region_views`), so that the vector says where
a lesion lies, how it is shaped and what surrounds it, and nothing of its texture. Letters: N slices, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesions import Lesion, lesion_on_slice
from bregma.models.neighbours import Vectors, unit
from bregma.preprocessing.pipeline import place
from bregma.preprocessing.placement import Placement
from bregma.preprocessing.region_views import RegionSettings, RegionViews, view_region
from bregma.scan.errors import RequestError
from bregma.scan.volume import Volume

SLICES = 5
"""A lesion is looked at where it is largest, on so many slices at most."""


def lesion_vectors(lesions: Sequence[Lesion], volume: Volume, predictor: AnatomyPredictor) -> list[Vectors | None]:
    """(E,) of each lesion: the mean of its slices' unit embeddings, weighted by area, brought to length 1.

    Args:
        lesions: of one scan.
        volume: its pixels.
        predictor: of a package of places.

    Returns:
        One for each lesion; None where it lies outside the field of view.
    """
    if not lesions:
        return []
    settings = predictor.package.regions
    placement = place(volume, settings.slices)
    found: list[Vectors | None] = []
    for lesion in lesions:
        views, areas = lesion_views(lesion, volume, placement, settings)
        found.append(unit(np.average(predictor.embed(views), axis=0, weights=areas)) if views else None)
    return found


def lesion_views(
    lesion: Lesion, volume: Volume, placement: Placement, settings: RegionSettings
) -> tuple[list[RegionViews], list[float]]:
    """A lesion as BaseNet sees it on the slices where it is largest, foot to head, and its area on each in pixels.

    Both are empty for a lesion outside the field of view.
    """
    areas = lesion.mask.sum(axis=(1, 2))
    largest = sorted(range(len(areas)), key=lambda at: (-int(areas[at]), at))[:SLICES]
    views, seen = [], []
    for at in sorted(at for at in largest if areas[at]):
        index = lesion.corner[0] + at
        region = lesion_on_slice(lesion, index, (volume.values.shape[1], volume.values.shape[2]))
        try:
            views.append(view_region(volume.values[index], region, placement, settings))
        except RequestError:
            continue
        seen.append(float(areas[at]))
    return views, seen
