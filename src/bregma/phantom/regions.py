"""The 15 places of scan.terms.ANATOMY on a plane of a drawn head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bregma.phantom.brain import Spaces
from bregma.phantom.points import Field, Points
from bregma.phantom.skull import Cavity
from bregma.scan.terms import ANATOMY

CODE = {name: index + 1 for index, name in enumerate(ANATOMY)}


def find_regions(hu: Field, points: Points, cavity: Cavity, spaces: Spaces, plane: int) -> NDArray[np.uint8]:
    """(H, W) region codes of one plane of a slab."""
    x, y, z = np.abs(points.x[plane]), points.y[plane], points.z[plane]
    above, inside = spaces.above[plane] > 0, cavity.depth[plane] > 0
    central = ((x / 20) ** 2 + ((y - 24) / 18) ** 2 < 1) & (z < -4) & (z > -70)
    found = np.zeros(x.shape, dtype=np.uint8)
    sylvian = z < -5 + 0.38 * (y + 20)
    rules = (
        ("frontal region", inside & above),
        ("parietal region", inside & above & (y > 18 - 0.35 * (z - 10)) & (z > 0)),
        ("occipital region", inside & above & (y > 66)),
        ("temporal region", inside & above & (x > 16) & sylvian & (y > -30) & (y < 66) & (z < 16)),
        ("gangliocapsular region", inside & above & (x > 4) & (x < 35) & (np.abs(y + 2) < 21) & (np.abs(z - 3) < 13)),
        ("thalamus", inside & (((x - 11) / 9.5) ** 2 + ((y - 17) / 15.5) ** 2 + ((z - 8) / 9.5) ** 2 < 1)),
        ("cerebellum", inside & ~above),
        ("brainstem", inside & central),
        ("sulcal spaces", (spaces.water[plane] > 0.5) & above),
        ("basal cisterns", (spaces.water[plane] > 0.4) & (x < 24) & (np.abs(y - 14) < 30) & (np.abs(z + 20) < 22)),
        ("ventricular system", spaces.ventricle[plane] > 0.5),
        (
            "along falx/tentorium",
            inside & (((x < 1.5) & above & (z > 26)) | (np.abs(spaces.above[plane]) < 1.2) & ~central),
        ),
    )
    for name, where in rules:
        found[where] = CODE[name]
    air = (hu[plane] < -300) & ~inside & (y < 10) & (cavity.floor[plane] < 3)
    found[air & (x < 12) & (y < -35) & (z > -50)] = CODE["ethmoidal"]
    found[air & (x < 14) & (y > -32) & (np.abs(z + 38) < 10)] = CODE["sphenoid"]
    found[air & (x > 12) & (x < 46) & (z < -46) & (y < -30)] = CODE["maxillary"]
    return found
