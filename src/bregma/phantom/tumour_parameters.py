"""Everything a drawn head with tumours is made of, as numbers: one record draws one scan, always the same.

Positions are head frame mm (x to the patient's left, y to the back, z up), as in `parameters`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bregma.phantom.parameters import Pose, Scanner, Shape
from bregma.scan.errors import RequestError, did_you_mean

KINDS = ("metastasis", "meningioma", "schwannoma")
"""The three types of the retrieval paper (section 3.2, table 1)."""

T1_SHAPE = Shape(grey_hu=32.0, white_hu=44.0, csf_hu=10.0)
STRAIGHT = Pose()
WHOLE_HEAD = Scanner(size=256, slices=32, field_of_view_mm=230.0, table=False)

Vector3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class DrawnTumour:
    """One tumour to be drawn.

    Attributes:
        kind: one of `KINDS`.
        centre: of a metastasis or a schwannoma; of a meningioma, the point of the dura where it is attached.
        radii_mm: half axes along x, y and z; of a meningioma, half its width along the dura, twice, and its depth.
        axis: unit vector; from the dura inwards (meningioma), from the cistern into the canal (schwannoma).
        brightness: of what enhances; white matter has about 44, fat about 92.
        rim_mm: thickness of the enhancing rim around a dark core; 0 for a solid tumour.
        oedema_mm: width of the dark white matter around it.
        seed: of its irregular outline.
    """

    kind: str
    centre: Vector3
    radii_mm: Vector3
    axis: Vector3 = (0.0, 0.0, 1.0)
    brightness: float = 90.0
    rim_mm: float = 0.0
    oedema_mm: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RequestError(f"no tumour that is drawn is called {self.kind!r}{did_you_mean(self.kind, KINDS)}")
        if min(self.radii_mm) <= 0:
            raise RequestError(f"a tumour with half axes of {self.radii_mm} mm was asked for; they are above 0 mm")

    @property
    def side(self) -> float:
        """1 on the patient's left, -1 on the right."""
        return 1.0 if self.centre[0] >= 0 else -1.0


@dataclass(frozen=True, slots=True)
class MrLook:
    """What the MR scanner makes of the picture.

    Attributes:
        gain: stored value of a brightness of 1; scanners have no common unit.
        bias: relative brightening towards one side of the coil, 0.2 for a fifth.
        bias_direction: where to, in patient space.
        noise: deviation of the noise in each of the two channels whose magnitude is shown (Rician).
    """

    gain: float = 8.0
    bias: float = 0.15
    bias_direction: Vector3 = (0.5, 0.7, 0.5)
    noise: float = 1.5


@dataclass(frozen=True, slots=True)
class TumourHead:
    """All that decides one phantom with tumours, to the last bit.

    Attributes:
        shape: the anatomy; its densities are those of T1, not of CT.
        pose: how the head lies.
        scanner: matrix, slices and their distances; kernel, tilt, tube and table are not used.
        look: what the MR scanner makes of it.
        tumours: what is to be found.
        patient: whose head it is.
        date: of the study, YYYYMMDD.
        unsaid: (number of the tumour from 1, criterion) pairs which nobody states.
        seed: of noise and identifiers.
    """

    shape: Shape = T1_SHAPE
    pose: Pose = STRAIGHT
    scanner: Scanner = WHOLE_HEAD
    look: MrLook = MrLook()
    tumours: tuple[DrawnTumour, ...] = ()
    patient: str = "phantom"
    date: str = "20240101"
    unsaid: tuple[tuple[int, str], ...] = ()
    seed: int = 0

    def uid(self, *parts: object) -> str:
        """A DICOM UID that only these parameters and `parts` give (PS3.5 B.2: 2.25 and a 128-bit number)."""
        digest = hashlib.sha256("|".join(map(repr, (self, *parts))).encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
