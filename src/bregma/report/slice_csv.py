"""A reading as CSV: one row per slice, foot to head."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from bregma.reading import Reading
from bregma.report.contract import write_text
from bregma.scan.terms import FINDINGS

COLUMNS = (
    "patient",
    "study_uid",
    "series_uid",
    "verdict",
    "index",
    "file",
    "frame",
    "sop_instance_uid",
    "z_mm",
    "gap_mm",
    "counted",
    *(term.name for term in FINDINGS),
)
"""`counted` is 1 where the slice is part of a run that makes the scan positive; an empty cell is unknown."""


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the slices of every scan, whole or not at all.

    Args:
        path: of the CSV file.
        rows: `slice_rows` of every reading.

    Raises:
        RequestError: the path cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())


def slice_rows(reading: Reading) -> list[dict[str, object]]:
    """One row per slice, by column name; without probabilities when the scan was not read."""
    series = reading.scan.series
    whole: dict[str, object] = {
        "patient": series.patient,
        "study_uid": series.study_uid,
        "series_uid": series.series_uid,
        "verdict": reading.verdict.word,
    }
    rows = []
    for one in reading.scan.slices:
        row = {**whole, "index": one.index, "file": one.file, "frame": "" if one.frame is None else one.frame}
        row |= {"sop_instance_uid": one.sop_instance_uid, "z_mm": _mm(one.z_mm), "gap_mm": _mm(one.gap_mm)}
        if len(reading.slice_probabilities):
            row["counted"] = int(reading.counted[one.index])
            values = reading.slice_probabilities[one.index].tolist()
            row |= {name: f"{value:.6f}" for name, value in zip(reading.findings, values, strict=True)}
        rows.append(row)
    return rows


def _mm(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
