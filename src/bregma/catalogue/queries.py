"""The questions that the library puts to its database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bregma.catalogue.tables import LabelRow, MaskRow, PatientRow, SeriesRow, SliceRow, SplitMemberRow, SplitRow
from bregma.catalogue.targets import BIT, Statements
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.labels import Label, Level

MODEL = "model:"
"""Sources that begin so are networks: never truth unless they are asked for by name."""

ScanQuery = Select[SeriesRow, str, str]
"""Series with the UID of its study and the pseudonym of its patient."""


def statements_of(keys: Sequence[str], labels: Sequence[Label], drawn: Sequence[MaskRow]) -> Statements:
    """Everything that was said about a scan, from its rows."""
    bits = [(row.source, np.array(row.known, np.uint8), np.array(row.present, np.uint8)) for row in drawn]
    return Statements(tuple(keys), tuple(labels), tuple(bits))


def all_statements(session: Session) -> dict[str, Statements]:
    """Everything that was said about each scan, by series UID, in four queries for the whole library."""
    series = {row.id: row.series_uid for row in session.execute(select(SeriesRow.id, SeriesRow.series_uid))}
    keys = defaultdict[int, list[str]](list)
    slices = select(SliceRow.series_id, SliceRow.sop_instance_uid, SliceRow.index.label("place"))
    for row in session.execute(slices.order_by(SliceRow.series_id, SliceRow.index)):
        keys[row.series_id].append(row.sop_instance_uid or str(row.place))
    labels = defaultdict[int, list[Label]](list)
    for label in session.scalars(select(LabelRow)):
        labels[label.series_id].append(label_of(series[label.series_id], label))
    drawn = defaultdict[int, list[MaskRow]](list)
    for mask in session.scalars(select(MaskRow)):
        drawn[mask.series_id].append(mask)
    return {uid: statements_of(keys[key], labels[key], drawn[key]) for key, uid in series.items()}


def chosen_sources(said: Statements, sources: Sequence[str] | None) -> list[str]:
    """The sources that count: those asked for, or all but models."""
    if sources is not None:
        return list(sources)
    return [source for source in said.sources() if not source.startswith(MODEL)]


def checked_finding(finding: str) -> str:
    """The finding, if it is one.

    Raises:
        RequestError: it is none; with a suggestion.
    """
    if finding not in BIT:
        raise RequestError(f"{finding!r} is not a finding{did_you_mean(finding, BIT)}")
    return finding


def slice_name(row: SliceRow) -> str:
    """The name of a slice in labels, see records.slice_key."""
    return row.sop_instance_uid or str(row.index)


def series_row(session: Session, series_uid: str) -> SeriesRow:
    """The row of a series.

    Raises:
        RequestError: it is not in the library.
    """
    row = session.scalar(select(SeriesRow).where(SeriesRow.series_uid == series_uid))
    if row is None:
        raise RequestError(f"series {series_uid} is not in the library: import it first")
    return row


def slice_rows(session: Session, series_id: int) -> list[SliceRow]:
    """The slices of a series, foot to head."""
    query = select(SliceRow).where(SliceRow.series_id == series_id).order_by(SliceRow.index)
    return list(session.scalars(query))


def slices_by_series(session: Session, query: ScanQuery) -> dict[int, list[SliceRow]]:
    """Series row id -> its slices, foot to head, for the series of a query."""
    wanted = query.with_only_columns(SeriesRow.id).order_by(None)
    rows = session.scalars(
        select(SliceRow).where(SliceRow.series_id.in_(wanted)).order_by(SliceRow.series_id, SliceRow.index)
    )
    return {series_id: list(group) for series_id, group in groupby(rows, key=lambda row: row.series_id)}


def labels_of(session: Session, series: SeriesRow) -> list[Label]:
    """The labels of a series in the order in which they came."""
    query = select(LabelRow).where(LabelRow.series_id == series.id).order_by(LabelRow.id)
    return [label_of(series.series_uid, row) for row in session.scalars(query)]


def label_of(series_uid: str, row: LabelRow) -> Label:
    """A label from its row."""
    return Label(series_uid, Level(row.level), row.part or None, row.term, row.value, row.source)


def within_split(session: Session, query: ScanQuery, split: str, part: str | None) -> ScanQuery:
    """The query, kept to the patients of a split or of one part of it.

    Raises:
        RequestError: there is no such split or part.
    """
    row = session.scalar(select(SplitRow).where(SplitRow.name == split))
    if row is None:
        known = did_you_mean(split, session.scalars(select(SplitRow.name)))
        raise RequestError(f"there is no split {split!r}{known}; bregma split makes one")
    query = query.join(SplitMemberRow, SplitMemberRow.patient_id == PatientRow.id)
    query = query.where(SplitMemberRow.split_id == row.id)
    if part is None:
        return query
    if part not in row.fractions:
        raise RequestError(f"split {split!r} has no part {part!r}{did_you_mean(part, row.fractions)}")
    return query.where(SplitMemberRow.part == part)
