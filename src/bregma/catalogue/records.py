"""Scans as the catalogue gives them, to and from rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bregma.catalogue.tables import SeriesRow, SliceRow
from bregma.scan.study import MR, Refusal, Remark, Slice
from bregma.scan.volume import Geometry


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One stored scan, without its pixels.

    Attributes:
        series_uid: Series Instance UID.
        study_uid: Study Instance UID.
        patient: pseudonym.
        modality: DICOM modality.
        slices: one record per slice, foot to head.
        shape: (D, H, W) of the volume.
        geometry: where the pixels lie; None if the files did not say.
        facts: acquisition facts by DICOM keyword.
        warnings: what a reader of the result should know.
        excluded: files of the series outside the volume, and why.
    """

    series_uid: str
    study_uid: str
    patient: str
    modality: str
    slices: tuple[Slice, ...]
    shape: tuple[int, int, int]
    geometry: Geometry | None
    facts: dict[str, str | float] = field(default_factory=dict)
    warnings: tuple[Remark, ...] = ()
    excluded: tuple[Refusal, ...] = ()


def without_mr(records: Iterable[ScanRecord]) -> list[ScanRecord]:
    """The scans that networks for bleeds may see: MR scans are in a library for their tumours."""
    return [record for record in records if record.modality != MR]


def slice_key(one: Slice) -> str:
    """The name of a slice in labels: its SOP Instance UID, or its index from the foot where the format has none."""
    return one.sop_instance_uid or str(one.index)


def record_of(series: SeriesRow, slices: Sequence[SliceRow], *, study_uid: str, patient: str) -> ScanRecord:
    """A scan from its rows, slices foot to head."""
    return ScanRecord(
        series_uid=series.series_uid,
        study_uid=study_uid,
        patient=patient,
        modality=series.modality,
        slices=tuple(_slice_of(row) for row in slices),
        shape=(len(slices), series.rows, series.columns),
        geometry=_geometry_of(series, slices),
        facts=dict(series.facts),
        warnings=tuple(Remark(code, message) for code, message in series.warnings),
        excluded=excluded_of(series.series_uid, series.excluded),
    )


def _slice_of(row: SliceRow) -> Slice:
    return Slice(
        index=row.index,
        file=row.file,
        frame=row.frame,
        sop_instance_uid=row.sop_instance_uid,
        z_mm=row.z_mm,
        gap_mm=row.gap_mm,
        hu_check=row.hu_check,
        repaired=tuple(row.repaired),
    )


def _geometry_of(series: SeriesRow, slices: Sequence[SliceRow]) -> Geometry | None:
    fields: Mapping[str, Any] | None = series.geometry
    if fields is None:
        return None
    row_mm, column_mm = fields["pixel_mm"]
    return Geometry(
        rows=series.rows,
        columns=series.columns,
        origins=np.array([row.origin for row in slices], dtype=np.float64),
        along_row=np.array(fields["along_row"], dtype=np.float64),
        along_column=np.array(fields["along_column"], dtype=np.float64),
        pixel_mm=(row_mm, column_mm),
    )


def excluded_of(series_uid: str, rows: Iterable[tuple[str, str, list[str]]]) -> tuple[Refusal, ...]:
    """Files outside a scan, from [[code, reason, [file, ...]], ...] as the series' row has them."""
    return tuple(Refusal(code, reason, tuple(files), series_uid) for code, reason, files in rows)
