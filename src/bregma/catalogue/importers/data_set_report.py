"""What the import of a data set took and what it did not, counted, so that it stays small however large the set is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bregma.catalogue.import_report import ImportReport
from bregma.catalogue.label_report import LabelReport, level_lines
from bregma.catalogue.label_rows import Problem
from bregma.scan.counted import counted, named
from bregma.scan.labels import Level
from bregma.scan.study import Refusal

SHOWN = 20
"""Problems and refusals that are kept to be listed; the rest is counted."""


@dataclass(slots=True)
class Tally:
    """How many problems there were, and the first of them."""

    count: int = 0
    first: list[Problem] = field(default_factory=list)

    def add(self, problems: Iterable[Problem]) -> int:
        """Count problems, as many as there are, and keep the first; how many these were."""
        before = self.count
        for problem in problems:
            self.count += 1
            if len(self.first) < SHOWN:
                self.first.append(problem)
        return self.count - before

    def lines(self, one: str, what: str) -> list[str]:
        """Some lines for a terminal."""
        if not self.count:
            return []
        more = [f"    and {self.count - len(self.first)} more"] if self.count > len(self.first) else []
        return [f"  {counted(self.count, one)}{what}:", *(f"    {problem}" for problem in self.first), *more]


@dataclass(slots=True)
class DataSetReport:
    """What was taken of a data set.

    Attributes:
        stored: scans that are new.
        already: scans that were in the library, with the same content.
        slices: of both.
        copies: of both, those whose pixels are to the last value those of a scan that the library had before.
        refused: code -> files that are no part of a scan in the library.
        refusals: the first refusals, as the library keeps all of them.
        rows: statements that were read, a row of a table or a mask each.
        labels: (level, finding, present) -> how many new labels.
        masks: masks that are new or have grown.
        labelled: level -> scans, slices and lesions with a new label.
        duplicates: labels and masks that were there already, or twice in the tables, with the same value.
        conflicts: what contradicts itself or what the same source said before; not taken.
        unlabelled: images or scans of which the tables say nothing; they are stored all the same.
        of_refused: rows about scans that were refused.
        not_found: rows that fit no scan in the library.
        wrong: files and rows that cannot be used.
    """

    stored: int = 0
    already: int = 0
    slices: int = 0
    copies: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 0
    labels: Counter[tuple[Level, str, bool]] = field(default_factory=Counter)
    masks: int = 0
    labelled: Counter[Level] = field(default_factory=Counter)
    duplicates: int = 0
    unlabelled: int = 0
    of_refused: int = 0
    conflicts: Tally = field(default_factory=Tally)
    not_found: Tally = field(default_factory=Tally)
    wrong: Tally = field(default_factory=Tally)

    @property
    def taken(self) -> int:
        """How many labels are new."""
        return sum(self.labels.values())

    def add_scans(self, scans: ImportReport, *, slices: int, copies: int) -> None:
        """Count what became of the scans of a part."""
        self.copies += copies
        self.stored += len(scans.stored)
        self.already += len(scans.already)
        self.slices += slices
        for refusal in (*scans.refused, *scans.excluded):
            self.refused[refusal.code] += max(1, len(refusal.files))
            if len(self.refusals) < SHOWN:
                self.refusals.append(refusal)

    def add_labels(self, labels: LabelReport) -> None:
        """Count what became of the rows of a part."""
        self.rows += labels.rows
        self.labels += labels.labels
        self.masks += labels.masks
        self.labelled += Counter({level: len(parts) for level, parts in labels.parts.items()})
        self.duplicates += labels.duplicates
        self.conflicts.add(labels.conflicts)
        self.not_found.add(labels.not_found)
        self.wrong.add(labels.wrong)

    def summary(self) -> str:
        """Some lines for a terminal."""
        scans = f"{counted(self.stored + self.already, 'scan')}"
        lines = [
            f"{scans} of {counted(self.slices, 'slice')}: {self.stored} stored, {self.already} already there; "
            f"{counted(sum(self.refused.values()), 'file')} refused or left out",
            *(f"  {code}: {counted(count, 'file')}" for code, count in sorted(self.refused.items())),
            *(f"    {one.code}: {one.reason} [{named(one.files)}]" for one in self.refusals),
            f"{counted(self.rows, 'row')}: {counted(self.taken, 'new label')} about "
            f"{counted(self.labelled[Level.SCAN], 'scan')}, {counted(self.labelled[Level.SLICE], 'slice')}, "
            f"{counted(self.labelled[Level.LESION], 'lesion')}; {counted(self.masks, 'new mask')}; "
            f"there already: {self.duplicates}",
            *level_lines(self.labels),
        ]
        if self.copies:
            lines.append(f"  {counted(self.copies, 'scan')} with the very pixels of another one, kept")
        if self.unlabelled:
            lines.append(
                f"  {counted(self.unlabelled, 'image or scan', 'images or scans')} without a row, not labelled"
            )
        if self.of_refused:
            lines.append(f"  {counted(self.of_refused, 'row')} about scans that were refused")
        lines += self.conflicts.lines("conflict", ", not taken")
        lines += self.not_found.lines("row", " about what the library does not have")
        lines += self.wrong.lines("row or file", " that cannot be used")
        return "\n".join(lines)
