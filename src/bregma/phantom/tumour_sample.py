"""Heads with tumours drawn by chance, in the paper's proportions.

Scans and tumours per type follow table 1 of the retrieval paper (399 scans with 1,636 metastases, 339 with 414
meningiomas, 251 with 258 schwannomas). Sizes are ours: radiosurgery treats tumours of a few mm to 3 cm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bregma.phantom.maps import make_maps
from bregma.phantom.parameters import Pose, Scanner, Shape
from bregma.phantom.placing import placing_of
from bregma.phantom.sample import sample_shape
from bregma.phantom.tumour_parameters import KINDS, DrawnTumour, MrLook, TumourHead
from bregma.phantom.tumour_sites import Sites, find_sites
from bregma.scan.errors import RequestError
from bregma.scan.terms import TUMOUR_CRITERIA

SCANS = (399, 339, 251)
"""Of each of `KINDS` in the paper."""

MORE = {"metastasis": 1636 / 399 - 1, "meningioma": 414 / 339 - 1, "schwannoma": 258 / 251 - 1}
"""Mean number of tumours in a scan beyond the first."""

MOST = 12
"""Metastases in one head."""

RADIUS_MM = {
    "metastasis": (5.0, 0.5, (2.2, 16.0)),
    "meningioma": (13.0, 0.4, (5.0, 24.0)),
    "schwannoma": (7.0, 0.4, (3.0, 15.0)),
}
"""Median, standard deviation of the natural logarithm, and limits."""

APART_MM = 3.0
"""Between the surfaces of two tumours, so that the components of a mask are the tumours."""

WHOLE_HEAD_MM = 130.0
"""A stack that covers less is laid over one of the tumours."""

PORUS = (24.0, 29.0, -36.0)
"""Mouth of the internal auditory canal on the left, head frame mm."""

CANAL = (0.96, -0.2, 0.19)
"""Direction of the canal on the left; a unit vector."""

TRIES = 60


def tumour_parameters(
    index: int,
    seed: int,
    *,
    size: int = 96,
    slices: int = 80,
    spacing_mm: float = 2.0,
    field_of_view_mm: float = 192.0,
    kind: str | None = None,
    missing_share: float = 0.0,
) -> TumourHead:
    """The parameters of head `index` of a set made with `seed`; the same whatever else is drawn.

    Args:
        index: number of the head, one patient each.
        seed: of all of them.
        size: rows and columns.
        slices: number of slices, 1 or more.
        spacing_mm: from slice to slice, and their thickness up to 6 mm.
        field_of_view_mm: width of the image.
        kind: type of the tumours; None for chance in the paper's proportions.
        missing_share: share of the labels that nobody states.

    Raises:
        RequestError: for a type that is not drawn or a share outside [0, 1].
    """
    if not 0.0 <= missing_share <= 1.0:
        raise RequestError(f"a share of {missing_share} of the labels is to be missing; expected 0 to 1")
    rng = np.random.default_rng([seed, index])
    shape = _sample_shape(rng)
    kind = kind if kind is not None else str(rng.choice(KINDS, p=np.array(SCANS) / sum(SCANS)))
    tumours = tuple(_sample_tumours(rng, kind, shape))
    pose = Pose(
        (float(rng.normal(0, 4)), float(rng.normal(0, 2.5)), float(rng.normal(0, 3))),
        (float(rng.normal(0, 3)), float(rng.normal(0, 3)), float(rng.normal(0, 3))),
    )
    if slices * spacing_mm < WHOLE_HEAD_MM:
        pose = _over(pose, shape, tumours[int(rng.integers(len(tumours)))])
    pairs = [(number + 1, criterion) for number in range(len(tumours)) for criterion in TUMOUR_CRITERIA]
    return TumourHead(
        shape=shape,
        pose=pose,
        scanner=Scanner(
            size=size,
            slices=slices,
            field_of_view_mm=field_of_view_mm,
            spacing_mm=spacing_mm,
            thickness_mm=min(spacing_mm, 6.0),
            table=False,
        ),
        look=_sample_look(rng),
        tumours=tumours,
        patient=f"phantom-{seed}-{index}",
        date=f"2024{1 + index % 12:02d}{1 + index // 12 % 28:02d}",
        unsaid=tuple(pair for pair in pairs if rng.random() < missing_share),
        seed=int(rng.integers(2**31)),
    )


def _sample_shape(rng: np.random.Generator) -> Shape:
    """Anatomy as for CT, with the brightness of T1 after contrast."""
    white, grey, fluid = rng.normal(44, 2), rng.normal(32, 1.5), rng.normal(10, 1.5)
    return replace(sample_shape(rng), grey_hu=float(grey), white_hu=float(white), csf_hu=float(fluid))


def _sample_look(rng: np.random.Generator) -> MrLook:
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    gain = float(np.exp(rng.uniform(np.log(2.0), np.log(40.0))))
    towards = (float(direction[0]), float(direction[1]), float(direction[2]))
    return MrLook(gain, float(rng.uniform(0.0, 0.3)), towards, float(rng.uniform(0.6, 2.5)))


def _sample_tumours(rng: np.random.Generator, kind: str, shape: Shape) -> Iterator[DrawnTumour]:
    """Tumours of a type, apart from one another."""
    sites = find_sites(make_maps(shape), shape)
    count = 1 + min(int(rng.geometric(1 / (1 + MORE[kind])) - 1), MOST - 1)
    there: list[tuple[np.ndarray, float]] = []
    for _ in range(count):
        for _ in range(TRIES):
            tumour = _sample_tumour(rng, kind, sites)
            middle, reach = _ball(tumour)
            if all(np.linalg.norm(middle - other) > reach + far + APART_MM for other, far in there):
                there.append((middle, reach))
                yield tumour
                break


def _ball(tumour: DrawnTumour) -> tuple[np.ndarray, float]:
    """A ball that holds a tumour; a schwannoma's stalk is left out, no other tumour comes near it."""
    inwards = tumour.radii_mm[2] / 2 if tumour.kind == "meningioma" else 0.0
    return np.asarray(tumour.centre) + inwards * np.asarray(tumour.axis), max(tumour.radii_mm) * 1.3


def _sample_tumour(rng: np.random.Generator, kind: str, sites: Sites) -> DrawnTumour:
    median, spread, (least, most) = RADIUS_MM[kind]
    radius = float(np.clip(median * np.exp(rng.normal(0, spread)), least, most))
    seed = int(rng.integers(2**31))
    if kind == "metastasis":
        return _metastasis(rng, sites, radius, seed)
    if kind == "meningioma":
        centre, axis = sites.on_dura(rng)
        deep = radius * float(rng.uniform(0.6, 1.1))
        oedema = float(rng.uniform(2, 10)) if rng.random() < 0.4 else 0.0
        return DrawnTumour(kind, centre, (radius, radius, deep), axis, float(rng.normal(88, 7)), 0.0, oedema, seed)
    return _schwannoma(rng, radius, seed)


def _metastasis(rng: np.random.Generator, sites: Sites, radius: float, seed: int) -> DrawnTumour:
    """At the grey-white border; the larger, the more often a rim around dead tissue."""
    squeeze = rng.uniform(0.82, 1.15, 3) * radius
    rim = float(np.clip(radius * rng.uniform(0.18, 0.4), 1.2, 4.0))
    ring = radius > 4.5 and rng.random() < min(0.25 + 0.06 * radius, 0.8)
    oedema = float(rng.uniform(0, 14)) if radius > 3 else float(rng.uniform(0, 4))
    radii = (float(squeeze[0]), float(squeeze[1]), float(squeeze[2]))
    centre, lit = sites.in_brain(rng), float(rng.normal(86, 9))
    return DrawnTumour("metastasis", centre, radii, (0.0, 0.0, 1.0), lit, rim if ring else 0.0, oedema, seed)


def _schwannoma(rng: np.random.Generator, radius: float, seed: int) -> DrawnTumour:
    """In the cerebellopontine angle, its stalk in the canal of its side; large ones have a soft core."""
    side = float(rng.choice([-1.0, 1.0]))
    mouth = np.array([PORUS[0] + rng.normal(0, 1), PORUS[1] + rng.normal(0, 1), PORUS[2] + rng.normal(0, 1)])
    middle = mouth + np.array([-0.55 * radius, 0.55 * radius, 0.0])
    squeeze = rng.uniform(0.88, 1.1, 3) * radius
    radii = (float(squeeze[0]), float(squeeze[1]), float(squeeze[2]))
    rim = float(0.45 * radius) if radius > 10 and rng.random() < 0.6 else 0.0
    centre = (side * float(middle[0]), float(middle[1]), float(middle[2]))
    return DrawnTumour(
        "schwannoma", centre, radii, (side * CANAL[0], CANAL[1], CANAL[2]), float(rng.normal(88, 7)), rim, 0.0, seed
    )


def _over(pose: Pose, shape: Shape, tumour: DrawnTumour) -> Pose:
    """The pose whose stack of slices has a tumour in the middle."""
    middle, _ = _ball(tumour)
    height = float(placing_of(pose, shape).to_patient(middle)[2])
    x, y, z = pose.shift_mm
    return Pose(pose.turn_degrees, (x, y, z - height))
