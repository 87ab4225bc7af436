"""Everything a drawn head is made of, as numbers: one record draws one head, always the same.

Head frame: LPS millimetres on a head of average size (x to the patient's left, y to the back, z up), origin near the
anterior commissure; `Shape.scale` turns it into the patient's own size, `Pose` puts it into the scanner.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import SUBTYPES

KERNELS = ("smooth", "standard", "sharp")


@dataclass(frozen=True, slots=True)
class Shape:
    """One person's anatomy.

    Attributes:
        scale: (x, y, z) size against the average head.
        skull_mm: mean thickness of the vault.
        scalp_mm: mean thickness of the scalp.
        atrophy: 0 young and full to 1 old and shrunken: width of sulci, cisterns and fissures.
        ventricles: factor on the ventricles' radii.
        asymmetry: left side against right, about -0.03 to 0.03.
        sinus_air: 0 to 1, how far the frontal sinus and the mastoids are filled with air.
        grey_hu: HU of grey matter.
        white_hu: HU of white matter.
        csf_hu: HU of cerebrospinal fluid.
        low_density: 0 to 1, darkening of the white matter around the ventricles (small vessel disease).
        seed: of the folds and of everything else that is drawn by chance.
    """

    scale: tuple[float, float, float] = (0.95, 0.95, 0.95)
    skull_mm: float = 6.5
    scalp_mm: float = 5.0
    atrophy: float = 0.4
    ventricles: float = 1.0
    asymmetry: float = 0.0
    sinus_air: float = 0.6
    grey_hu: float = 38.0
    white_hu: float = 29.0
    csf_hu: float = 6.0
    low_density: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Dense things that are no bleed, each from 0 (absent) to 1 (large).

    Attributes:
        pineal: calcified pineal gland.
        choroid: calcified choroid plexus in both atria.
        falx: calcified plaques of the falx.
        basal_ganglia: calcification of both pallida.
        sinuses: density of the dura, its sinuses and the arteries above soft tissue.
        infarct: an old infarct, dark.
        lacunes: small dark holes in the deep nuclei.
        specks: calcified dots in falx, arteries and brain; the more, the larger.
        bruise: swollen scalp with blood in it, over a whole skull.
    """

    pineal: float = 0.5
    choroid: float = 0.5
    falx: float = 0.0
    basal_ganglia: float = 0.0
    sinuses: float = 0.5
    infarct: float = 0.0
    lacunes: float = 0.0
    specks: float = 0.0
    bruise: float = 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What neurosurgeons left behind.

    Attributes:
        side: 1 for the patient's left, -1 for the right.
        centre: point under the skull, head frame mm, in the middle of the flap.
        flap_mm: radius of the bone flap that was sawn out and put back; 0 for none.
        drain: whether a drain runs through the frontal bone to the frontal horn.
        air_mm: depth of the air under the front of the skull; 0 for none.
    """

    side: int
    centre: tuple[float, float, float]
    flap_mm: float = 0.0
    drain: bool = False
    air_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Pose:
    """How the head lies in the scanner.

    Attributes:
        turn_degrees: rotations about x (chin to chest), y (ear to shoulder) and z (looking aside).
        shift_mm: LPS mm from the scanner's middle to the head frame's middle.
    """

    turn_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Scanner:
    """How the head is scanned.

    Attributes:
        size: rows and columns.
        slices: number of slices.
        field_of_view_mm: width of the image.
        spacing_mm: table feed from slice to slice, one number or one for each gap (foot to head).
        thickness_mm: slice thickness.
        tilt_degrees: gantry tilt, positive where slices sink towards the back.
        kernel: one of `KERNELS`.
        noise_hu: standard deviation of the noise in the middle of the head.
        hardening: 0 to 1, strength of cupping and of dark streaks between the petrous bones.
        kvp: tube voltage.
        table: whether headrest and table are seen.
        motion_mm: how far the head moves during some of the slices.
        streaks: 0 to 1, strength of the rays from a piece of metal; 0 for none.
    """

    size: int = 512
    slices: int = 32
    field_of_view_mm: float = 240.0
    spacing_mm: float | tuple[float, ...] = 5.0
    thickness_mm: float = 5.0
    tilt_degrees: float = 0.0
    kernel: str = "standard"
    noise_hu: float = 4.0
    hardening: float = 0.4
    kvp: float = 120.0
    table: bool = True
    motion_mm: float = 0.0
    streaks: float = 0.0

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise RequestError(f"the phantom scanner has no kernel {self.kernel!r}{did_you_mean(self.kernel, KERNELS)}")
        if self.size < 32 or self.slices < 1:
            raise RequestError(
                f"a phantom of {self.slices} slices of {self.size} pixels was asked for; "
                "at least 1 slice of 32 pixels is drawn"
            )
        if isinstance(self.spacing_mm, tuple) and len(self.spacing_mm) != self.slices - 1:
            raise RequestError(
                f"{len(self.spacing_mm)} slice gaps were given for {self.slices} slices; give one for each gap"
            )


@dataclass(frozen=True, slots=True)
class Bleed:
    """One bleed to be drawn.

    Attributes:
        subtype: one of scan.terms.SUBTYPES.
        place: where it sits: see `bleeds.PLACES` for the words of each subtype.
        side: 1 for the patient's left, -1 for the right.
        centre: head frame mm; what it means depends on the subtype (centre of a clot, point under the skull).
        volume_ml: how much blood is asked for.
        hu: mean density of the blood.
        layered: 0 to 1, how much denser the lower part is than the upper.
        edema_mm: width of the dark ring (intraparenchymal).
        fracture: whether the bone over it is broken and the scalp swollen (epidural).
        seed: of its irregular outline.
    """

    subtype: str
    place: str
    side: int
    centre: tuple[float, float, float]
    volume_ml: float
    hu: float = 62.0
    layered: float = 0.0
    edema_mm: float = 0.0
    fracture: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.subtype not in SUBTYPES:
            raise RequestError(f"no bleed is called {self.subtype!r}{did_you_mean(self.subtype, SUBTYPES)}")
        if self.volume_ml <= 0:
            raise RequestError(f"a bleed of {self.volume_ml} mL was asked for; the volume is above 0 mL")


@dataclass(frozen=True, slots=True)
class HeadParameters:
    """All that decides one phantom, to the last bit.

    Attributes:
        shape: the anatomy.
        look_alikes: dense things that are no bleed.
        pose: how the head lies.
        scanner: how it is scanned.
        bleeds: what is to be found.
        operation: what an operation left, or None.
        seed: of noise and identifiers.
    """

    shape: Shape = Shape()
    look_alikes: LookAlikes = LookAlikes()
    pose: Pose = Pose()
    scanner: Scanner = Scanner()
    bleeds: tuple[Bleed, ...] = ()
    operation: Operation | None = None
    seed: int = 0

    def uid(self, *parts: object) -> str:
        """A DICOM UID that only these parameters and `parts` give (PS3.5 B.2: 2.25 and a 128-bit number)."""
        digest = hashlib.sha256("|".join(map(repr, (self, *parts))).encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
