"""Bleeds as vectors, for an index of earlier ones and for asking it. This file only calls.

Letters: N lesions, E embedding, D slices, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bregma.catalogue.library import Library
from bregma.catalogue.records import without_mr
from bregma.models.anatomy_predictor import AnatomyPredictor
from bregma.models.lesion_vectors import lesion_vectors
from bregma.models.lesions import Lesion, find_lesions
from bregma.models.neighbours import Vectors
from bregma.retrieval.entry import Entry
from bregma.retrieval.index import Index
from bregma.retrieval.match import Match
from bregma.retrieval.measure import best_slice, longest_mm
from bregma.scan.place_votes import places_said
from bregma.scan.regions import Mask
from bregma.scan.terms import SUBTYPES
from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Volume

SHOWN = 5
"""Earlier cases of each lesion, of as many patients."""

SUBTYPE, PLACE = "subtype", "place"
"""What may be known of an outlined bleed."""


@dataclass(frozen=True, slots=True)
class EarlierCases:
    """What an index says of the lesions of a reading.

    Attributes:
        package: digest of the package whose vectors the index holds.
        entries: lesions in the index.
        matches: lesion -> the nearest of each other patient, nearest first; one that cannot be embedded is not in it.
    """

    package: str
    entries: int
    matches: Mapping[str, tuple[Match, ...]]


@dataclass(frozen=True, slots=True)
class Bleeding:
    """Whose lesions they are.

    Attributes:
        series_uid: of the scan.
        patient: a pseudonym.
        modality: DICOM modality.
        date: of the study (YYYYMMDD); None when unknown.
    """

    series_uid: str
    patient: str
    modality: str
    date: str | None = None


def earlier_cases(
    lesions: Sequence[Lesion], volume: Volume, whose: Bleeding, predictor: AnatomyPredictor, index: Index
) -> EarlierCases:
    """The nearest earlier cases of each lesion, one of each patient, never of the same scan or patient.

    Args:
        lesions: of one scan.
        volume: its pixels.
        whose: the scan and the patient.
        predictor: of the package that made the index.
        index: of bleeds.

    Raises:
        RequestError: the index holds vectors of another package.
    """
    index.demand(predictor.package.digest)
    vectors = lesion_vectors(lesions, volume, predictor)
    found = {
        lesion.id: tuple(
            index.search(vector, patient=whose.patient, case=whose.series_uid, top=SHOWN, per_patient=True)
        )
        for lesion, vector in zip(lesions, vectors, strict=True)
        if vector is not None
    }
    return EarlierCases(index.manifest.digest, len(index), found)


def lesion_entries(
    lesions: Sequence[Lesion],
    volume: Volume,
    whose: Bleeding,
    predictor: AnatomyPredictor,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[Vectors, list[Entry]]:
    """(N, E) vectors of the lesions of a scan, and their entries for an index; those that cannot be embedded are out.

    Args:
        lesions: named as a reading names them, "L1" the largest; entry 1 is "L1".
        volume: the scan's pixels.
        whose: the scan and the patient.
        predictor: of a package of places.
        labels: lesion -> criterion -> term, where something is known.
    """
    vectors = lesion_vectors(lesions, volume, predictor)
    kept = [(one, vector) for one, vector in zip(lesions, vectors, strict=True) if vector is not None]
    entries = [_entry(one, volume, whose, (labels or {}).get(one.id, {})) for one, _ in kept]
    width = predictor.package.vectors.shape[1]
    return np.array([vector for _, vector in kept], np.float32).reshape(-1, width), entries


def outlined_bleeds(library: Library) -> list[str]:
    """The CT series of a library in which somebody outlined bleeds, in order of their UIDs."""
    uids = [record.series_uid for record in without_mr(library.scans())]
    return [uid for uid in uids if library.slice_mask_known(uid).any()]


def bleeds_of(library: Library, series_uid: str) -> tuple[list[Lesion], dict[str, dict[str, str]]]:
    """What was outlined in a scan, models left out: the connected parts, and what is known of each.

    A part has the subtype that was drawn on most of it, and the place that most sources name; what is even is unknown.

    Raises:
        RequestError: the scan is not in the library.
        LibraryError: a file is damaged.
    """
    mask = library.mask(series_uid)
    if mask is None:
        return [], {}
    lesions = find_lesions(mask.astype(np.float32), library.scan(series_uid).geometry)
    drawn = {name: library.mask(series_uid, name) for name in SUBTYPES}
    places = places_said(library.labels(series_uid))
    known: dict[str, dict[str, str]] = {}
    for lesion in lesions:
        subtype = _subtype(lesion, {name: one for name, one in drawn.items() if one is not None})
        said = {SUBTYPE: subtype, PLACE: places.get(lesion.id)}
        known[lesion.id] = {criterion: term for criterion, term in said.items() if term is not None}
    return lesions, known


def _subtype(lesion: Lesion, drawn: Mapping[str, Mask]) -> str | None:
    """The subtype that covers more than half of the lesion and more of it than any other."""
    block = tuple(slice(start, start + n) for start, n in zip(lesion.corner, lesion.mask.shape, strict=True))
    shares = sorted((float(mask[block][lesion.mask].mean()), name) for name, mask in drawn.items())
    if not shares or shares[-1][0] <= 0.5 or (len(shares) > 1 and shares[-2][0] == shares[-1][0]):
        return None
    return shares[-1][1]


def _entry(lesion: Lesion, volume: Volume, whose: Bleeding, labels: Mapping[str, str]) -> Entry:
    z, y, x = lesion.corner
    depth, height, width = lesion.mask.shape
    return Entry(
        case=whose.series_uid,
        number=int(lesion.id[1:]),
        patient=whose.patient,
        modality=whose.modality,
        box=VoxelBox(lesion.corner, (z + depth, y + height, x + width)),
        best_slice=z + best_slice(lesion.mask),
        labels=dict(labels),
        volume_ml=lesion.volume_ml,
        longest_mm=longest_mm(lesion.mask, volume.geometry),
        date=whose.date,
    )
