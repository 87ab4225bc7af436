"""A staged scan as rows: its patient, study, series and slices."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.staging import Staged, geometry_fields
from bregma.catalogue.tables import PatientRow, SeriesRow, SliceRow, StudyRow
from bregma.scan.study import Slice


def study_row(session: Session, staged: Staged) -> StudyRow | None:
    """The row of a scan's study, made if need be; None when the study is another patient's."""
    patient = session.scalar(select(PatientRow).where(PatientRow.pseudonym == staged.series.patient))
    study = session.scalar(select(StudyRow).where(StudyRow.study_uid == staged.series.study_uid))
    if study is not None:
        return study if patient is not None and study.patient_id == patient.id else None
    if patient is None:
        patient = PatientRow(pseudonym=staged.series.patient)
        session.add(patient)
        session.flush()
    study = StudyRow(study_uid=staged.series.study_uid, patient_id=patient.id)
    session.add(study)
    session.flush()
    return study


def add_series(session: Session, staged: Staged, study: StudyRow) -> None:
    """The rows of a new series and of its slices."""
    series = SeriesRow(
        series_uid=staged.series.series_uid,
        study_id=study.id,
        modality=staged.series.modality,
        media=staged.media,
        rows=staged.shape[1],
        columns=staged.shape[2],
        facts=dict(staged.series.facts),
        warnings=[[remark.code, remark.message] for remark in staged.warnings],
        excluded=[[one.code, one.reason, list(one.files)] for one in staged.excluded],
        geometry=geometry_fields(staged.geometry),
        content=staged.content,
        files=staged.stamp,
        volume=staged.volume,
        volume_bytes=staged.size,
    )
    session.add(series)
    session.flush()
    origins = [None] * staged.shape[0] if staged.geometry is None else staged.geometry.origins.tolist()
    session.add_all(_slice_row(series, one, at) for one, at in zip(staged.slices, origins, strict=True))


def _slice_row(series: SeriesRow, one: Slice, origin: list[float] | None) -> SliceRow:
    return SliceRow(
        series_id=series.id,
        index=one.index,
        file=one.file,
        frame=one.frame,
        sop_instance_uid=one.sop_instance_uid,
        z_mm=one.z_mm,
        gap_mm=one.gap_mm,
        hu_check=one.hu_check,
        repaired=list(one.repaired),
        origin=origin,
    )
