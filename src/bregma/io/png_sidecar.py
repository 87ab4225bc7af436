"""The side-car of a folder of PNG slices, scan.json: what grey values mean and where the slices lie.

docs/how-to/png-sidecar.md describes every key; an unknown key is refused with a suggestion.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from bregma.io.entry import Entry
from bregma.scan.errors import RefusedError, did_you_mean

MAX_BYTES = 1 << 20
ORDERS = ("foot_to_head", "head_to_foot")
TURNS = (0, 90, 180, 270)
KEYS = frozenset(
    {"window", "hu", "pixel_mm", "slice_mm", "z_mm", "order", "files", "rotate", "mirror", "modality", "comment"}
)

CODES = {"bad_sidecar": "The side-car scan.json is no JSON, or a key or value in it is not known or not possible."}
"""Codes of refusal used here, with their meaning."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is known of a folder of PNG slices; the defaults are what is assumed without a side-car.

    Attributes:
        low: HU of grey value 0.
        per_grey: HU from one grey value to the next; None: from `low` over `width` to the highest grey value.
        width: HU from black to white, for a display window; None where `per_grey` is given.
        pixel_mm: distance between the rows and between the columns of the picture as stored; None when unknown.
        slice_mm: distance from slice to slice; None when unknown.
        z_mm: place of each slice along the body, in the order of the files; empty when not given.
        head_first: whether the first file is nearest to the head.
        files: names of the files in their order; empty for the natural order of the names.
        rotate: degrees by which the picture is turned clockwise to have the face on top.
        mirror: whether the turned picture shows the patient's left on the left and is to be mirrored.
        modality: as in DICOM; "" when nothing says it.
    """

    low: float = 0.0
    per_grey: float | None = None
    width: float | None = 80.0
    pixel_mm: tuple[float, float] | None = None
    slice_mm: float | None = None
    z_mm: tuple[float, ...] = ()
    head_first: bool = False
    files: tuple[str, ...] = ()
    rotate: int = 0
    mirror: bool = False
    modality: str = ""


def read_sidecar(entry: Entry) -> Sidecar:
    """The side-car of a folder.

    Raises:
        RefusedError: "bad_sidecar", with the key and the value.
    """
    if entry.size > MAX_BYTES:
        raise _bad(f"it has {entry.size} bytes; at most {MAX_BYTES} are read")
    try:
        stated = json.loads(entry.read())
    except (ValueError, RecursionError) as error:
        raise _bad(f"it is no JSON ({type(error).__name__})") from error
    if not isinstance(stated, dict):
        raise _bad("it is no JSON object; expected {...} with the keys of docs/how-to/png-sidecar.md")
    for key in stated:
        if key not in KEYS:
            raise _bad(f"it has no key {key!r}{did_you_mean(key, KEYS)}")
    low, per_grey, width = _grey(stated)
    return Sidecar(
        low=low,
        per_grey=per_grey,
        width=width,
        pixel_mm=_pixel_mm(stated),
        slice_mm=_length(stated["slice_mm"], "slice_mm") if "slice_mm" in stated else None,
        z_mm=tuple(_number(z, "z_mm") for z in _list(stated, "z_mm")),
        head_first=_one_of(stated, "order", ORDERS) == ORDERS[1],
        files=tuple(_text(name, "files") for name in _list(stated, "files")),
        rotate=_one_of(stated, "rotate", TURNS),
        mirror=_one_of(stated, "mirror", (False, True)),
        modality=_text(stated.get("modality", ""), "modality"),
    )


def _grey(stated: dict[str, Any]) -> tuple[float, float | None, float | None]:
    """(low, per grey value, width) of "hu" or "window"; brain window where there is neither."""
    if "hu" in stated and "window" in stated:
        raise _bad("it gives both 'window' and 'hu'; grey values mean one or the other")
    if "hu" in stated:
        hu = _object(stated["hu"], "hu", {"offset", "slope"})
        slope = _number(hu.get("slope", 1), "hu.slope")
        if slope == 0:
            raise _bad("hu.slope is 0; expected the HU from one grey value to the next")
        return _number(hu.get("offset", 0), "hu.offset"), slope, None
    window = _object(stated.get("window", {"center": 40, "width": 80}), "window", {"center", "width"})
    if len(window) < 2:
        raise _bad("window needs 'center' and 'width'")
    width = _length(window["width"], "window.width")
    return _number(window["center"], "window.center") - width / 2, None, width


def _pixel_mm(stated: dict[str, Any]) -> tuple[float, float] | None:
    if "pixel_mm" not in stated:
        return None
    given = stated["pixel_mm"]
    pair = given if isinstance(given, list) else [given, given]
    if len(pair) != 2:
        raise _bad(f"pixel_mm is {given!r}; expected [between rows, between columns] in mm")
    row_mm, column_mm = (_length(side, "pixel_mm") for side in pair)
    return row_mm, column_mm


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e6:
        raise _bad(f"{key} is {value!r}; expected a number")
    return float(value)


def _length(value: object, key: str) -> float:
    number = _number(value, key)
    if not 0.01 <= number <= 100_000:
        raise _bad(f"{key} is {value!r}; expected a positive number")
    return number


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _bad(f"{key} holds {value!r}; expected text")
    return value


def _list(stated: dict[str, Any], key: str) -> list[Any]:
    value = stated.get(key, [])
    if not isinstance(value, list):
        raise _bad(f"{key} is {value!r}; expected a list, one item for each file")
    return value


def _object(value: object, key: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(f"{key} is {value!r}; expected an object with {', '.join(sorted(known))}")
    for name in value:
        if name not in known:
            raise _bad(f"{key} has no key {name!r}{did_you_mean(name, known)}")
    return value


def _one_of(stated: dict[str, Any], key: str, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 (one of the choices)
    value = stated.get(key, choices[0])
    if value not in choices or isinstance(value, bool) != isinstance(choices[0], bool):
        raise _bad(f"{key} is {value!r}; expected one of {', '.join(json.dumps(choice) for choice in choices)}")
    return value


def _bad(what: str) -> RefusedError:
    return RefusedError("bad_sidecar", f"the side-car scan.json cannot be used: {what}")
