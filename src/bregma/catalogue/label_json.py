"""A label table as JSON: a list of objects that hold what the rows of the CSV hold."""

from __future__ import annotations

import json


class LabelJsonError(ValueError):
    """A text that is no list of objects; the message says why."""


def cells_of_json(text: str) -> list[dict[str, str]]:
    """The objects as rows of text, so that the checks of the CSV are the checks of the JSON.

    null is a blank cell. A list or an object in a cell stays JSON, as outlines are in the CSV.

    Raises:
        LabelJsonError: it is no JSON, or no list of objects.
    """
    try:
        objects = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelJsonError(f"it is no JSON ({error})") from error
    if not isinstance(objects, list):
        raise LabelJsonError(f"it holds {_kind(objects)}; expected a list of objects, one for each row")
    for number, one in enumerate(objects, start=1):
        if not isinstance(one, dict):
            raise LabelJsonError(f"row {number} is {_kind(one)}; expected an object")
    return [{name.strip(): _cell(value) for name, value in one.items()} for one in objects]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number")
