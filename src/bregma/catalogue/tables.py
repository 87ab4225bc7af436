"""The tables of the catalogue, for SQLite and PostgreSQL alike.

Times are UTC. JSON columns hold what is read whole and never searched. A statement that nobody made has no row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Float, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """What all tables share: constraint names that do not depend on the database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: DateTime(timezone=True)}  # noqa: RUF012


def _now() -> datetime:
    return datetime.now(UTC)


class LibraryRow(Table):
    """The one row that ties a database to its folder.

    Attributes:
        id: the id in the folder's library.json.
        format: version of the folder's layout.
    """

    __tablename__ = "library"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    format: Mapped[int]
    created: Mapped[datetime] = mapped_column(default=_now)


class PatientRow(Table):
    """One patient under a pseudonym."""

    __tablename__ = "patient"

    id: Mapped[int] = mapped_column(primary_key=True)
    pseudonym: Mapped[str] = mapped_column(String(128), unique=True)


class StudyRow(Table):
    """One study of one patient."""

    __tablename__ = "study"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(String(128), unique=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)


class SeriesRow(Table):
    """One scan whose volume is stored.

    Attributes:
        series_uid: Series Instance UID.
        facts: acquisition facts by DICOM keyword.
        warnings: [[code, message], ...].
        excluded: [[code, reason, [file, ...]], ...]: files of the series outside the volume.
        geometry: {"along_row", "along_column", "pixel_mm"}; the origins are in the slices. None without geometry.
        content: SHA-256 over pixels, geometry and slice UIDs: equal for equal series wherever the files lie.
        files: SHA-256 over where the files lay, their sizes and times: equal means that nothing was touched since.
        volume: digest that names the volume's file.
        volume_bytes: size of that file.
    """

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_uid: Mapped[str] = mapped_column(String(128), unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    modality: Mapped[str] = mapped_column(String(16))
    media: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int]
    columns: Mapped[int]
    facts: Mapped[dict[str, Any]]
    warnings: Mapped[list[Any]]
    excluded: Mapped[list[Any]]
    geometry: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    content: Mapped[str] = mapped_column(String(64))
    files: Mapped[str] = mapped_column(String(64), index=True)
    volume: Mapped[str] = mapped_column(String(64), index=True)
    volume_bytes: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[datetime] = mapped_column(default=_now)


class SliceRow(Table):
    """One image of a series; the columns are those of scan.study.Slice, and its origin in LPS mm."""

    __tablename__ = "slice"
    __table_args__ = (UniqueConstraint("series_id", "index"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    index: Mapped[int]
    file: Mapped[str]
    frame: Mapped[int | None]
    sop_instance_uid: Mapped[str] = mapped_column(String(128), index=True)
    z_mm: Mapped[float | None]
    gap_mm: Mapped[float | None]
    hu_check: Mapped[str]
    repaired: Mapped[list[Any]]
    origin: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))


class RefusalRow(Table):
    """Something that was offered and not taken, and why.

    Attributes:
        key: SHA-256 over code, series and files, so that the same refusal is one row however often it happens.
    """

    __tablename__ = "refusal"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    code: Mapped[str] = mapped_column(String(64), index=True)
    reason: Mapped[str]
    files: Mapped[list[Any]]
    series_uid: Mapped[str | None] = mapped_column(String(128))
    refused: Mapped[datetime] = mapped_column(default=_now)


class LabelRow(Table):
    """One statement, by one source, about one finding; `part` is "" for the whole scan."""

    __tablename__ = "label"
    __table_args__ = (UniqueConstraint("series_id", "level", "part", "term", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    level: Mapped[str] = mapped_column(String(16))
    part: Mapped[str] = mapped_column(String(128))
    term: Mapped[str] = mapped_column(String(64))
    value: Mapped[float] = mapped_column(Float(53))
    source: Mapped[str] = mapped_column(String(128))


class MaskRow(Table):
    """What one source outlined in one series.

    Attributes:
        mask: digest that names the file: (D, H, W) uint8, bit k set where FINDINGS[k] is.
        known: D whole numbers, bit k set where the source looked for FINDINGS[k] on that slice.
        present: D whole numbers, bit k set where it drew FINDINGS[k] on that slice.
    """

    __tablename__ = "mask"
    __table_args__ = (UniqueConstraint("series_id", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    source: Mapped[str] = mapped_column(String(128))
    mask: Mapped[str] = mapped_column(String(64), index=True)
    known: Mapped[list[Any]]
    present: Mapped[list[Any]]


class TumourMapRow(Table):
    """The tumours that one source outlined in one series.

    Attributes:
        mask: digest that names the file: (D, H, W) uint8, 0 outside and a tumour's number inside.
    """

    __tablename__ = "tumour_map"
    __table_args__ = (UniqueConstraint("series_id", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    source: Mapped[str] = mapped_column(String(128))
    mask: Mapped[str] = mapped_column(String(64), index=True)


class SplitRow(Table):
    """One way to divide the patients, kept under its name.

    Attributes:
        fractions: share of the patients per part, as asked for.
    """

    __tablename__ = "split"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    fractions: Mapped[dict[str, Any]]
    made: Mapped[datetime] = mapped_column(default=_now)


class SplitMemberRow(Table):
    """The part in which a patient is: one per split, so no patient is in two."""

    __tablename__ = "split_member"

    split_id: Mapped[int] = mapped_column(ForeignKey("split.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), primary_key=True)
    part: Mapped[str] = mapped_column(String(64))
