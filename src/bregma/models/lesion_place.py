"""Where a lesion is, as a network of places says."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.models.anatomy_predictor import Neighbour


@dataclass(frozen=True, slots=True)
class LesionPlace:
    """The answer about one lesion.

    Attributes:
        place: the place with the highest score, a name from scan.terms.ANATOMY.
        scores: per place, from 0 to 1: the mean over the slices looked at, weighted by the lesion's area on each.
        neighbours: the nearest reference cases of that place, nearest first.
    """

    place: str
    scores: dict[str, float]
    neighbours: tuple[Neighbour, ...]
