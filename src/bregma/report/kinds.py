"""The subtypes of a reading, one line each: the scan's score, from where on it is named, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.models.aggregate import SUSPECTED
from bregma.models.lesions import Lesion
from bregma.models.subtypes import named_subtypes
from bregma.reading import Reading
from bregma.report.strip import Bar, bars_of
from bregma.scan.terms import FINDINGS, SUBTYPES

NOT_CLEAR = "subtype not clear"
HEMORRHAGE = "hemorrhage"

NAMED = "named"
SCAN_NOT_SUSPECTED = "reached, but the scan is not suspected"
NOT_REACHED = "not reached"
NO_POINT = "no operating point, so never named"

TITLES = {term.name: term.title for term in FINDINGS}


@dataclass(frozen=True, slots=True)
class Kind:
    """One subtype of a reading.

    Attributes:
        name: of the finding.
        title: in a radiologist's words.
        score: of the scan, 0 to 1.
        point: the score from which it is named; None when no package has a point for it.
        said: "named", or why it is not.
        bars: its probability per slice, foot to head; none for a single slice.
    """

    name: str
    title: str
    score: float
    point: float | None
    said: str
    bars: tuple[Bar, ...]


def kinds(reading: Reading) -> tuple[Kind, ...]:
    """Every subtype that was answered, in the order of scan.terms."""
    return tuple(
        Kind(
            name=name,
            title=TITLES[name],
            score=reading.scan_probabilities[name],
            point=reading.scan_points.get(name),
            said=_said(reading, name),
            bars=bars_of(reading, name),
        )
        for name in SUBTYPES
        if name in reading.scan_probabilities
    )


def kinds_in_words(reading: Reading) -> str:
    """What is said of a suspected scan beside the verdict: "subdural, epidural", "subtype not clear", or ""."""
    if reading.subtypes is None or reading.verdict.word != SUSPECTED:
        return ""
    return ", ".join(reading.subtypes) or NOT_CLEAR


def kinds_on_slice(reading: Reading, index: int) -> tuple[tuple[str, float], ...]:
    """The scan's named subtypes that a slice reaches as well, with their probabilities there, the likeliest first."""
    if not reading.subtypes or not reading.counted[index]:
        return ()
    values = dict(zip(reading.findings, reading.slice_probabilities[index].tolist(), strict=True))
    here = {name: values[name] for name in reading.subtypes}
    return tuple((name, here[name]) for name in named_subtypes(here, {**reading.scan_points, **reading.slice_points}))


def lesion_kind(lesion: Lesion) -> str:
    """A lesion's kind with its probability: "subdural 0.82", or "hemorrhage" when it is not clear."""
    if lesion.subtype is None or lesion.subtype_probability is None:
        return HEMORRHAGE
    return f"{lesion.subtype} {lesion.subtype_probability:.2f}"


def _said(reading: Reading, name: str) -> str:
    point = reading.scan_points.get(name)
    if point is None:
        return NO_POINT
    if reading.scan_probabilities[name] < point:
        return NOT_REACHED
    return NAMED if name in (reading.subtypes or ()) else SCAN_NOT_SUSPECTED
