"""What each source says of each case, about one finding at one level. Letters: S sources, N cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.evaluation.subgroups import Fact
from bregma.scan.errors import RequestError, did_you_mean


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case, and what is known of it beside findings.

    Attributes:
        case: its name: a series UID, that with the slice's index, or what a table calls it.
        patient: pseudonym.
        facts: such as age, scanner, slice_thickness_mm, bleed_volume_ml, site.
    """

    case: str
    patient: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """All that was said about one finding.

    Attributes:
        level: "slice" or "scan".
        finding: a name from scan.terms, or a table's own.
        cases: N, in the order of their names.
        sources: S names, in alphabetical order.
        values: (S, N) 1 present, 0 absent, between for a probability; NaN where a source said nothing.
    """

    level: str
    finding: str
    cases: tuple[CaseFacts, ...]
    sources: tuple[str, ...]
    values: Floats

    @property
    def patients(self) -> tuple[str, ...]:
        """(N,) pseudonyms."""
        return tuple(case.patient for case in self.cases)

    def of(self, source: str) -> Floats:
        """(N,) what one source says; NaN where it says nothing.

        Raises:
            RequestError: it said nothing about this finding at all.
        """
        if source not in self.sources:
            raise RequestError(
                f"{source!r} said nothing about {self.finding!r} at level {self.level}"
                f"{did_you_mean(source, self.sources)}"
            )
        row: Floats = self.values[self.sources.index(source)]
        return row


def answers_of(level: str, finding: str, cases: Iterable[CaseFacts], said: Mapping[tuple[str, str], float]) -> Answers:
    """Statements in a grid.

    Args:
        level: "slice" or "scan".
        finding: what they are about.
        cases: all there are; those of which nobody spoke are left out.
        said: (source, case) -> value.
    """
    sources = sorted({source for source, _ in said})
    spoken = {case for _, case in said}
    chosen = sorted((one for one in cases if one.case in spoken), key=lambda one: one.case)
    row, column = {s: i for i, s in enumerate(sources)}, {one.case: i for i, one in enumerate(chosen)}
    values = np.full((len(sources), len(chosen)), np.nan)
    for (source, case), value in said.items():
        values[row[source], column[case]] = value
    return Answers(level, finding, tuple(chosen), tuple(sources), values)


def known_sources(answers: Sequence[Answers]) -> tuple[str, ...]:
    """Everybody who said something, in alphabetical order."""
    return tuple(sorted({source for one in answers for source in one.sources}))


def named_sources(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The sources that are asked for, "reader:*" being all that begin so; each once, in the order asked.

    Raises:
        RequestError: there is no such source.
    """
    found: dict[str, None] = {}
    for name in asked:
        begins = name.removesuffix("*")
        meant = [one for one in known if one.startswith(begins)] if name.endswith("*") else [name]
        if not meant or not set(meant) <= set(known):
            raise RequestError(f"there is no source {name!r}{did_you_mean(name, known)}")
        found.update(dict.fromkeys(meant))
    return tuple(found)
