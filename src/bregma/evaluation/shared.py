"""The cases on which several models can be compared: those that all of them answered, held against one truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bregma.evaluation.cases import Cases, cases_of, only, pooled
from bregma.evaluation.groups import Group
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """The same cases under the scores of every model.

    Attributes:
        cases: per group, per member; only the scores differ.
        left_out: cases that only some of them answered.
    """

    cases: tuple[tuple[Cases, ...], ...]
    left_out: int

    @property
    def any_of_them(self) -> Cases:
        """Keys, patients and truth that all have in common."""
        return self.cases[0][0]


def shared_cases(groups: Sequence[Group], level: str, findings: Sequence[str]) -> Shared:
    """The cases that all members of all groups answer, with one truth for all.

    Args:
        groups: at least one.
        level: "slice" or "scan".
        findings: that all of them answer; several are pooled.

    Raises:
        RequestError: they share no case, or were held against other truths.
    """
    parts = [_of_finding(groups, level, finding) for finding in findings]
    together = tuple(
        tuple(_joined([part[g][s] for part, _ in parts]) for s in range(len(group.members)))
        for g, group in enumerate(groups)
    )
    return Shared(together, sum(left_out for _, left_out in parts))


def _joined(parts: Sequence[Cases]) -> Cases:
    return parts[0] if len(parts) == 1 else pooled(parts)


def _of_finding(groups: Sequence[Group], level: str, finding: str) -> tuple[list[list[Cases]], int]:
    everyone = [
        [cases_of(member.scans, level, member.scans[0].findings.index(finding)) for member in group.members]
        for group in groups
    ]
    keys = [frozenset(cases.keys) for of_group in everyone for cases in of_group]
    shared, seen = frozenset.intersection(*keys), frozenset.union(*keys)
    names = " and ".join(group.name for group in groups)
    if not shared:
        raise RequestError(f"{names} share no {level} with a known truth for {finding!r}")
    chosen = [[only(cases, shared) for cases in of_group] for of_group in everyone]
    truth = chosen[0][0].truth
    for group, of_group in zip(groups, chosen, strict=True):
        for cases in of_group:
            if not np.array_equal(cases.truth, truth):
                raise RequestError(
                    f"{int((cases.truth != truth).sum())} of {len(shared)} cases have another truth for {group.name} "
                    f"than for {groups[0].name}; evaluate both against the same sources"
                )
    return chosen, len(seen) - len(shared)


def answered(groups: Sequence[Group], level: str, finding: str) -> bool:
    """Whether there is a case with a known truth that any of them answered."""
    return any(
        len(cases_of(member.scans, level, member.scans[0].findings.index(finding)).keys)
        for group in groups
        for member in group.members
    )
