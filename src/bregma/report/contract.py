"""What `bregma inspect` and `bregma read` write as JSON, as docs/contract.md says and docs/contract.schema.json proves.

Numbers are finite; what is not known is null. Places are LPS mm; slices run from foot to head.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bregma import __version__
from bregma.lesion_search import EarlierCases
from bregma.models.lesion_place import LesionPlace
from bregma.models.lesions import Lesion
from bregma.reading import Reading
from bregma.report.similar_contract import matches_fields
from bregma.scan.errors import RequestError, not_written
from bregma.scan.study import Refusal, Slice
from bregma.scan.terms import PLACES
from bregma.scan.volume import Scan, Volume

Entry = dict[str, Any]
Point = tuple[float, float, float]


def document(scans: Iterable[Entry], refused: Iterable[Refusal]) -> Entry:
    """The whole file: every scan, and everything that was not read.

    Args:
        scans: from `inspection` or `reading_entry`.
        refused: what no scan could be made of, and `refusals_of` every scan.
    """
    return {"bregma": __version__, "scans": list(scans), "refused": [_refusal(refusal) for refusal in refused]}


def refusals_of(scan: Scan) -> list[Refusal]:
    """What of a scan was not read: files set aside, and the scan itself when it is not eligible."""
    return [*scan.excluded, *([] if scan.refusal is None else [scan.refusal])]


def inspection(scan: Scan, points: Sequence[Point] = ()) -> Entry:
    """One scan as `bregma inspect` writes it: probabilities are empty.

    Args:
        scan: assembled and checked.
        points: LPS mm, of which the HU are wanted.
    """
    return {
        "study_uid": scan.series.study_uid,
        "series_uid": scan.series.series_uid,
        "patient": scan.series.patient,
        "modality": scan.series.modality,
        "status": str(scan.status),
        "warnings": [asdict(warning) for warning in scan.warnings],
        "geometry": _geometry(scan.volume),
        "slices": [_slice(one) for one in scan.slices],
        "points": [{"mm": [float(part) for part in point], "hu": hu_at(scan.volume, point)} for point in points],
    }


def reading_entry(reading: Reading, points: Sequence[Point] = ()) -> Entry:
    """One scan as `bregma read` writes it: the inspection, and what the models say.

    Args:
        reading: of an eligible scan or not.
        points: LPS mm, of which the HU are wanted.
    """
    entry = inspection(reading.scan, points)
    for one, values in zip(entry["slices"], reading.slice_probabilities.tolist(), strict=False):
        one["probabilities"] = _probabilities(dict(zip(reading.findings, values, strict=True)))
    return {
        **entry,
        "models": [asdict(model) for model in reading.models],
        "models_left_out": [asdict(one) for one in reading.left_out],
        "scan": {
            "verdict": reading.verdict.word,
            "subtypes": None if reading.subtypes is None else list(reading.subtypes),
            "probabilities": _probabilities(reading.scan_probabilities),
            "rule": asdict(reading.rule),
            "operating_points": {name: _operating_point(reading, name) for name in reading.scan_probabilities},
        },
        "lesions": [_lesion(lesion, reading.similar) for lesion in reading.lesions],
        "regions": [_lesion(region, reading.similar) for region in reading.regions],
        "places_by": None if reading.places_by is None else asdict(reading.places_by),
        "similar_by": None if reading.similar is None else _asked(reading.similar),
        "seconds": {name: _number(value, 4) for name, value in asdict(reading.seconds).items()},
    }


def write_json(path: Path, content: Entry) -> None:
    """Write a document, whole or not at all.

    Raises:
        RequestError: the path cannot be written.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write a result file, whole or not at all.

    Raises:
        RequestError: the path cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # half a file is of no use, and takes the room that is missing
            part.unlink(missing_ok=True)
        raise RequestError(not_written(repr(path.name), error)) from error


def hu_at(volume: Volume, point: Point) -> int | None:
    """HU of the pixel nearest to an LPS point; None outside the scan, or when positions are unknown."""
    place = None if volume.geometry is None else volume.geometry.to_index(np.array(point))
    if place is None:
        return None
    index, row, column = place
    return int(volume.values[index, math.floor(row + 0.5), math.floor(column + 0.5)])


def _geometry(volume: Volume) -> Entry:
    slices, rows, columns = volume.values.shape
    place = volume.geometry
    return {
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "pixel_mm": None if place is None else [_number(length, 6) for length in place.pixel_mm],
        "tilt_degrees": None if place is None else _number(place.tilt_degrees, 2),
        "orientation": None if place is None else place.orientation,
        "evenly_spaced": None if place is None else place.evenly_spaced,
    }


def _slice(one: Slice) -> Entry:
    return {
        "index": one.index,
        "file": one.file,
        "frame": one.frame,
        "sop_instance_uid": one.sop_instance_uid,
        "z_mm": _number(one.z_mm, 3),
        "gap_mm": _number(one.gap_mm, 3),
        "repaired": list(one.repaired),
        "probabilities": {},
    }


def _operating_point(reading: Reading, finding: str) -> Entry:
    """From where on a finding is called, of a scan and of a slice, and whether this scan gets there."""
    of_scan = reading.scan_points.get(finding)
    return {
        "scan": of_scan,
        "slice": reading.slice_points.get(finding),
        "reached": None if of_scan is None else reading.scan_probabilities[finding] >= of_scan,
    }


def _asked(similar: EarlierCases) -> Entry:
    return {"package": similar.package, "entries": similar.entries}


def _lesion(lesion: Lesion, similar: EarlierCases | None) -> Entry:
    box, matches = lesion.box_mm, None if similar is None else similar.matches.get(lesion.id)
    return {
        "id": lesion.id,
        "box_mm": None if box is None else [[_number(part, 1) for part in end] for end in (box.low_mm, box.high_mm)],
        "volume_ml": _number(lesion.volume_ml, 3),
        "side": lesion.side,
        "slices": list(lesion.slices),
        "probabilities": _probabilities(lesion.probabilities),
        "subtype": lesion.subtype,
        "subtype_probability": _number(lesion.subtype_probability, 6),
        "place": None if lesion.place is None else _place(lesion.place),
        "similar": None if matches is None else matches_fields(matches),
    }


def _place(found: LesionPlace) -> Entry:
    """The best place with its code, the scores of all 15, and the reference cases that are most alike."""
    term = next(term for term in PLACES if term.name == found.place)
    return {
        "name": term.name,
        "code": term.code,
        "scheme": term.scheme,
        "scores": _probabilities(found.scores),
        "neighbours": [{**asdict(one.case), "distance": _number(one.distance, 4)} for one in found.neighbours],
    }


def _refusal(refusal: Refusal) -> Entry:
    return {
        "code": refusal.code,
        "reason": refusal.reason,
        "files": list(refusal.files),
        "series_uid": refusal.series_uid,
    }


def _probabilities(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _number(value, 6) for name, value in values.items()}


def _number(value: float | None, digits: int) -> float | None:
    """Rounded; null when it is unknown or no number. Never minus zero."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits) + 0.0
