"""The library: scans, their pixels and everything that was said about them."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from bregma.catalogue import targets
from bregma.catalogue.database import connect, migrate, sqlite_url, unusable
from bregma.catalogue.layout import FORMAT, Layout, make_layout, read_layout, seal_layout
from bregma.catalogue.queries import (
    MODEL,
    ScanQuery,
    all_statements,
    checked_finding,
    chosen_sources,
    labels_of,
    series_row,
    slice_name,
    slice_rows,
    slices_by_series,
    statements_of,
    within_split,
)
from bregma.catalogue.records import ScanRecord, record_of
from bregma.catalogue.store import read_array, read_slice
from bregma.catalogue.tables import (
    LabelRow,
    LibraryRow,
    MaskRow,
    PatientRow,
    RefusalRow,
    SeriesRow,
    SplitRow,
    StudyRow,
)
from bregma.catalogue.targets import BIT, SourceMask, Statements
from bregma.scan.errors import LibraryError, RequestError
from bregma.scan.labels import Label
from bregma.scan.regions import Mask
from bregma.scan.study import Refusal
from bregma.scan.volume import HU, Volume


class Library:
    """One library folder with its database.

    Cheap to open and safe to open in many processes; a forked process opens its own.

    Attributes:
        layout: where the files lie.
        engine: the database.
    """

    def __init__(self, layout: Layout, engine: Engine) -> None:
        self.layout = layout
        self.engine = engine
        weakref.finalize(self, engine.dispose)

    @classmethod
    def create(cls, folder: Path, url: str | None = None) -> Library:
        """Make a library in a new or empty folder.

        Args:
            folder: where the pixels go, and the database if no URL is given.
            url: another database, such as postgresql+psycopg://...; an empty one.

        Raises:
            RequestError: the folder is not empty, or the database is another library's.
        """
        engine = connect(url or sqlite_url(folder))
        layout = make_layout(folder)
        migrate(engine)
        with Session(engine.execution_options(writes=True)) as session, session.begin():
            row = session.scalar(select(LibraryRow))
            if row is None:
                session.add(LibraryRow(id=layout.id, format=FORMAT))
            elif url is None:  # made here, by a run that ended before the folder was sealed
                layout = Layout(folder, row.id)
            else:
                raise RequestError(f"the database given for {folder} belongs to another library: give an empty one")
        seal_layout(layout)
        return cls(layout, engine)

    @classmethod
    def open(cls, folder: Path, url: str | None = None) -> Library:
        """Open an existing library; an older database is brought up to date.

        Raises:
            RequestError: the folder is no library.
            LibraryError: folder and database do not belong together, or are newer than this Bregma.
        """
        layout = read_layout(folder)
        if url is None and not (folder / "catalogue.sqlite").exists():
            raise LibraryError(f"{folder} has no catalogue.sqlite: give the URL of its database")
        engine = connect(url or sqlite_url(folder))
        try:
            migrate(engine)
            with Session(engine) as session:
                found = session.scalar(select(LibraryRow.id))
        except SQLAlchemyError as error:
            raise LibraryError(f"the catalogue of {folder} cannot be read ({error.__class__.__name__})") from error
        if found != layout.id:
            raise LibraryError(f"{folder} is library {layout.id}, its database is of library {found}: check the URL")
        return cls(layout, engine)

    @classmethod
    def open_or_create(cls, folder: Path, url: str | None = None) -> Library:
        """Open a library, or make it if the folder is new or empty. Errors as in `open` and `create`."""
        if (folder / "library.json").exists():
            return cls.open(folder, url)
        try:
            return cls.create(folder, url)
        except OperationalError as error:
            raise unusable(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        if isinstance(error, OperationalError):
            raise unusable(self.layout.root, error) from error

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        """The stored scans in order of their UIDs.

        Args:
            split: only scans of patients in this split.
            part: only scans of patients in this part of it, such as "train".

        Raises:
            RequestError: there is no such split or part.
        """
        query: ScanQuery = (
            select(SeriesRow, StudyRow.study_uid, PatientRow.pseudonym)
            .join(StudyRow, SeriesRow.study_id == StudyRow.id)
            .join(PatientRow, StudyRow.patient_id == PatientRow.id)
            .order_by(SeriesRow.series_uid)
        )
        with Session(self.engine) as session:
            if split is not None:
                query = within_split(session, query, split, part)
            found = session.execute(query).all()
            slices = slices_by_series(session, query)
        return [
            record_of(series, slices.get(series.id, []), study_uid=study_uid, patient=patient)
            for series, study_uid, patient in found
        ]

    def scan(self, series_uid: str) -> ScanRecord:
        """One stored scan.

        Raises:
            RequestError: it is not in the library.
        """
        with Session(self.engine) as session:
            series = series_row(session, series_uid)
            study = session.get_one(StudyRow, series.study_id)
            patient = session.get_one(PatientRow, study.patient_id)
            return record_of(
                series, slice_rows(session, series.id), study_uid=study.study_uid, patient=patient.pseudonym
            )

    def volume(self, series_uid: str) -> Volume:
        """The values of a scan, Hounsfield units of a CT, checked against their checksums.

        Raises:
            RequestError: the scan is not in the library.
            LibraryError: its file is damaged.
        """
        record, digest = self.scan(series_uid), self._digest(series_uid)
        values = read_array(self.layout.volume(digest))
        if values.shape != record.shape or values.dtype != np.int16:
            raise LibraryError(
                f"volume of series {series_uid} is {values.dtype} {values.shape}, its rows say {record.shape}: "
                "the library was changed by hand"
            )
        return Volume(values, record.geometry)

    def slice_values(self, series_uid: str, index: int) -> HU:
        """(H, W) Hounsfield units of one slice, 0 at the foot, without reading the others."""
        return cast("HU", read_slice(self.layout.volume(self._digest(series_uid)), index))

    def labels(self, series_uid: str) -> list[Label]:
        """Every statement about a scan, its slices and its lesions."""
        with Session(self.engine) as session:
            return labels_of(session, series_row(session, series_uid))

    def masks(self, series_uid: str) -> list[SourceMask]:
        """What each source outlined in a scan; empty when nobody did."""
        with Session(self.engine) as session:
            series = series_row(session, series_uid)
            rows = session.scalars(select(MaskRow).where(MaskRow.series_id == series.id).order_by(MaskRow.source)).all()
        return [
            SourceMask(row.source, read_array(self.layout.mask(row.mask)), np.array(row.known, dtype=np.uint8))
            for row in rows
        ]

    def mask(self, series_uid: str, finding: str = "any") -> Mask | None:
        """(D, H, W) where a finding is, by all sources that drew it but models; None when no slice is known.

        On slices that `slice_mask_known` does not name, False means nothing.
        """
        if not self.slice_mask_known(series_uid, finding).any():
            return None
        whole = np.zeros(self.scan(series_uid).shape, dtype=np.bool_)
        for one in self.masks(series_uid):
            if not one.source.startswith(MODEL):
                whole |= (one.bits & np.uint8(1 << BIT[finding])) > 0
        return whole

    def slice_mask_known(self, series_uid: str, finding: str = "any") -> NDArray[np.bool_]:
        """(D,) the slices whose pixels are known: drawn by a source, or said to be without the finding."""
        said = self.statements(series_uid)
        return targets.slice_mask_known(said, checked_finding(finding), chosen_sources(said, None))

    def slice_targets(
        self, series_uid: str, finding: str, *, sources: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What a network should answer on each slice.

        Args:
            series_uid: the scan.
            finding: a name from scan.terms.
            sources: whose statements count; all but models when None. Several are averaged.

        Returns:
            value (D,) float32, 0 where unknown, and known (D,) bool.
        """
        said = self.statements(series_uid)
        return targets.slice_targets(said, checked_finding(finding), chosen_sources(said, sources))

    def scan_target(self, series_uid: str, finding: str, *, sources: Sequence[str] | None = None) -> float | None:
        """What a network should answer for the scan; None when nobody knows. Arguments as in `slice_targets`."""
        said = self.statements(series_uid)
        return targets.scan_target(said, checked_finding(finding), chosen_sources(said, sources))

    def scan_targets(self, finding: str) -> dict[str, float | None]:
        """`scan_target` of every scan by series UID, in a few queries for the whole library."""
        checked_finding(finding)
        said = self.all_statements()
        return {uid: targets.scan_target(one, finding, chosen_sources(one, None)) for uid, one in said.items()}

    def patients(self) -> dict[str, list[str]]:
        """Pseudonym -> the series of the patient, both in alphabetical order."""
        query = (
            select(PatientRow.pseudonym, SeriesRow.series_uid)
            .join(StudyRow, StudyRow.patient_id == PatientRow.id)
            .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
            .order_by(PatientRow.pseudonym, SeriesRow.series_uid)
        )
        found = defaultdict[str, list[str]](list)
        with Session(self.engine) as session:
            for pseudonym, series_uid in session.execute(query):
                found[pseudonym].append(series_uid)
        return dict(found)

    def statements(self, series_uid: str) -> Statements:
        """Everything that was said about a scan, in the form that targets are derived from."""
        with Session(self.engine) as session:
            series = series_row(session, series_uid)
            keys = [slice_name(row) for row in slice_rows(session, series.id)]
            drawn = session.scalars(select(MaskRow).where(MaskRow.series_id == series.id)).all()
            return statements_of(keys, labels_of(session, series), drawn)

    def all_statements(self) -> dict[str, Statements]:
        """`statements` of every scan by series UID, in a few queries for the whole library."""
        with Session(self.engine) as session:
            return all_statements(session)

    def sources(self) -> list[str]:
        """Everybody who spoke of a scan or drew in one, in alphabetical order."""
        query = select(LabelRow.source).union(select(MaskRow.source))
        with Session(self.engine) as session:
            return sorted(session.scalars(query))

    def refusals(self) -> list[Refusal]:
        """Everything that was offered and not taken, in the order in which it happened."""
        with Session(self.engine) as session:
            rows = session.scalars(select(RefusalRow).order_by(RefusalRow.id)).all()
        return [Refusal(row.code, row.reason, tuple(row.files), row.series_uid) for row in rows]

    def splits(self) -> list[str]:
        """The names of the stored splits."""
        with Session(self.engine) as session:
            return list(session.scalars(select(SplitRow.name).order_by(SplitRow.name)))

    def _digest(self, series_uid: str) -> str:
        with Session(self.engine) as session:
            return series_row(session, series_uid).volume
