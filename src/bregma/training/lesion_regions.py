"""The lesions of a library whose place somebody named, slice by slice.

A lesion is named as a reading names it: "L1" is the largest connected part of what was outlined, by all sources but
models (`models.lesions.find_lesions`). See docs/labels.md.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.models.lesions import Lesion, find_lesions, lesion_on_slice
from bregma.scan.place_votes import places_said
from bregma.scan.slice_region import SliceRegion, side_on_slice


def lesion_regions(library: Library, record: ScanRecord, *, midline_x_mm: float | None) -> list[SliceRegion]:
    """Every lesion with a known place, on every slice that shows it.

    Args:
        library: with the masks and the labels.
        record: of the scan.
        midline_x_mm: LPS x of the head's middle; without it nobody tells the side.
    """
    said = places_said(library.labels(record.series_uid))
    mask = library.mask(record.series_uid) if said else None
    if mask is None:
        return []
    found = find_lesions(mask.astype(np.float32), record.geometry)
    return [region for one in found if one.id in said for region in _on_slices(one, said[one.id], record, midline_x_mm)]


def _on_slices(lesion: Lesion, place: str, record: ScanRecord, midline_x_mm: float | None) -> Iterable[SliceRegion]:
    for index in lesion.slices:
        mask = lesion_on_slice(lesion, index, record.shape[1:])
        side = None
        if record.geometry is not None and midline_x_mm is not None:
            side = side_on_slice(mask, record.geometry, index, midline_x_mm=midline_x_mm)
        yield SliceRegion(index, mask, lesion.id, place, side)
