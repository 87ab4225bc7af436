"""What a label import took and what it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bregma.catalogue.label_rows import NAMES, Problem
from bregma.catalogue.tumour_cells import TERMS
from bregma.scan.counted import counted
from bregma.scan.labels import Level

SHOWN = 20
"""Conflicts and things not found that the summary lists; the rest it counts."""


@dataclass(slots=True)
class LabelReport:
    """What a label import took.

    Attributes:
        rows: rows of the table.
        scans: series that a new label or mask is about.
        parts: (series, slice or lesion) that a new label is about, by level.
        labels: (level, finding, present) -> how many new labels; present is a value above 0.5.
        masks: masks that are new or have grown.
        duplicates: labels and masks that were there already, with the same value.
        conflicts: what contradicts the table itself or what the same source said before; it was not taken.
        not_found: rows about series or slices that the library does not have.
        wrong: rows whose mask or outline cannot be drawn, where that does not stop the import.
    """

    rows: int = 0
    scans: set[str] = field(default_factory=set)
    parts: dict[Level, set[tuple[str, str]]] = field(default_factory=lambda: {level: set() for level in Level})
    labels: Counter[tuple[Level, str, bool]] = field(default_factory=Counter)
    masks: int = 0
    duplicates: int = 0
    conflicts: list[Problem] = field(default_factory=list)
    not_found: list[Problem] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """How many labels are new."""
        return sum(self.labels.values())

    def took(self, series_uid: str, level: Level, part: str, term: str, *, value: float) -> None:
        """Count one new label."""
        self.scans.add(series_uid)
        self.parts[level].add((series_uid, part))
        self.labels[level, term, value > 0.5] += 1

    def summary(self) -> str:
        """Some lines for a terminal."""
        lines = [
            f"{counted(self.rows, 'row')}: {counted(self.taken, 'new label')} and {counted(self.masks, 'mask')} about "
            f"{counted(len(self.scans), 'scan')}, {counted(len(self.parts[Level.SLICE]), 'slice')}, "
            f"{counted(len(self.parts[Level.LESION]), 'lesion')}; there already: {self.duplicates}"
        ]
        lines += level_lines(self.labels)
        lines += _listed("conflict", ", not taken", self.conflicts)
        lines += _listed("row", " about what the library does not have", self.not_found)
        return "\n".join(lines)


def level_lines(labels: Mapping[tuple[Level, str, bool], int]) -> list[str]:
    """A line for each level and finding that labels speak of, from counts as `LabelReport.labels` has them."""
    lines = []
    for level in Level:
        for name in (*NAMES, *TERMS):
            present, absent = labels.get((level, name, True), 0), labels.get((level, name, False), 0)
            if present or absent:
                lines.append(f"  {level} {name}: {present} present, {absent} absent")
    return lines


def _listed(one: str, what: str, problems: list[Problem]) -> list[str]:
    if not problems:
        return []
    more = [f"    and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return [f"  {counted(len(problems), one)}{what}:", *(f"    {problem}" for problem in problems[:SHOWN]), *more]
