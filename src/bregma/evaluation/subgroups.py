"""Which cases belong together when a figure is looked at group by group: bands of numbers, or words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bregma.evaluation.measure import Measure

Fact = str | float

BANDS: dict[str, tuple[float, ...]] = {
    "age": (0, 18, 40, 65, 80, 120),
    "slice_thickness_mm": (0, 1.5, 3, 4.5, 6, 20),
    "bleed_volume_ml": (0, 1, 10, 30, 1000),
}
"""Marks between bands; a number on a mark belongs to the band above it."""

SAYS_LITTLE = 0.3
"""An interval wider than 30 percentage points cannot tell good from poor."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Some of the cases.

    Attributes:
        fact: what they have in common: "age".
        name: which: "65 to 80".
        places: of the cases among all.
    """

    fact: str
    name: str
    places: tuple[int, ...]


def subgroups(fact: str, facts: Sequence[Mapping[str, Fact]]) -> tuple[Subgroup, ...]:
    """The cases by one fact; a case of which it is not known is in no group.

    Args:
        fact: such as "age" or "scanner". Those in `BANDS` are banded; other numbers and words make a group each.
        facts: of each case.
    """
    marks = BANDS.get(fact)
    found: dict[tuple[float, str], list[int]] = {}
    for place, known in enumerate(facts):
        value = known.get(fact)
        if value is not None and value != "":
            found.setdefault(_group(value, marks), []).append(place)
    return tuple(Subgroup(fact, name, tuple(places)) for (_, name), places in sorted(found.items()))


def too_few(measure: Measure) -> str | None:
    """A warning where a share rests on so few cases that it says little; None where it does say something."""
    if measure.interval is None:
        return f"{measure.name}: no interval, too few cases"
    width = measure.interval.high - measure.interval.low
    if width <= SAYS_LITTLE:
        return None
    return f"{measure.name}: too few cases, its interval spans {100 * width:.0f} points"


def _group(value: Fact, marks: Sequence[float] | None) -> tuple[float, str]:
    """Where a group stands among the others, and its name."""
    number = _number(value)
    if number is None:
        return float("inf"), str(value)
    if marks is None:
        return number, f"{number:g}"
    for low, high in pairwise(marks):
        if low <= number < high:
            return low, f"{low:g} to {high:g}"
    return (marks[-1], f"{marks[-1]:g} and more") if number >= marks[-1] else (float("-inf"), f"below {marks[0]:g}")


def _number(value: Fact) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
