"""Images of one series into stacks of slices: by content, in order of position, foot to head.

File names and instance numbers play no part. What does not belong is set aside with its reason; what belongs together
only by its Series Instance UID (two acquisitions, two matrices) becomes stacks of their own.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.io.dicom_image import Image
from bregma.scan.counted import counted
from bregma.scan.study import Refusal, Remark

SAME_PLACE_MM = 0.05
"""Slices that lie closer than this are at one place."""

TELLING = (
    "AcquisitionNumber",
    "FrameOfReferenceUID",
    "ConvolutionKernel",
    "ImageType",
    "SliceThickness",
    "SeriesDescription",
    "KVP",
    "TemporalPositionIndex",
    "StackID",
    "AcquisitionTime",
)
"""Attributes that tell two acquisitions or reconstructions in one series apart, the surest first."""

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

ENOUGH = 3
"""Slices that make a stack of their own beside a larger one; fewer are set aside."""

Place = tuple[Image, ...]
"""The images at one place of a stack: one, or several that only their pixels can tell apart."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Images that form one scan.

    Attributes:
        places: foot to head; where no position is known, a single image.
        remarks: warnings found on the way.
        excluded: images of the series that are no part of it.
    """

    places: tuple[Place, ...]
    remarks: tuple[Remark, ...] = ()
    excluded: tuple[Refusal, ...] = ()


def stacks_of(images: Sequence[Image]) -> list[Stack]:
    """The stacks of one series, the largest first; the excluded images go with the first.

    Args:
        images: all of one series and one patient, in any order.
    """
    loose = [image for image in images if not image.placed]
    placed = [image for image in images if image.placed]
    if not placed:
        return [Stack(((image,),)) for image in sorted(loose, key=_name)]
    captures = [image for image in loose if image.header.text("SOPClassUID") == SECONDARY_CAPTURE]
    lost = [image for image in loose if image not in captures]
    excluded = [
        _aside("screen_capture", "an image without a position among slices that have one", captures),
        _aside("odd_slice", "the file does not say where the image lies, as the other slices do", lost),
    ]
    found: list[tuple[Place, ...]] = []
    for number, group in enumerate(_by_geometry(placed)):
        if number and len(group) < ENOUGH < len(placed) - len(group) + 1:
            reason = "its matrix, pixel size or orientation differs from that of the other slices"
            excluded.append(_aside("odd_slice", reason, group))
        else:
            found += [_places(part) for part in _acquisitions(group)]
    found.sort(key=len, reverse=True)
    return _with_remarks(found, [row for row in excluded if row.files])


def _with_remarks(found: list[tuple[Place, ...]], excluded: list[Refusal]) -> list[Stack]:
    remarks = []
    if any(row.code == "odd_slice" for row in excluded):
        count = sum(len(row.files) for row in excluded if row.code == "odd_slice")
        remarks.append(
            Remark("slices_set_aside", f"{counted(count, 'image')} of the series left out, for not fitting the others")
        )
    if len(found) > 1:
        remarks.append(Remark("split_series", f"the series holds {len(found)} acquisitions; each is a scan of its own"))
    return [
        Stack(places, tuple(remarks), tuple(excluded) if number == 0 else ()) for number, places in enumerate(found)
    ]


def _aside(code: str, reason: str, images: Iterable[Image]) -> Refusal:
    return Refusal(code, reason, tuple(sorted({image.file for image in images})))


def _name(image: Image) -> tuple[str, str, int]:
    return image.sop_uid, image.file, image.frame or 0


def _by_geometry(images: Iterable[Image]) -> list[list[Image]]:
    """Groups that share matrix, pixel size and orientation (to 2/1000), the largest first."""
    groups: dict[Hashable, list[Image]] = {}
    keys: list[tuple[tuple[float, ...], tuple[int, int], list[Image]]] = []
    for image in images:
        exact = image.format.rows, image.format.columns, image.pixel_mm, image.orientation
        if exact not in groups:
            numbers = (*(image.orientation or ()), *(image.pixel_mm or ()))
            shape = image.format.rows, image.format.columns
            near = next((g for k, s, g in keys if s == shape and np.allclose(k, numbers, rtol=0.002, atol=0.002)), None)
            groups[exact] = near if near is not None else []
            if near is None:
                keys.append((numbers, shape, groups[exact]))
        groups[exact].append(image)
    return sorted((group for _, _, group in keys), key=lambda group: (-len(group), min(map(_name, group))))


def _acquisitions(images: list[Image]) -> list[list[Image]]:
    """Parts that each have one image at a place, if some attribute parts them so; else all of them."""
    by_number = _grouped(images, lambda image: image.header.text("AcquisitionNumber"))
    if _interleaved(by_number):
        return by_number
    one_each = list({(image.sop_uid or image.file, image.frame, image.position): image for image in images}.values())
    crowd = _most_at_one_place(one_each)
    if crowd == 1:
        return [images]
    for keyword in TELLING:
        parts = _grouped(images, lambda image, word=keyword: image.header.text(word))  # type: ignore[misc]
        if 1 < len(parts) <= crowd and all(len(p) >= ENOUGH and _most_at_one_place(p) == 1 for p in parts):
            return parts
    return [images]


def _grouped(images: Iterable[Image], key: Callable[[Image], str]) -> list[list[Image]]:
    groups: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        groups[key(image)].append(image)
    return [groups[name] for name in sorted(groups)]


def _interleaved(groups: list[list[Image]]) -> bool:
    """Whether two acquisitions of several slices each cover the same stretch of the patient."""
    if len(groups) < 2 or any(len(group) < ENOUGH for group in groups):
        return False
    heights = [_heights(group) for group in groups]
    step = max(float(np.diff(np.sort(h)).max()) for h in heights)
    spans = sorted((float(h.min()), float(h.max())) for h in heights)
    return any(low < top - 1.5 * step for (_, top), (low, _) in itertools.pairwise(spans))


def _most_at_one_place(images: list[Image]) -> int:
    heights = np.sort(_heights(images))
    if len(heights) == 1 or float(np.diff(heights).min()) > SAME_PLACE_MM:
        return 1
    return max(len(place) for place in _places(images))


def _places(images: list[Image]) -> tuple[Place, ...]:
    """The images in order of height, those at one place together."""
    heights = _heights(images)
    places: list[list[Image]] = []
    last = -np.inf
    for index in np.argsort(heights, kind="stable"):
        if heights[index] - last > SAME_PLACE_MM:
            places.append([])
            last = heights[index]
        places[-1].append(images[index])
    return tuple(tuple(sorted(place, key=_name)) if len(place) > 1 else (place[0],) for place in places)


def _heights(images: Sequence[Image]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) mm along the slice normal, turned so that it grows towards the head (or left, or back)."""
    positions = np.array([image.position for image in images], dtype=np.float64)
    orientation = np.array(images[0].orientation, dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    axis = 2 if abs(normal[2]) > 0.1 else int(np.abs(normal).argmax())
    heights = positions @ normal
    return heights if normal[axis] > 0 else -heights


def reused_uids(places: Iterable[Place]) -> int:
    """How many SOP Instance UIDs stand for images at several places."""
    counted = Counter(uid for place in places for uid in {one.sop_uid for one in place if one.frame is None} if uid)
    return sum(number > 1 for number in counted.values())
