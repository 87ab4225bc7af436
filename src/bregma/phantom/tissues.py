"""What each tissue of a drawn head looks like: Hounsfield units on CT, brightness on contrast-enhanced T1.

One head is drawn by one code in either; only these numbers differ. Grey and white matter and fluid vary from person to
person and stand in `parameters.Shape`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Tissues:
    """One value a tissue.

    Attributes:
        air: around the head and in its sinuses.
        fat: of scalp, orbit and face.
        muscle: of temple, neck and face.
        skin: of the scalp.
        cortical: outer and inner table.
        diploe: the marrow between them.
        bone_level: of any other bone, where `bone_scale` is 0.
        bone_scale: how much of a bone's density shows.
        nerve: optic nerve.
        eye_muscle: muscles of the eye.
        sclera: wall of the eye.
        vitreous: inside of the eye.
        lens: of the eye.
        falx: the fold of dura between the hemispheres.
        tentorium: the fold above the cerebellum.
        sinus: venous sinuses.
    """

    air: float
    fat: float
    muscle: float
    skin: float
    cortical: float
    diploe: float
    bone_level: float
    bone_scale: float
    nerve: float
    eye_muscle: float
    sclera: float
    vitreous: float
    lens: float
    falx: float
    tentorium: float
    sinus: float

    def bone(self, hu: float) -> float:
        """What bone of a density looks like."""
        return self.bone_level + self.bone_scale * hu


CT = Tissues(
    air=-1000.0,
    fat=-85.0,
    muscle=55.0,
    skin=45.0,
    cortical=1350.0,
    diploe=650.0,
    bone_level=0.0,
    bone_scale=1.0,
    nerve=35.0,
    eye_muscle=50.0,
    sclera=42.0,
    vitreous=12.0,
    lens=80.0,
    falx=62.0,
    tentorium=48.0,
    sinus=52.0,
)
"""Hounsfield units."""


def ct_of(density: float) -> Tissues:
    """CT of a head whose dura and venous blood are so dense, from 0 (thin blood, thin dura) to 1; 0.5 is `CT`."""
    more = density - 0.5
    return replace(CT, falx=CT.falx + 24 * more, tentorium=CT.tentorium + 14 * more, sinus=CT.sinus + 18 * more)


T1C = Tissues(
    air=0.0,
    fat=92.0,
    muscle=30.0,
    skin=40.0,
    cortical=5.0,
    diploe=42.0,
    bone_level=9.0,
    bone_scale=0.0,
    nerve=34.0,
    eye_muscle=50.0,
    sclera=36.0,
    vitreous=10.0,
    lens=22.0,
    falx=52.0,
    tentorium=52.0,
    sinus=88.0,
)
"""T1-weighted after gadolinium, white matter about 44: bone is dark, fat and marrow bright; dura and veins enhance."""
