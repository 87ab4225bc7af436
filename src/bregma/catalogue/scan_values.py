"""What is known of every scan of a library, counted by the database instead of label by label.

The answer is `targets.scan_target` for each scan and finding. The number and the maximum of a source's labels settle
almost every scan; the few that they do not settle are asked one by one. Letters: K findings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bregma.catalogue.queries import MODEL, checked_finding, chosen_sources, label_of, slice_name, statements_of
from bregma.catalogue.tables import LabelRow, MaskRow, SeriesRow, SliceRow
from bregma.catalogue.targets import implied, scan_target
from bregma.scan.labels import Level

Values = NDArray[np.float64]

Said = dict[Level, dict[str, tuple[int, float]]]
"""What one source said of one scan: level -> finding -> (number of labels, largest value)."""

OPEN: Literal["open"] = "open"
"""A question that numbers and maxima do not settle."""

Answer = float | None | Literal["open"]


def scan_values(session: Session, findings: Sequence[str]) -> dict[str, Values]:
    """Series UID -> (K,) the mean over all sources but models, NaN where nobody knows; in the order of the UIDs.

    Args:
        session: of the library's database.
        findings: names from scan.terms.

    Raises:
        RequestError: one of them is no finding.
    """
    names = [checked_finding(name) for name in findings]
    said, depth = _all_said(session), _depths(session)
    drawn = set(session.scalars(select(MaskRow.series_id).where(MaskRow.source.not_like(f"{MODEL}%"))))
    values: dict[str, Values] = {}
    for row in session.execute(select(SeriesRow.id, SeriesRow.series_uid).order_by(SeriesRow.series_uid)):
        sources = said[row.id].values()
        columns = [[settled(one, name, depth.get(row.id, 0)) for one in sources] for name in names]
        if row.id in drawn or any(OPEN in column for column in columns):
            columns = [[value] for value in _asked(session, row.id, row.series_uid, names)]
        values[row.series_uid] = np.array([_mean(column) for column in columns])
    return values


def settled(said: Mapping[Level, Mapping[str, tuple[int, float]]], finding: str, depth: int) -> Answer:
    """What a source says of a scan, if numbers and maxima tell it.

    The scan's own label goes first; then a lesion that is there; then slices: one that is there makes the scan
    positive, and labels on all of them make it what the largest says.

    Args:
        said: level -> finding -> (number of labels, largest value).
        finding: a name from scan.terms.
        depth: slices of the scan.
    """
    largest = {level: {name: value for name, (_, value) in one.items()} for level, one in said.items()}
    whole = implied(largest.get(Level.SCAN, {}), finding)
    if whole is not None:
        return whole
    if (implied(largest.get(Level.LESION, {}), finding) or 0.0) > 0.5:
        return 1.0
    if Level.SLICE not in said:
        return None
    count, value = said[Level.SLICE].get(finding, (0, 0.0))
    if count and count == depth:
        return value
    return 1.0 if value > 0.5 else OPEN


def _all_said(session: Session) -> defaultdict[int, dict[str, Said]]:
    """Series row id -> source -> what it said."""
    said = defaultdict[int, dict[str, Said]](dict)
    query = select(
        LabelRow.series_id, LabelRow.source, LabelRow.level, LabelRow.term, func.count(), func.max(LabelRow.value)
    ).group_by(LabelRow.series_id, LabelRow.level, LabelRow.term, LabelRow.source)
    for series_id, source, level, term, count, largest in session.execute(query):
        if not source.startswith(MODEL):
            said[series_id].setdefault(source, {}).setdefault(Level(level), {})[term] = (count, float(largest))
    return said


def _depths(session: Session) -> dict[int, int]:
    query = select(SliceRow.series_id, func.count().label("slices")).group_by(SliceRow.series_id)
    return {row.series_id: row.slices for row in session.execute(query)}


def _asked(session: Session, series_id: int, series_uid: str, findings: Sequence[str]) -> list[float | None]:
    """The targets of one scan from everything that was said of it."""
    rows = session.scalars(select(SliceRow).where(SliceRow.series_id == series_id).order_by(SliceRow.index))
    keys = [slice_name(row) for row in rows]
    labels = session.scalars(select(LabelRow).where(LabelRow.series_id == series_id)).all()
    drawn = session.scalars(select(MaskRow).where(MaskRow.series_id == series_id)).all()
    said = statements_of(keys, [label_of(series_uid, row) for row in labels], drawn)
    return [scan_target(said, name, chosen_sources(said, None)) for name in findings]


def _mean(answers: Sequence[Answer]) -> float:
    known = [value for value in answers if isinstance(value, float)]
    return sum(known) / len(known) if known else float("nan")
