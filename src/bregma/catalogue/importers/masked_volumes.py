"""Data sets of NIfTI volumes that are outlined voxel by voxel: a folder of scans and a folder of masks.

A mask is complete: a slice without a marked voxel is a slice without blood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.importers.named import load_named
from bregma.catalogue.importers.part import DataSetPart
from bregma.catalogue.importers.volume_files import in_parts, volume_folder, without_mask, without_volume
from bregma.catalogue.label_rows import TableRow
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.labels import Level

Named = Callable[[Path, str, str], Candidate]
"""(folder of the data set, name of the scan, its file) -> the scan under the names that the data set gives it."""


@dataclass(frozen=True, slots=True)
class MaskedVolumes:
    """Where the scans and masks of a data set lie and what is in them.

    Attributes:
        scans: folder of the volumes, relative to the data set's.
        masks: folder of the masks; they have the names of their scans.
        meaning: value in a mask -> value as docs/labels.md has it.
        source: who says so.
        named: gives a scan its names.
    """

    scans: str
    masks: str
    meaning: Mapping[int, int]
    source: str
    named: Named


def masked_parts(folder: Path, volumes: MaskedVolumes) -> Iterator[DataSetPart]:
    """The data set, some scans at a time; what has no counterpart is told with the first part."""
    scans, masks = volume_folder(folder, volumes.scans), volume_folder(folder, volumes.masks)
    names = sorted(scans.files)
    for number, some in enumerate(in_parts(names)):
        found = tuple(volumes.named(folder, name, scans.files[name]) for name in some)
        rows = tuple(
            mask_row(candidate.series_uid, masks.files[name], volumes.meaning, volumes.source)
            for candidate, name in zip(found, some, strict=True)
            if name in masks.files
        )
        first = number == 0
        yield DataSetPart(
            found=Discovery(folder, found, (*scans.refused, *masks.refused) if first else ()),
            load=load_named,
            rows=rows,
            not_found=without_volume(scans, masks, volumes.scans) if first else (),
            wrong=(*scans.twice, *masks.twice, *without_mask(scans, masks, volumes.masks)) if first else (),
            total=len(names),
        )


def mask_row(series_uid: str, mask: str, meaning: Mapping[int, int], source: str) -> TableRow:
    """A mask as a row: it says of every slice of the scan what is on it."""
    return TableRow(0, series_uid, Level.SCAN, None, {}, source, mask=mask, mask_values=meaning, table=mask)
