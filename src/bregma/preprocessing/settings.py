"""What a network wants to see: windows, pixel size and field of view, as data that a recipe or a package carries."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bregma.preprocessing.window import PRESETS, Window
from bregma.scan.errors import RecipeError, did_you_mean

ALGORITHM = 1
"""Raise this when the same settings give other pixels than before: digests and caches change with it."""

MULTIPLE = 8
"""Prepared sizes are multiples of this, because the networks halve three times."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Settings of the way from Hounsfield units to network input.

    Attributes:
        windows: one channel each, in order.
        pixel_mm: in-plane size of a prepared pixel; slices keep their thickness.
        field_of_view_mm: width and height shown, centred on the head.
        size: S, rows and columns of a prepared slice, a multiple of 8; what the field of view does not fill is air.
            0 stands for the least that will do (250 pixels become 256).
        neighbours: slices on either side that are shown as further channels (see neighbours.py).
    """

    windows: tuple[Window, ...] = (PRESETS["brain"],)
    pixel_mm: float = 1.0
    field_of_view_mm: float = 250.0
    size: int = 0
    neighbours: int = 0

    def __post_init__(self) -> None:
        if not self.windows:
            raise RecipeError("[preprocessing] windows is empty; expected at least one, such as 'brain'")
        for name in ("pixel_mm", "field_of_view_mm"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise RecipeError(f"[preprocessing] {name} is {value}; expected a length in mm above 0")
        least = -(-self.pixels // MULTIPLE) * MULTIPLE
        object.__setattr__(self, "size", self.size or least)
        if self.size % MULTIPLE or self.size < least:
            raise RecipeError(
                f"[preprocessing] size is {self.size}; {self.field_of_view_mm} mm at {self.pixel_mm} mm need "
                f"a multiple of {MULTIPLE} that is at least {least}"
            )
        if self.neighbours < 0:
            raise RecipeError(f"[preprocessing] neighbours is {self.neighbours}; expected 0 or more slices")

    @property
    def channels(self) -> int:
        """C, windows of the slice and of its neighbours."""
        return len(self.windows) * (2 * self.neighbours + 1)

    @property
    def alone(self) -> Preprocessing:
        """The same without neighbours, as caches keep it."""
        return dataclasses.replace(self, neighbours=0)

    @property
    def pixels(self) -> int:
        """Prepared pixels across the field of view, without the air around it."""
        return max(1, round(self.field_of_view_mm / self.pixel_mm))

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change whenever prepared pixels would."""
        words = json.dumps({"algorithm": ALGORITHM, **self.to_dict()}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or TOML; `from_dict` undoes it."""
        plain = {
            "windows": [{"center": float(w.center), "width": float(w.width)} for w in self.windows],
            "pixel_mm": float(self.pixel_mm),
            "field_of_view_mm": float(self.field_of_view_mm),
            "size": self.size,
        }
        return plain | ({"neighbours": self.neighbours} if self.neighbours else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preprocessing:
        """Settings from plain data; a window is {"center", "width"} or the name of a preset.

        Raises:
            RecipeError: an unknown key, a missing windows key or a value that makes no sense.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        known_keys(data, fields, where="[preprocessing]")
        values = dict(data)
        if "windows" in values:
            if not isinstance(values["windows"], list | tuple):
                raise RecipeError(f"[preprocessing] windows is {values['windows']!r}; expected a list of windows")
            values["windows"] = tuple(_window(item) for item in values["windows"])
        for name in fields & values.keys() - {"windows"}:
            values[name] = number(values[name], where=f"[preprocessing] {name}", whole=name in {"size", "neighbours"})
        return cls(**values)


def known_keys(data: Mapping[str, Any], known: set[str], *, where: str) -> None:
    """Stop at a key that nobody would read.

    Raises:
        RecipeError: with the key and the nearest known one.
    """
    for key in data:
        if key not in known:
            raise RecipeError(f"{where} has no key {key!r}{did_you_mean(key, known)}")


def number(value: object, *, where: str, whole: bool = False) -> float:
    """A recipe's number.

    Raises:
        RecipeError: it is a truth value, a text, or a fraction where a whole number is needed.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecipeError(f"{where} is {value!r}; expected a number")
    if not whole:
        return float(value)
    if int(value) != value:
        raise RecipeError(f"{where} is {value!r}; expected a whole number")
    return int(value)


def _window(item: object) -> Window:
    if isinstance(item, str):
        if item not in PRESETS:
            raise RecipeError(f"[preprocessing] windows has no preset {item!r}{did_you_mean(item, PRESETS)}")
        return PRESETS[item]
    if not isinstance(item, Mapping):
        raise RecipeError(f"[preprocessing] windows holds {item!r}; expected {{center, width}} or a preset's name")
    known_keys(item, {"center", "width"}, where="[preprocessing] windows")
    if len(item) != 2:
        raise RecipeError(f"[preprocessing] windows holds {dict(item)!r}; expected both center and width")
    center, width = (number(item[key], where=f"[preprocessing] windows {key}") for key in ("center", "width"))
    return Window(center, width)
