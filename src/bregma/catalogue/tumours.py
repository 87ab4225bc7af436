"""Scans whose tumours are outlined, as training and search take them from a library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.queries import MODEL, series_row
from bregma.catalogue.store import read_array
from bregma.catalogue.tables import SeriesRow, TumourMapRow
from bregma.catalogue.tumour_votes import settled, votes
from bregma.scan.errors import RequestError
from bregma.scan.tumour import TumourScan, tumours_of_map


def tumour_scans(library: Library, split: str | None = None, part: str | None = None) -> list[str]:
    """The series in which somebody outlined tumours, models left out, in order of their UIDs.

    Args:
        library: where to look.
        split: only scans of patients in this split.
        part: only scans of patients in this part of it.

    Raises:
        RequestError: there is no such split or part.
    """
    query = (
        select(SeriesRow.series_uid)
        .join(TumourMapRow, TumourMapRow.series_id == SeriesRow.id)
        .where(TumourMapRow.source.not_like(f"{MODEL}%"))
        .distinct()
    )
    with Session(library.engine) as session:
        outlined = sorted(session.scalars(query))
    if split is None:
        return outlined
    inside = {record.series_uid for record in library.scans(split, part)}
    return [uid for uid in outlined if uid in inside]


def load_tumour_scan(library: Library, series_uid: str) -> TumourScan:
    """One scan with its tumours.

    Where several sources outlined tumours, the map of the first in the alphabet is taken, since numbers are its own;
    what any of them says of a number counts, and a criterion on which as many say one thing as another is unknown.

    Raises:
        RequestError: the scan is not in the library, or nobody outlined tumours in it.
        LibraryError: a file is damaged.
    """
    record, volume = library.scan(series_uid), library.volume(series_uid)
    with Session(library.engine) as session:
        query = select(TumourMapRow).where(TumourMapRow.series_id == series_row(session, series_uid).id)
        rows = session.scalars(query.order_by(TumourMapRow.source)).all()
    digests = [row.mask for row in rows if not row.source.startswith(MODEL)]
    if not digests:
        raise RequestError(f"nobody outlined tumours in series {series_uid}: import a label table that does")
    numbers = read_array(library.layout.mask(digests[0]))
    date = record.facts.get("StudyDate")
    present = {int(number) for number in np.unique(numbers)}
    said = {
        number: labels for number, labels in settled(votes(library.labels(series_uid))).items() if number in present
    }
    return TumourScan(
        series_uid=series_uid,
        patient=record.patient,
        volume=volume,
        map=numbers,
        tumours=tumours_of_map(numbers, said),
        date=None if date is None else str(date),
    )


@dataclass(frozen=True, slots=True)
class OnePerPatient:
    """One scan of each patient, as the retrieval paper has it (section 3.2).

    Attributes:
        kept: series UIDs, the first scan of each patient by date, then by UID; a scan without a date comes last.
        left_out: the others.
    """

    kept: tuple[str, ...]
    left_out: tuple[str, ...]


def first_of_each_patient(library: Library, series_uids: Iterable[str]) -> OnePerPatient:
    """The first scan of each patient, and which others were left out; both in order of their UIDs.

    Raises:
        RequestError: a series is not in the library.
    """
    wanted = sorted(set(series_uids))
    records = {record.series_uid: record for record in library.scans()}
    unknown = [uid for uid in wanted if uid not in records]
    if unknown:
        raise RequestError(f"series {unknown[0]} is not in the library: import it first")
    first: dict[str, str] = {}
    for uid in sorted(wanted, key=lambda one: (str(records[one].facts.get("StudyDate", "9999")), one)):
        first.setdefault(records[uid].patient, uid)
    kept = sorted(first.values())
    return OnePerPatient(tuple(kept), tuple(uid for uid in wanted if uid not in set(kept)))
