"""Whether what is measured on was also learned from: same patient, same study, same pixels, or a copy of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.catalogue import near_duplicates
from bregma.catalogue.records import ScanRecord
from bregma.evaluation.score import Labelled
from bregma.scan.counted import counted
from bregma.scan.errors import LibraryError

_log = logging.getLogger(__name__)

Pairs = tuple[tuple[str, str], ...]
"""(series UID here, series UID there)."""


@dataclass(frozen=True, slots=True)
class Leakage:
    """What a part shares with the rest of its split.

    Attributes:
        checked_against: scans of the other parts; 0 when there was nothing to compare with.
        patients: pseudonyms on both sides.
        studies: Study Instance UIDs on both sides.
        pixels: with the same pixels under two UIDs.
        alike: of two patients, and so alike that one looks like a copy of the other: noise, a shift of grey levels.
        unread: series UIDs whose pixels cannot be read, and were not compared.
    """

    checked_against: int
    patients: tuple[str, ...]
    studies: tuple[str, ...]
    pixels: Pairs
    alike: Pairs = ()
    unread: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether anything is shared for certain; `alike` is a suspicion, for a person to look at."""
        return bool(self.patients or self.studies or self.pixels)

    def sentence(self) -> str:
        """What is shared, in numbers."""
        parts = [
            f"{counted(len(self.patients), 'patient')}, {counted(len(self.studies), 'study', 'studies')} and "
            f"{counted(len(self.pixels), 'scan')} by their pixels are shared; "
            f"{counted(len(self.alike), 'pair')} of scans look like copies"
        ]
        if self.unread:
            parts.append(f"{counted(len(self.unread), 'scan')} could not be read and were not compared")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    record: ScanRecord
    fingerprint: str
    sketch: near_duplicates.Sketch


def find_leakage(
    here: Sequence[ScanRecord],
    others: Sequence[ScanRecord],
    library: Labelled,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Leakage:
    """Compare a part with the other parts.

    Pixels are compared by the middle slice, which noise makes unlike any other; where that agrees, by the whole scan.
    Copies that were changed are found by `near_duplicates`.

    Args:
        here: the part that is measured on.
        others: all other scans of the split.
        library: for the pixels.
        progress: called with (done, total) after each scan.
    """
    unread: list[str] = []
    records = [*here, *others] if here and others else []
    looks: dict[str, _Look] = {}
    for done, record in enumerate(records, start=1):
        try:
            looks[record.series_uid] = _look(record, library)
        except LibraryError as error:
            _log.warning("series %s is not compared with the other parts: %s", record.series_uid, error)
            unread.append(record.series_uid)
        if progress:
            progress(done, len(records))
    mine = [looks[record.series_uid] for record in here if record.series_uid in looks]
    theirs = [looks[record.series_uid] for record in others if record.series_uid in looks]
    pixels = _same(mine, theirs, library)
    return Leakage(
        checked_against=len(others),
        patients=_shared([r.patient for r in here], [r.patient for r in others]),
        studies=_shared([r.study_uid for r in here], [r.study_uid for r in others]),
        pixels=pixels,
        alike=_alike(mine, theirs, library, known=set(pixels)),
        unread=tuple(unread),
    )


def _shared(here: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(here) & set(there)))


def _look(record: ScanRecord, library: Labelled) -> _Look:
    depth = len(record.slices)
    middle = library.slice_values(record.series_uid, depth // 2)
    fingerprint = hashlib.sha256(repr(record.shape).encode() + middle.tobytes()).hexdigest()
    slices = [library.slice_values(record.series_uid, index) for index in near_duplicates.probed(depth)]
    return _Look(record, fingerprint, near_duplicates.sketch(slices))


def _same(here: Sequence[_Look], there: Sequence[_Look], library: Labelled) -> Pairs:
    """Pairs with the same pixels in every slice."""
    twins: dict[str, list[str]] = {}
    for look in there:
        twins.setdefault(look.fingerprint, []).append(look.record.series_uid)
    pairs = ((look.record.series_uid, twin) for look in here for twin in twins.get(look.fingerprint, []))
    return tuple(pair for pair in pairs if _same_pixels(*pair, library))


def _same_pixels(one: str, other: str, library: Labelled) -> bool:
    """Whether all slices agree; a scan that cannot be read in full is judged by its middle slice, which does."""
    try:
        values, twin = library.volume(one).values, library.volume(other).values
    except LibraryError:
        return True
    return values.shape == twin.shape and bool((values == twin).all())


def _alike(here: Sequence[_Look], there: Sequence[_Look], library: Labelled, *, known: set[tuple[str, str]]) -> Pairs:
    """Pairs of two patients that agree from afar and in detail, but for those that are known to be the same."""
    if not here or not there:
        return ()
    sketches = [np.stack([look.sketch for look in side]) for side in (here, there)]
    found = []
    for row, column in near_duplicates.alike(*sketches):
        one, other = here[row].record, there[column].record
        pair = (one.series_uid, other.series_uid)
        if pair in known or one.patient == other.patient:
            continue
        middles = (
            library.slice_values(each.series_uid, near_duplicates.middle(len(each.slices))) for each in (one, other)
        )
        if near_duplicates.detail(*middles) >= near_duplicates.SAME_DETAIL:
            found.append(pair)
    return tuple(found)
