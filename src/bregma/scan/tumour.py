"""A tumour in a scan: its place in the array, and what is known about it.

Arrays are (slices, rows, columns) of the scan as stored, foot to head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import RequestError
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.scan.volume import Volume

TumourMap = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class VoxelBox:
    """A box in the array of a scan; its end is exclusive.

    Attributes:
        start: least slice, row and column.
        stop: one more than the greatest.
    """

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    def __post_init__(self) -> None:
        if any(low < 0 or high <= low for low, high in zip(self.start, self.stop, strict=True)):
            raise RequestError(
                f"box from {self.start} to {self.stop} is empty or begins before the scan; "
                "expected slices, rows and columns from 0, each end greater than its start"
            )


@dataclass(frozen=True, slots=True)
class Tumour:
    """One tumour of a scan (Tumour retrieval via multitask learning, section 3.2).

    Attributes:
        number: its value in the scan's tumour map, from 1.
        box: the smallest around it.
        labels: criterion -> term, both from scan.terms.TUMOUR_CRITERIA; a criterion that nobody stated is not in it.
    """

    number: int
    box: VoxelBox
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for criterion, name in self.labels.items():
            known = [term.name for term in TUMOUR_CRITERIA.get(criterion, ())]
            if name not in known:
                raise RequestError(
                    f"tumour {self.number} is said to have {criterion} {name!r}; expected one of "
                    f"{', '.join(known) or ', '.join(TUMOUR_CRITERIA)} (leave it out if it is unknown)"
                )


@dataclass(frozen=True, slots=True, eq=False)
class TumourScan:
    """A scan whose tumours are outlined.

    Attributes:
        series_uid: of the scan.
        patient: a pseudonym; what is of one patient is never called similar to it.
        volume: as stored; MR values have no unit.
        map: (D, H, W) uint8, 0 outside and a tumour's number inside.
        tumours: every one in the map, by number.
        date: of the study, as DICOM writes it (YYYYMMDD); None when unknown.
    """

    series_uid: str
    patient: str
    volume: Volume
    map: TumourMap
    tumours: tuple[Tumour, ...]
    date: str | None = None


def tumours_of_map(numbers: TumourMap, labels: Mapping[int, Mapping[str, str]]) -> tuple[Tumour, ...]:
    """The tumours of a map, by number, with their smallest boxes.

    Args:
        numbers: (D, H, W), a tumour's number inside it.
        labels: number -> criterion -> term, of those about which something is known.

    Raises:
        RequestError: labels of a tumour that is not in the map.
    """
    present = [int(number) for number in np.unique(numbers) if number]
    if absent := sorted(set(labels) - set(present)):
        raise RequestError(f"labels of tumours {absent} which the map does not have; it has {present or 'none'}")
    return tuple(Tumour(number, _box(numbers == number), dict(labels.get(number, {}))) for number in present)


def _box(inside: NDArray[np.bool_]) -> VoxelBox:
    ranges: Sequence[NDArray[np.intp]] = [np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    start, stop = [int(one[0]) for one in ranges], [int(one[-1]) + 1 for one in ranges]
    return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
