"""Frozen records to JSON values and strictly back: a key or a value that a record does not know is an error."""

from __future__ import annotations

import dataclasses
import math
import types
from typing import TypeVar, get_args, get_origin, get_type_hints

from bregma.scan.errors import PackageError, RequestError, did_you_mean

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Record = TypeVar("Record")


def to_json(value: object) -> Json:
    """A record (or tuple of records, or plain value) as what `json.dumps` takes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} has no place in a package: {value!r}")


def from_json(kind: type[Record], value: Json, where: str) -> Record:
    """The record that a JSON object stands for.

    Args:
        kind: a frozen dataclass of str, bool, int, float, optional values, tuples and further records.
        value: what `json.loads` gave.
        where: the place in the file, for the error message: "package.json [card]".

    Raises:
        PackageError: a key is unknown, or missing though it is not None by default, or a value is of another type.
    """
    given = object_of(value, where)
    hints = get_type_hints(kind)
    for key in given:
        if key not in hints:
            raise PackageError(f"{where} has no key {key!r}{did_you_mean(key, hints)}")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in given and _is_required(field):
            raise PackageError(f"{where} lacks the key {field.name!r}; write the package again with this version")
    parsed = {key: _parsed(hints[key], item, f"{where} {key}") for key, item in given.items()}
    try:
        return kind(**parsed)
    except RequestError as error:
        raise PackageError(f"{where} cannot be used: {error}") from error


def _is_required(field: dataclasses.Field[object]) -> bool:
    """A key may be missing that is None by default: nobody knew it yet when the file was written."""
    return field.default is not None


def object_of(value: Json, where: str) -> dict[str, Json]:
    """The value as a JSON object, or a `PackageError` that says where it should have been one."""
    if not isinstance(value, dict):
        raise PackageError(f"{where} is {value!r}; expected an object")
    return value


def _parsed(kind: object, value: Json, where: str) -> object:
    if dataclasses.is_dataclass(kind):
        return from_json(kind, value, where)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise PackageError(f"{where} is {value!r}; expected a list")
        item_kind = get_args(kind)[0]
        return tuple(_parsed(item_kind, item, f"{where}[{place}]") for place, item in enumerate(value))
    if get_origin(kind) is types.UnionType:
        plain = next(choice for choice in get_args(kind) if choice is not types.NoneType)
        return None if value is None else _parsed(plain, value, where)
    return _plain(kind, value, where)


def _plain(kind: object, value: Json, where: str) -> object:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if kind is not float and type(value) is kind:
        return value
    name = getattr(kind, "__name__", str(kind))
    raise PackageError(f"{where} is {value!r}; expected a value of type {name}")
