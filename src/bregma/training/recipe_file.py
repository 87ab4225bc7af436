"""A recipe's file: TOML with values that the command line puts in their place, and what is wrong with them in words."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bregma.scan.errors import RecipeError, RequestError, did_you_mean
from bregma.training.network_sections import Section

Kind = TypeVar("Kind", bound=BaseModel)


def read_values(path: Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> dict[str, Any]:
    """The values of a TOML file, some replaced.

    Args:
        path: the file.
        overrides: {"preprocessing.pixel_mm": 2} or ["preprocessing.pixel_mm=2"]; values as TOML writes them.

    Raises:
        RecipeError: it is no TOML, or an override leads through what is no section.
        RequestError: an override is no "section.key=value".
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path.name} is not TOML: {error}") from error
    for key, value in _pairs(overrides):
        _put(data, key, value, path.name)
    return data


def recipes_in(folder: Path) -> list[str]:
    """Names of the recipes that come with Bregma in one folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def is_recipe_of(folder: Path, name_or_path: str | Path, *, section: str) -> bool:
    """Whether a recipe is of a folder's kind: by its name, or because its file has the section that only they have."""
    if str(name_or_path) in recipes_in(folder):
        return True
    path = Path(name_or_path)
    return path.is_file() and section in read_values(path)


def read_recipe(
    kind: type[Kind],
    folder: Path,
    name_or_path: str | Path,
    overrides: Mapping[str, Any] | Sequence[str],
    check: Callable[[Kind], object],
) -> Kind:
    """A recipe, by the name of one that comes with Bregma or by the path of a TOML file.

    Args:
        kind: the record that it fills.
        folder: of the recipes of this kind that come with Bregma.
        name_or_path: such as "radnet" or "my/recipe.toml".
        overrides: as for `read_values`.
        check: raises RecipeError, without the file's name, for what the record cannot check by itself.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown key (with a suggestion) or a value that makes no sense.
    """
    path, names = Path(name_or_path), recipes_in(folder)
    if str(name_or_path) in names:
        path = folder / f"{name_or_path}.toml"
    if not path.is_file():
        raise RecipeError(f"{path.name!r} is neither a recipe of Bregma's nor a file{did_you_mean(path.stem, names)}")
    values = read_values(path, overrides)
    try:
        recipe = kind.model_validate(values)
        check(recipe)
    except ValidationError as error:
        raise RecipeError(explain(path.name, error.errors(), kind)) from error
    except RecipeError as error:
        raise RecipeError(f"{path.name} {error}") from error
    return recipe


def digest_of(recipe: BaseModel) -> str:
    """SHA-256 over all values of a recipe, whatever the file's layout and comments."""
    words = json.dumps(recipe.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()


def explain(file: str, errors: list[ErrorDetails], kind: type[BaseModel]) -> str:
    """What is wrong, where, and what to write instead; a key too many says more than the one it stands for."""
    error = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    where = [str(part) for part in error["loc"]]
    network = ""
    if where[:1] == ["network"] and len(where) > 2:
        network = where.pop(1)  # the name by which pydantic told the networks apart
    place = f"{file} [{'.'.join(where[:-1])}]" if len(where) > 1 else file
    if error["type"] == "extra_forbidden":
        return f"{place} has no key {where[-1]!r}{did_you_mean(where[-1], _keys(where[:-1], network, kind))}"
    if error["type"] == "missing":
        return f"{place} lacks the key {where[-1]!r}; every key of a recipe is written down"
    if error["type"] == "value_error":
        return f"{file} {f'[{where[0]}] ' if where else ''}{error['msg'].removeprefix('Value error, ')}"
    return f"{place} {where[-1]} is {error['input']!r}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _pairs(overrides: Mapping[str, Any] | Sequence[str]) -> list[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        return list(overrides.items())
    return [_pair(text) for text in overrides]


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise RequestError(f"override {text!r} is not 'section.key=value', such as 'preprocessing.pixel_mm=2'")
    try:
        return key.strip(), tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _put(data: dict[str, Any], key: str, value: object, file: str) -> None:
    *sections, last = key.split(".")
    for name in sections:
        inner = data.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{file} {name!r} is no section, so {key!r} cannot be set")
        data = inner
    data[last] = value


def _keys(sections: list[str], network: str, kind: type[BaseModel]) -> list[str]:
    """The keys that the section at this place may have."""
    here = kind
    for name in sections:
        field = here.model_fields.get(name)
        inner = field.annotation if field else None
        if name == "network":
            inner = next(one for one in get_args(inner) if get_args(one.model_fields["name"].annotation) == (network,))
        if not (isinstance(inner, type) and issubclass(inner, Section)):
            return ["center", "width"]
        here = inner
    return list(here.model_fields)
