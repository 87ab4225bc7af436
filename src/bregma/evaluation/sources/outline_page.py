"""Outlines that were compared, as rows of text, as one page and as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence

from bregma import __version__
from bregma.evaluation.bland_altman import BlandAltman, bland_altman_picture
from bregma.evaluation.evaluation import Json, json_value
from bregma.evaluation.intervals import Interval
from bregma.evaluation.sources.outlines import Outlined
from bregma.evaluation.sources.question import SourceQuestion
from bregma.evaluation.table import TITLES, interval_text, value_text
from bregma.evaluation.templates import picture, render
from bregma.scan.counted import counted

LESION_HEADER = ("source", "finding", "scans", "lesions", "found", "false", "figure", "value", "95 % interval")
VOLUME_HEADER = ("source", "finding", "scans", "of volumes, mL", "value", "95 % interval")


def lesion_rows(found: Sequence[Outlined]) -> list[tuple[str, ...]]:
    """A row for each figure under `LESION_HEADER`."""
    return [
        (
            *(one.source, one.finding, str(one.scans), str(one.lesions), str(one.found), str(one.false)),
            *(TITLES[measure.name], value_text(measure), interval_text(measure)),
        )
        for one in found
        for measure in (*one.measures, *one.masks.measures)
    ]


def volume_rows(found: Sequence[Outlined]) -> list[tuple[str, ...]]:
    """Bland and Altman's bias and limits of agreement under `VOLUME_HEADER`, source less reference."""
    return [
        (one.source, one.finding, str(len(one.masks.volumes.means)), *row)
        for one in found
        if one.masks.volumes is not None
        for row in _volumes(one.masks.volumes)
    ]


def outline_notes(found: Sequence[Outlined]) -> list[str]:
    """What a reader of the tables must know."""
    lines = []
    for one in found:
        parts = [f"held against {one.reference}"]
        if one.unanswered:
            parts.append(f"{counted(one.unanswered, 'scan')} of the reference not looked at")
        if one.masks.volumes is None:
            parts.append("fewer than three scans of known volume: no limits of agreement")
        parts += [measure.reason for measure in (*one.measures, *one.masks.measures) if measure.reason]
        lines.append(f"{one.source}, {one.finding}: {'; '.join(parts)}.")
    return lines


def outlines_page(found: Sequence[Outlined], question: SourceQuestion) -> str:
    """The page as HTML that needs no other file and no network."""
    return render(
        "sources/outline_page.html.j2",
        {
            "question": question,
            "tables": [
                ("Lesions and masks", LESION_HEADER, lesion_rows(found)),
                ("Volumes", VOLUME_HEADER, volume_rows(found)),
            ],
            "notes": outline_notes(found),
            "pictures": [
                picture(
                    f"Volumes of {one.finding}, {one.source} less {one.reference}",
                    bland_altman_picture(one.masks.volumes),
                )
                for one in found
                if one.masks.volumes is not None
            ],
        },
    )


def outlines_document(found: Sequence[Outlined], question: SourceQuestion) -> dict[str, Json]:
    """Every count, figure and interval as one JSON document."""
    return {
        "bregma": __version__,
        "question": json_value(question),
        "outlines": [json_value(one) for one in found],
    }


def _volumes(agreement: BlandAltman) -> list[tuple[str, str, str]]:
    low, high = agreement.limit_intervals or (None, None)
    return [
        ("bias", f"{agreement.bias:+.2f}", _ends(agreement.bias_interval)),
        ("lower limit of agreement", f"{agreement.limits[0]:+.2f}", _ends(low)),
        ("upper limit of agreement", f"{agreement.limits[1]:+.2f}", _ends(high)),
    ]


def _ends(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:+.2f} to {interval.high:+.2f}"
