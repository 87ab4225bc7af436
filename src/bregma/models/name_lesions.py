"""Naming the places of the lesions of one scan.

Letters: N slices that are looked at, C places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bregma.models.anatomy_predictor import CITED, AnatomyPredictor, Neighbour
from bregma.models.lesion_place import LesionPlace
from bregma.models.lesion_vectors import lesion_views
from bregma.models.lesions import Lesion
from bregma.preprocessing.pipeline import place
from bregma.preprocessing.placement import Placement
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Volume


def name_lesions(
    lesions: Sequence[Lesion], volume: Volume, predictor: AnatomyPredictor, *, patient: str
) -> tuple[Lesion, ...]:
    """The same lesions with their places; one outside the field of view keeps none.

    Args:
        lesions: of this scan.
        volume: its pixels.
        predictor: of a package of places.
        patient: pseudonym; reference cases of the same patient take no part.
    """
    if not lesions:
        return ()
    placement = place(volume, predictor.package.regions.slices)
    return tuple(replace(one, place=_place(one, volume, placement, predictor, patient)) for one in lesions)


def _place(
    lesion: Lesion, volume: Volume, placement: Placement, predictor: AnatomyPredictor, patient: str
) -> LesionPlace | None:
    views, weights = lesion_views(lesion, volume, placement, predictor.package.regions)
    if not views:
        return None
    namings = predictor.name(views, patient=patient)
    scores = np.average([one.scores for one in namings], axis=0, weights=weights)
    best = ANATOMY[int(scores.argmax())]
    cited = [neighbour for one in namings if one.place == best for neighbour in one.neighbours]
    return LesionPlace(best, dict(zip(ANATOMY, map(float, scores), strict=True)), _nearest(cited))


def _nearest(cited: Sequence[Neighbour]) -> tuple[Neighbour, ...]:
    """Each case once, the nearest first."""
    once: dict[object, Neighbour] = {}
    for one in sorted(cited, key=lambda one: one.distance):
        once.setdefault(one.case, one)
    return tuple(once.values())[:CITED]
