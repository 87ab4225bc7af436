"""Heads drawn by chance: anatomy, pose, scanner and bleeds as they vary from patient to patient.

Volumes and densities of bleeds follow the 1,865 hand-outlined lesions of the BHSD data set (FDA table of lesion
characteristics, CC0), lesions of 1 mL and more; smaller ones are drawn too, down to 0.3 mL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.phantom.bleeds import PLACES
from bregma.phantom.maps import CENTRE, RADII
from bregma.phantom.parameters import KERNELS, Bleed, HeadParameters, LookAlikes, Operation, Pose, Scanner, Shape
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import SUBTYPES


@dataclass(frozen=True, slots=True)
class Habit:
    """How large and how dense bleeds of a subtype are.

    Attributes:
        median_ml: median volume (BHSD, lesions of 1 mL and more; subarachnoid and ventricular blood of one patient is
            counted there in pieces and is larger here).
        spread: standard deviation of the volume's natural logarithm.
        limits_ml: least and largest volume that is drawn.
        hu: mean density of fresh blood (BHSD, 75th percentile of means that include partial volume).
        hu_spread: its standard deviation.
    """

    median_ml: float
    spread: float
    limits_ml: tuple[float, float]
    hu: float
    hu_spread: float


HABITS = {
    "epidural": Habit(10.0, 1.0, (1.0, 80.0), 64.0, 6.0),
    "intraparenchymal": Habit(8.0, 1.3, (0.3, 90.0), 63.0, 6.0),
    "intraventricular": Habit(3.0, 1.0, (0.4, 13.0), 58.0, 7.0),
    "subarachnoid": Habit(4.0, 1.1, (0.5, 35.0), 57.0, 7.0),
    "subdural": Habit(11.0, 1.2, (1.0, 110.0), 60.0, 7.0),
}

CENTRES = {
    "ganglia": (26.0, 2.0, 4.0),
    "thalamus": (12.0, 18.0, 8.0),
    "pons": (2.0, 24.0, -30.0),
    "cerebellum": (24.0, 66.0, -34.0),
    "dependent": (25.0, 50.0, 8.0),
    "cast": (15.0, -10.0, 14.0),
    "third": (0.5, 10.0, 0.0),
    "fourth": (0.5, 44.0, -31.0),
    "sylvian": (42.0, -8.0, 2.0),
    "cisterns": (2.0, 4.0, -18.0),
    "diffuse": (4.0, 6.0, -14.0),
}
"""Where a bleed starts, left side, head frame mm."""

DIRECTIONS = {
    "temporal": (0.95, 0.02, -0.12),
    "parietal": (0.80, 0.32, 0.52),
    "frontal": (0.55, -0.78, 0.25),
    "occipital": (0.45, 0.85, -0.05),
    "convexity": (0.92, 0.04, 0.24),
    "sulci": (0.82, 0.10, 0.45),
}
"""Where on the skull a bleed outside the brain sits, left side, from the middle of the vault."""

WEIGHTS = {"intraparenchymal": (0.35, 0.2, 0.28, 0.1, 0.07, 0.0), "subdural": (0.72, 0.18, 0.10)}
CONTUSED = ((24.0, -62.0, -8.0), (40.0, -40.0, 4.0), (52.0, -6.0, -20.0), (44.0, 12.0, -26.0), (50.0, 40.0, 20.0))
"""Where the brain strikes the skull, left side, head frame mm: frontal and temporal poles above all."""

OPERATED, STRUCK = 0.12, 0.15
"""Share of heads that were operated on, and of bleeding heads with contusions besides."""

FAINTEST_HU = 47.0
"""Blood in sulci is no fainter: below, it could not be told from grey matter, and a label would teach a guess."""

COMPANY = {
    "intraparenchymal": (("intraventricular", 0.25), ("subarachnoid", 0.12)),
    "subarachnoid": (("intraventricular", 0.2), ("subdural", 0.1)),
    "subdural": (("subarachnoid", 0.2),),
    "epidural": (("subarachnoid", 0.15), ("subdural", 0.1)),
    "intraventricular": (("intraparenchymal", 0.5),),
}
"""What else is bleeding, and how often, when the kinds are left to chance."""


def sample_head(
    rng: np.random.Generator,
    *,
    bleeds: Sequence[str] | None = None,
    scanner: Scanner | None = None,
    least_ml: float = 0.0,
) -> HeadParameters:
    """Draw the parameters of one head by chance.

    Args:
        rng: the only source of chance.
        bleeds: subtypes to be drawn, a subtype twice for two bleeds; empty for none; None for a bleeding head whose
            kinds are left to chance.
        scanner: how it is scanned; None for chance, at 512 x 512 and 5 mm.
        least_ml: no bleed is drawn smaller, unless its place holds less.

    Raises:
        RequestError: for a name that is no subtype.
    """
    for name in bleeds or ():
        if name not in SUBTYPES:
            raise RequestError(f"no bleed is called {name!r}{did_you_mean(name, SUBTYPES)}")
    shape = sample_shape(rng)
    looks = _sample_looks(rng)
    pose = Pose(
        (float(rng.normal(0, 5)), float(rng.normal(0, 3)), float(rng.normal(0, 4))),
        (float(rng.normal(0, 4)), float(rng.normal(0, 5)), float(rng.normal(0, 4))),
    )
    scanner = scanner if scanner is not None else sample_scanner(rng)
    names = list(bleeds) if bleeds is not None else _sample_kinds(rng)
    drawn = tuple(sample_bleed(rng, name, least_ml=least_ml) for name in names)
    seed = int(rng.integers(2**31))
    if bleeds is None and rng.random() < STRUCK:
        drawn += sample_contusions(rng, least_ml=least_ml)
    operation = sample_operation(rng) if rng.random() < OPERATED else None
    return HeadParameters(shape, looks, pose, scanner, drawn, operation, seed)


def sample_scanner(rng: np.random.Generator, *, size: int = 512, slices: int = 32) -> Scanner:
    """Draw a scanner's settings by chance; about 160 mm are covered whatever the number of slices."""
    spacing = 160.0 / slices
    kernel = str(rng.choice(KERNELS, p=(0.3, 0.5, 0.2)))
    return Scanner(
        size=size,
        slices=slices,
        field_of_view_mm=round(float(rng.uniform(220, 250)), 1),
        spacing_mm=round(spacing, 3),
        thickness_mm=round(min(spacing, float(rng.choice([5.0, 2.5, 1.25], p=(0.7, 0.2, 0.1)))), 3),
        tilt_degrees=round(float(rng.choice([0.0, rng.uniform(5, 20)], p=(0.5, 0.5))), 1),
        kernel=kernel,
        noise_hu=float(rng.uniform(1.5, 7.0)),
        hardening=float(rng.uniform(0.1, 0.8)),
        kvp=float(rng.choice([120.0, 140.0, 130.0])),
        table=bool(rng.random() < 0.85),
        motion_mm=float(rng.uniform(0.5, 2.5)) if rng.random() < 0.15 else 0.0,
        streaks=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.15 else 0.0,
    )


def sample_bleed(rng: np.random.Generator, subtype: str, *, least_ml: float = 0.0) -> Bleed:
    """Draw one bleed of a subtype by chance, of at least `least_ml` where there is room for as much."""
    habit = HABITS[subtype]
    place = str(rng.choice(PLACES[subtype], p=WEIGHTS.get(subtype)))
    side = int(rng.choice([-1, 1]))
    volume = max(habit.median_ml * np.exp(rng.normal(0, habit.spread)), least_ml)
    volume = float(np.clip(volume, *habit.limits_ml))
    if place in ("pons", "third", "fourth", "thalamus", "tentorium"):
        volume = min(volume, {"third": 1.5, "fourth": 1.5, "tentorium": 12.0}.get(place, 9.0))
    hu, layered = float(rng.normal(habit.hu, habit.hu_spread)), 0.0
    if subtype == "subdural" and place == "convexity":
        age = rng.random()
        hu = hu if age < 0.6 else float(rng.uniform(40, 50)) if age < 0.85 else float(rng.uniform(15, 27))
        layered = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.3 else 0.0
    hu = max(hu, FAINTEST_HU) if subtype == "subarachnoid" else hu
    edema = float(rng.uniform(0, 7)) if subtype == "intraparenchymal" else 0.0
    centre = _sample_centre(rng, place, side)
    fracture = subtype == "epidural" and bool(rng.random() < 0.6)
    seed = int(rng.integers(2**31))
    return Bleed(subtype, place, side, centre, volume, max(hu, 14.0), layered, edema, fracture, seed)


def sample_contusions(rng: np.random.Generator, *, least_ml: float = 0.0) -> tuple[Bleed, ...]:
    """One to three small ragged clots where the brain struck the skull, on one side, in a wide dark ring."""
    side, count = int(rng.choice([-1, 1])), int(rng.integers(1, 4))
    places = rng.permutation(len(CONTUSED))[:count]
    return tuple(_sample_contusion(rng, CONTUSED[place], side, least_ml) for place in places)


def _sample_contusion(
    rng: np.random.Generator, middle: tuple[float, float, float], side: int, least_ml: float
) -> Bleed:
    x, y, z = (float(one) for one in np.array(middle) + rng.normal(0, 4.0, 3))
    volume = max(float(np.clip(np.exp(rng.normal(0.3, 0.9)), 0.3, 15.0)), least_ml)
    hu, edema, seed = float(rng.normal(57, 6)), float(rng.uniform(2, 9)), int(rng.integers(2**31))
    return Bleed("intraparenchymal", "contusion", side, (side * x, y, z), volume, hu, 0.0, edema, False, seed)


def sample_operation(rng: np.random.Generator) -> Operation:
    """A flap, a drain, air, or several of them; at least one of flap and drain."""
    side = int(rng.choice([-1, 1]))
    place = str(rng.choice(["temporal", "parietal", "frontal", "convexity"]))
    flap, drain = rng.random() < 0.7, rng.random() < 0.5
    return Operation(
        side,
        _sample_centre(rng, place, side),
        flap_mm=float(rng.uniform(22, 42)) if flap or not drain else 0.0,
        drain=bool(drain),
        air_mm=float(rng.uniform(2, 16)) if rng.random() < 0.5 else 0.0,
    )


def _sample_centre(rng: np.random.Generator, place: str, side: int) -> tuple[float, float, float]:
    if place in CENTRES:
        spread = 3.0 if place in ("ganglia", "sylvian", "cerebellum") else 1.0
        point = np.array(CENTRES[place]) + rng.normal(0, spread, 3)
    elif place in DIRECTIONS:
        direction = np.array(DIRECTIONS[place]) + rng.normal(0, 0.12, 3)
        direction[0] = max(direction[0], 0.3)
        direction /= np.linalg.norm(direction)
        point = np.array(CENTRE) + direction / np.linalg.norm(direction / np.array(RADII))
    elif place == "lobar":
        middle = [(32.0, -30.0, 25.0), (36.0, 45.0, 28.0), (26.0, 68.0, 15.0), (44.0, 12.0, -14.0)][rng.integers(4)]
        point = np.array(middle) + rng.normal(0, 5.0, 3)
    else:
        point = np.array([1.0, rng.uniform(-40, 50), 45.0])
    return float(side * point[0]), float(point[1]), float(point[2])


def _sample_kinds(rng: np.random.Generator) -> list[str]:
    first = str(rng.choice(SUBTYPES, p=(0.13, 0.27, 0.12, 0.24, 0.24)))
    return [first] + [name for name, share in COMPANY[first] if rng.random() < share]


def sample_shape(rng: np.random.Generator) -> Shape:
    """Draw one person's anatomy by chance, with the densities of CT."""
    size = rng.normal(0.95, 0.025)
    scale = tuple(float(size * (1 + rng.normal(0, 0.025))) for _ in range(3))
    age = float(rng.beta(1.8, 1.4))
    calibration = float(rng.normal(-0.5, 2.5))
    grey, contrast = float(rng.normal(38.0, 1.4)), float(np.clip(rng.normal(8.8, 2.2), 4.0, 14.0))
    return Shape(
        scale=(scale[0], scale[1], scale[2]),
        skull_mm=float(np.clip(rng.normal(6.5, 1.1), 4, 10)),
        scalp_mm=float(np.clip(rng.normal(5.0, 1.2), 2.5, 9)),
        atrophy=float(np.clip(age + rng.normal(0, 0.1), 0, 1)),
        ventricles=float(np.clip(0.75 + 0.85 * age + rng.normal(0, 0.2), 0.6, 2.2)),
        asymmetry=float(rng.normal(0, 0.012)),
        sinus_air=float(rng.beta(3, 2)),
        grey_hu=grey + calibration,
        white_hu=grey - contrast + calibration,
        csf_hu=float(rng.normal(6, 1.5)) + calibration,
        low_density=float(np.clip(age - 0.4 + rng.normal(0, 0.15), 0, 1)),
        seed=int(rng.integers(2**31)),
    )


def _sample_looks(rng: np.random.Generator) -> LookAlikes:
    def amount(share: float) -> float:
        return float(rng.uniform(0.1, 1.0)) if rng.random() < share else 0.0

    return LookAlikes(
        pineal=amount(0.6),
        choroid=amount(0.6),
        falx=amount(0.2),
        basal_ganglia=amount(0.12),
        sinuses=float(rng.random()),
        infarct=amount(0.15),
        lacunes=amount(0.25),
        specks=amount(0.35),
        bruise=amount(0.15),
    )
