"""Marks against lesions, in patient mm.

The matching rule: a mark belongs to the lesion whose box is nearest to it, if it is at most `WITHIN_MM` away (0 inside
the box; of boxes equally near, the one with the nearer centre). A lesion is found at the highest score of its marks;
further marks on it are neither hits nor false. A mark that belongs to no lesion is false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from bregma.evaluation.metrics import Floats
from bregma.models.lesions import Lesion
from bregma.scan.regions import Box, Mask, box_of_mask
from bregma.scan.terms import ANY
from bregma.scan.volume import Geometry

WITHIN_MM = 5.0
"""About one slice of a head CT, and the width of a thin subdural."""

NEVER = -np.inf
"""The score at which a lesion without a mark is found."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that somebody finds suspicious.

    Attributes:
        at_mm: x, y, z in LPS mm.
        score: higher for more suspicious; a finite number.
    """

    at_mm: tuple[float, float, float]
    score: float

    def __post_init__(self) -> None:
        if not np.isfinite([*self.at_mm, self.score]).all():
            raise ValueError(f"{self} has a place or score that is no finite number; leave the mark out")


@dataclass(frozen=True, slots=True)
class MarkedScan:
    """One scan: its lesions, and the marks of one reader or model.

    Attributes:
        patient: a pseudonym.
        lesions: boxes of the true lesions; none on a negative scan.
        marks: in any order; none where nothing was found suspicious.
    """

    patient: str
    lesions: tuple[Box, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """What the marks of a scan hit.

    Attributes:
        found: per lesion, the highest score of its marks; `NEVER` where there is none.
        false: scores of marks that belong to no lesion.
        first: score of the most suspicious mark; `NEVER` without marks.
        first_is_right: whether that mark belongs to a lesion.
    """

    found: tuple[float, ...]
    false: tuple[float, ...]
    first: float
    first_is_right: bool


def match(scan: MarkedScan, *, within_mm: float = WITHIN_MM) -> Matched:
    """Match the marks of a scan to its lesions.

    Args:
        scan: lesions and marks.
        within_mm: how far from a box a mark still belongs to it.
    """
    found, false = [NEVER] * len(scan.lesions), []
    first, right = NEVER, False
    for mark in scan.marks:
        lesion = _lesion_of(mark, scan.lesions, within_mm)
        if lesion is None:
            false.append(mark.score)
        else:
            found[lesion] = max(found[lesion], mark.score)
        if mark.score > first or (mark.score == first and lesion is None):
            first, right = mark.score, lesion is not None
    return Matched(tuple(found), tuple(false), first, right)


def marks_of_lesions(lesions: Sequence[Lesion], finding: str = ANY) -> tuple[Mark, ...]:
    """What a package found as marks: the middle of each lesion's box, with its mean probability.

    Args:
        lesions: from `models.lesions.find_lesions`; those without geometry have no place and are left out.
        finding: whose probability is the score.
    """
    return tuple(
        Mark(_middle(lesion.box_mm), lesion.probabilities[finding]) for lesion in lesions if lesion.box_mm is not None
    )


def boxes_of_mask(mask: Mask, geometry: Geometry) -> tuple[Box, ...]:
    """The true lesions of a drawn mask: a box around every connected part, however small.

    Pixels that touch, also by a corner and across slices, belong to one lesion, as in `evaluation.overlap`.

    Args:
        mask: (D, H, W); empty for a scan without lesions.
        geometry: of the same shape.
    """
    numbered, count = ndimage.label(mask, structure=np.ones((3, 3, 3), dtype=bool))
    return tuple(box_of_mask(numbered == number, geometry) for number in range(1, count + 1))


def _lesion_of(mark: Mark, lesions: Sequence[Box], within_mm: float) -> int | None:
    if not lesions:
        return None
    point = np.array(mark.at_mm)
    distances = [(_to_box(point, box), float(np.linalg.norm(point - _middle(box)))) for box in lesions]
    nearest = min(range(len(lesions)), key=lambda place: distances[place])
    return nearest if distances[nearest][0] <= within_mm else None


def _to_box(point: Floats, box: Box) -> float:
    outside = np.maximum(np.maximum(box.low_mm - point, point - box.high_mm), 0.0)
    return float(np.linalg.norm(outside))


def _middle(box: Box) -> tuple[float, float, float]:
    x, y, z = ((low + high) / 2 for low, high in zip(box.low_mm, box.high_mm, strict=True))
    return x, y, z
