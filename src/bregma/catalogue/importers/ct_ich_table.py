"""What the tables of CT-ICH say of slices, and how that is weighed against what was outlined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bregma.catalogue.importers.plain_table import Line, read_lines
from bregma.catalogue.label_rows import LabelTableError, Problem, TableRow
from bregma.scan.counted import counted
from bregma.scan.labels import Level
from bregma.scan.terms import ANY, SUBTYPES

SOURCE = "dataset:ct_ich"

NO_BLEED = "No_Hemorrhage"
TERMS = {
    "Epidural": "epidural",
    "Intraparenchymal": "intraparenchymal",
    "Intraventricular": "intraventricular",
    "Subarachnoid": "subarachnoid",
    "Subdural": "subdural",
    "Fracture_Yes_No": "fracture",
}
"""Column -> the term it speaks of."""


@dataclass(frozen=True, slots=True)
class Said:
    """One row: what is said of a slice.

    Attributes:
        line: where it stands.
        number: of the slice, counted from 1.
        values: term -> 0 or 1; a blank cell is not in it.
    """

    line: Line
    number: int
    values: dict[str, float]

    @property
    def bleeds(self) -> bool | None:
        """Whether there is blood on the slice; None where the row does not say."""
        if ANY in self.values:
            return self.values[ANY] > 0
        known = [self.values[name] for name in SUBTYPES if name in self.values]
        if any(known):
            return True
        return False if len(known) == len(SUBTYPES) else None

    def row(self, series_uid: str, part: str, *, mask: str = "") -> TableRow:
        """The row as the catalogue takes it."""
        line = self.line
        return TableRow(line.row, series_uid, Level.SLICE, part, self.values, SOURCE, mask, table=line.table)


def read_said(
    table: Path, patient: str, number: str, more: Sequence[str] = ()
) -> tuple[dict[int, list[Said]], list[Problem]]:
    """The rows of a table by patient, and those that contradict themselves.

    Args:
        table: CSV.
        patient: column with the patient's number.
        number: column with the slice's.
        more: columns that the table must have besides.

    Raises:
        LabelTableError: cells or columns are wrong.
        RequestError: the file cannot be read as a table at all.
    """
    said = defaultdict[int, list[Said]](list)
    conflicts: list[Problem] = []
    problems: list[Problem] = []
    for line in read_lines(table, (patient, number, NO_BLEED, *TERMS, *more)):
        who, which = line.number(patient, problems), line.number(number, problems)
        values = _values(line, problems)
        if who is None or which is None:
            continue
        one = Said(line, which, values)
        against = _against_itself(one)
        if against is None:
            said[who].append(one)
        else:
            conflicts.append(against)
    if problems:
        raise LabelTableError(table, problems)
    return dict(said), conflicts


def _values(line: Line, problems: list[Problem]) -> dict[str, float]:
    flags = line.flags((NO_BLEED, *TERMS), problems)
    values = {TERMS[column]: value for column, value in flags.items() if column in TERMS}
    if NO_BLEED in flags:
        values[ANY] = 1.0 - flags[NO_BLEED]
    return values


def _against_itself(said: Said) -> Problem | None:
    """A row in which blood is denied and a subtype marked, or the other way round."""
    marked = [name for name in SUBTYPES if said.values.get(name) == 1.0]
    denied = [name for name in SUBTYPES if said.values.get(name) == 0.0]
    bleeds = said.values.get(ANY)
    if bleeds == 0.0 and marked:
        return said.line.problem(NO_BLEED, f"it is 1, and {marked[0]!r} is marked all the same")
    if bleeds == 1.0 and len(denied) == len(SUBTYPES):
        return said.line.problem(NO_BLEED, "it is 0, and no subtype is marked")
    return None


def weigh(said: Sequence[Said], drawn: Mapping[int, bool]) -> tuple[list[Said], list[Problem]]:
    """Rows that agree with the outlines, and the conflicts: where the two disagree, the outlines are believed.

    Where they disagree on as many slices as they agree to be bleeding, the table counts other slices than the volume
    has, and none of its rows about the scan is believed: those that agree would do so by chance.

    Args:
        said: about one scan.
        drawn: number of a slice -> whether blood is outlined on it.
    """
    against = [one for one in said if one.bleeds is not None and drawn.get(one.number, one.bleeds) != one.bleeds]
    together = sum(one.bleeds is True and drawn.get(one.number, False) for one in said)
    conflicts = [_conflict(one) for one in against]
    rest = len(said) - len(against)
    if against and rest and len(against) >= together:
        reason = (
            f"table and outlines disagree on {counted(len(against), 'slice')} of this scan and agree on blood in "
            f"{together}: they count slices differently; its other {counted(rest, 'row')} cannot be believed either"
        )
        return [], [*conflicts, said[0].line.problem("", reason)]
    return [one for one in said if one not in against], conflicts


def _conflict(said: Said) -> Problem:
    mask, table = ("blood", "no blood") if said.bleeds is False else ("no blood", "blood")
    reason = f"the table says {table} on slice {said.number}, the outlines show {mask}; the outlines are kept"
    return said.line.problem(NO_BLEED, reason)
