"""Blows to the head: scalp that swells with blood, with or without a broken bone below it. Neither is a bleed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bregma.phantom.maps import CENTRE, RADII
from bregma.phantom.parameters import HeadParameters
from bregma.phantom.points import Field, Points, cover, paint
from bregma.phantom.skull import Cavity

REACH_MM = 34.0
"""Distance at which a swelling has fallen to a third."""

BLOOD_HU = 48.0
"""Blood and water in the scalp."""


@dataclass(frozen=True, slots=True)
class Bruise:
    """One blow.

    Attributes:
        centre: point under the skull, head frame mm.
        swelling_mm: how much thicker the scalp is there.
        turn: of the crack in the bone, radians; None where the bone is whole.
    """

    centre: tuple[float, float, float]
    swelling_mm: float
    turn: float | None


def find_bruises(parameters: HeadParameters) -> list[Bruise]:
    """One over every bleed below broken bone, and the look-alike, whose place follows `shape.seed`."""
    bruises = []
    for bleed in parameters.bleeds:
        if bleed.fracture:
            rng = np.random.default_rng(bleed.seed)
            turn = float(rng.uniform(0, np.pi))
            bruises.append(Bruise(bleed.centre, float(rng.uniform(2, 9)), turn))
    if (amount := parameters.look_alikes.bruise) > 0:
        bruises.append(
            Bruise(_under_the_skull(np.random.default_rng([parameters.shape.seed, 4])), 2 + 9 * amount, None)
        )
    return bruises


def injure(points: Points, cavity: Cavity, bruises: Sequence[Bruise]) -> Cavity:
    """Swell the scalp, and open a fracture as if it were a suture."""
    for bruise in bruises:
        x, y, z = (p - np.float32(c) for p, c in zip((points.x, points.y, points.z), bruise.centre, strict=True))
        away = np.sqrt(x * x + y * y + z * z)
        scalp = cavity.scalp + np.float32(bruise.swelling_mm) * np.exp(-np.square(away / REACH_MM))
        cavity = replace(cavity, scalp=scalp)
        if bruise.turn is not None:
            c, s = np.float32(np.cos(bruise.turn)), np.float32(np.sin(bruise.turn))
            line = np.abs(c * y + s * z + np.float32(1.2) * np.sin(z / 4))
            cavity = replace(cavity, suture=np.minimum(cavity.suture, np.maximum(line, away - 32)))
    return cavity


def paint_bruises(hu: Field, points: Points, cavity: Cavity, bruises: Sequence[Bruise]) -> None:
    """Blood and water under the swollen scalp, in place."""
    for bruise in bruises:
        x, y, z = (p - np.float32(c) for p, c in zip((points.x, points.y, points.z), bruise.centre, strict=True))
        near = np.exp(-(x * x + y * y + z * z) / np.float32(REACH_MM**2))
        above = -cavity.vault - cavity.skull
        layer = np.minimum(above, cavity.scalp * np.float32(0.75) - above)
        paint(hu, cover(layer, points.edge_mm) * np.clip(near * 1.8 - 0.4, 0, 1), BLOOD_HU)


def _under_the_skull(rng: np.random.Generator) -> tuple[float, float, float]:
    """Any point of the upper vault."""
    direction = rng.standard_normal(3)
    direction[2] = abs(direction[2]) * 0.8
    direction /= np.linalg.norm(direction / np.array(RADII))
    x, y, z = (float(one) for one in np.array(CENTRE) + direction)
    return x, y, z
