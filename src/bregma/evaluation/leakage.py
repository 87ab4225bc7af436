"""Whether what is measured on was also learned from: same patient, same study, same pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.score import Labelled


@dataclass(frozen=True, slots=True)
class Leakage:
    """What a part shares with the rest of its split.

    Attributes:
        checked_against: scans of the other parts; 0 when there was nothing to compare with.
        patients: pseudonyms on both sides.
        studies: Study Instance UIDs on both sides.
        pixels: (series UID here, series UID there) with the same pixels under two UIDs.
    """

    checked_against: int
    patients: tuple[str, ...]
    studies: tuple[str, ...]
    pixels: tuple[tuple[str, str], ...]

    @property
    def found(self) -> bool:
        """Whether anything is shared."""
        return bool(self.patients or self.studies or self.pixels)


def find_leakage(here: Sequence[ScanRecord], others: Sequence[ScanRecord], library: Labelled) -> Leakage:
    """Compare a part with the other parts.

    Pixels are compared by the middle slice, which noise makes unlike any other; where that agrees, by the whole scan.

    Args:
        here: the part that is measured on.
        others: all other scans of the split.
        library: for the pixels.
    """
    there: dict[str, list[str]] = {}
    for record in others:
        there.setdefault(_fingerprint(record, library), []).append(record.series_uid)
    pairs = (
        (record.series_uid, twin)
        for record in here
        for twin in there.get(_fingerprint(record, library) if there else "", [])
    )
    return Leakage(
        checked_against=len(others),
        patients=_shared([r.patient for r in here], [r.patient for r in others]),
        studies=_shared([r.study_uid for r in here], [r.study_uid for r in others]),
        pixels=tuple(pair for pair in pairs if _same_pixels(*pair, library)),
    )


def _shared(here: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(here) & set(there)))


def _fingerprint(record: ScanRecord, library: Labelled) -> str:
    middle = library.slice_values(record.series_uid, len(record.slices) // 2)
    return hashlib.sha256(repr(record.shape).encode() + middle.tobytes()).hexdigest()


def _same_pixels(one: str, other: str, library: Labelled) -> bool:
    values, twin = library.volume(one).values, library.volume(other).values
    return values.shape == twin.shape and bool((values == twin).all())
