"""Slices as pictures: brain window, the patient's right on the viewer's left, lesions outlined.

Pictures are square, in pixels of `PIXEL_MM`, rows to the back and columns to the patient's left.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.lesions import Lesion, lesion_on_slice
from bregma.preprocessing.pipeline import Placement, Preprocessing, prepare, prepare_mask
from bregma.preprocessing.window import PRESETS
from bregma.reading import Reading
from bregma.report.kinds import kinds_on_slice
from bregma.scan.terms import ANY
from bregma.scan.volume import Geometry, Volume

PIXEL_MM = 0.5
FIELD_OF_VIEW_MM = 232.0
BRAIN_GREY = 0.25
MARGIN = 14
"""Pixels of air around the head."""

SHOWN = 12
"""At most so many slices are shown, so that a page of a thin scan stays small."""

NAME_PIXELS = 30
"""Room for a lesion's name."""

Grey = NDArray[np.uint8]
View = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Outline:
    """A lesion's edge on one picture.

    Attributes:
        lesion: its id.
        path: an SVG path in pixels of the picture.
        at: (x, y) where its name fits: right of its edge.
    """

    lesion: str
    path: str
    at: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice as shown.

    Attributes:
        index: of the slice in the scan.
        z_mm: patient z; None without geometry.
        probability: of `any`; None when the scan was not read.
        counted: whether the rule counts it.
        kinds: the scan's named subtypes that this slice reaches, with their probabilities, the likeliest first.
        image: a data URI.
        size: rows and columns of the picture.
        view: (x, y, length) of the square that holds the head, the same for all tiles of a scan.
        outlines: of the lesions on it.
    """

    index: int
    z_mm: float | None
    probability: float | None
    counted: bool
    kinds: tuple[tuple[str, float], ...]
    image: str
    size: int
    view: View
    outlines: tuple[Outline, ...]


def montage(reading: Reading, *, limit: int = SHOWN) -> list[Tile]:
    """The slices that matter, foot to head, at brain window."""
    chosen = slices_that_matter(reading, limit=limit)
    part = _only(reading.scan.volume, chosen)
    settings = Preprocessing((PRESETS["brain"],), PIXEL_MM, FIELD_OF_VIEW_MM)
    prepared = prepare(part, settings)
    view = _view(prepared.images[:, 0])
    outlines = _outlines(reading.lesions, chosen, part.values.shape[1:], prepared.placement, view)
    return [
        Tile(
            index=index,
            z_mm=reading.scan.slices[index].z_mm,
            probability=_probability(reading, index),
            counted=bool(len(reading.counted) and reading.counted[index]),
            kinds=kinds_on_slice(reading, index),
            image=data_uri(to_grey(image[0])),
            size=settings.size,
            view=view,
            outlines=outlines[place],
        )
        for place, (index, image) in enumerate(zip(chosen, prepared.images, strict=True))
    ]


def slices_that_matter(reading: Reading, *, limit: int = SHOWN) -> list[int]:
    """Which slices to show, foot to head.

    Those that the rule counts; every lesion on the slice where it is largest. When nothing was counted: slices spread
    over the head, with the most suspicious among them.
    """
    slices = len(reading.scan.slices)
    largest = [one.corner[0] + int(one.mask.sum(axis=(1, 2)).argmax()) for one in reading.lesions[: limit // 2]]
    counted = np.flatnonzero(reading.counted).tolist()
    if not counted:
        counted = list(range(slices))
        if len(reading.slice_probabilities):
            largest = [int(reading.slice_probabilities[:, 0].argmax())]
    chosen = set(largest)
    others = [index for index in counted if index not in chosen]
    places = np.linspace(0, len(others) - 1, min(limit - len(chosen), len(others))).round().astype(int)
    return sorted(chosen.union(others[place] for place in places.tolist()))


def to_grey(image: NDArray[np.float32]) -> Grey:
    """[0, 1] as 8 bits."""
    return np.asarray((image * 255.0).round(), dtype=np.uint8)


def data_uri(grey: Grey) -> str:
    """A grey picture as WebP in a data URI."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(grey).save(file, format="WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def trace(mask: NDArray[np.bool_]) -> str:
    """The edge of a mask as an SVG path, in pixels."""
    import cv2

    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    words = []
    for contour in found:
        corners = cv2.approxPolyDP(contour, 0.6, closed=True)[:, 0, :] + 0.5
        words.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners.tolist()) + "Z")
    return "".join(words)


def _outlines(
    lesions: Sequence[Lesion], chosen: Sequence[int], shape: tuple[int, int], placement: Placement, view: View
) -> list[tuple[Outline, ...]]:
    """Per picture, the lesions on it."""
    drawn: list[list[Outline]] = [[] for _ in chosen]
    for lesion in lesions:
        stored = np.stack([lesion_on_slice(lesion, index, shape) for index in chosen])
        for place, shown in enumerate(prepare_mask(stored, placement) >= 0.5):
            if shown.any():
                rows, columns = np.nonzero(shown)
                right = view[0] + view[2] - NAME_PIXELS
                at = min(float(columns.max()) + 6.0, float(right)), float(rows[columns.argmax()])
                drawn[place].append(Outline(lesion.id, trace(shown), at))
    return [tuple(outlines) for outlines in drawn]


def _view(images: NDArray[np.float32]) -> View:
    """(x, y, length) of a square around everything as bright as brain, with a margin; all of it when there is none."""
    size = images.shape[-1]
    seen = np.asarray((images > BRAIN_GREY).any(axis=0))
    if not seen.any():
        return 0, 0, size
    spans = [np.flatnonzero(seen.any(axis=axis)) for axis in (0, 1)]
    length = min(size, int(max(np.ptp(span) for span in spans)) + 2 * MARGIN)
    x, y = (min(max(0, int(span[0] + span[-1] - length) // 2), size - length) for span in spans)
    return x, y, length


def _only(volume: Volume, chosen: Sequence[int]) -> Volume:
    """The volume with only some of its slices."""
    place = volume.geometry
    part = None
    if place is not None:
        origins = place.origins[list(chosen)]
        part = Geometry(place.rows, place.columns, origins, place.along_row, place.along_column, place.pixel_mm)
    return Volume(volume.values[list(chosen)], part)


def _probability(reading: Reading, index: int) -> float | None:
    if not len(reading.slice_probabilities):
        return None
    return float(reading.slice_probabilities[index, reading.findings.index(ANY)])
