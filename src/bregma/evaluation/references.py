"""What sources are held against: one source, or what several readers make of a case together.

A reader's missing read is absent, never a no; a case on which the rule finds no answer is unknown and not counted.
Letters: S readers, N cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bregma.evaluation.dawid_skene import LEAST_READERS, dawid_skene
from bregma.evaluation.metrics import Floats
from bregma.scan.errors import RequestError


class Rule(StrEnum):
    """How several readers become one reference."""

    CONSENSUS = "consensus"
    MAJORITY = "majority"
    LATENT = "latent"
    ADJUDICATED = "adjudicated"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Reference:
    """Whose word counts, and how.

    Attributes:
        rule: how it is made.
        readers: who makes it; for one source, that source.
        adjudicator: whose word counts where the readers differ; only for `ADJUDICATED`.
    """

    rule: Rule
    readers: tuple[str, ...]
    adjudicator: str | None = None

    def __post_init__(self) -> None:
        if (self.adjudicator is None) == (self.rule is Rule.ADJUDICATED):
            raise RequestError(
                f"a reference by {self.rule} has adjudicator {self.adjudicator!r}; one is for adjudicated only"
            )
        if self.rule is Rule.SOURCE and len(self.readers) != 1:
            raise RequestError(f"a reference of one source has {len(self.readers)}: {', '.join(self.readers)}")

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody whose word enters it."""
        return self.readers if self.adjudicator is None else (*self.readers, self.adjudicator)

    def without(self, *judged: str) -> Reference:
        """The reference in which those who are judged have no say.

        Raises:
            RequestError: nobody, or too few, would be left; or the adjudicator is one of them.
        """
        if not set(judged) & set(self.members):
            return self
        left = tuple(reader for reader in self.readers if reader not in judged)
        if not left or self.adjudicator in judged:
            raise RequestError(f"{' and '.join(judged)} cannot be held against {self}: it is made of the same reads")
        if self.rule is Rule.LATENT and len(left) < LEAST_READERS:
            raise RequestError(
                f"{' and '.join(judged)} cannot be held against {self}: {len(left)} others would be left, "
                f"and a latent reference needs {LEAST_READERS}"
            )
        return Reference(self.rule, left, self.adjudicator)

    def __str__(self) -> str:
        if self.rule is Rule.SOURCE:
            return self.readers[0]
        of = f"{self.rule} of {', '.join(self.readers)}"
        return of if self.adjudicator is None else f"{of}, by {self.adjudicator}"


def reference_values(reference: Reference, calls: Floats, sources: Sequence[str]) -> Floats:
    """(N,) 1 for positive, 0 for negative, NaN where the reference has no answer.

    - consensus: all who read say the same, and at least two did (or the only reader there is);
    - majority: more than half of those who read; a tie is no answer;
    - latent: more likely than not after Dawid and Skene;
    - adjudicated: what all who read say; where they differ, the adjudicator's word.

    Args:
        reference: who, and how.
        calls: (S, N) 1, 0 or NaN.
        sources: S names, those of the reference among them.

    Raises:
        RequestError: a latent reference of fewer than three readers.
    """
    votes = calls[[sources.index(reader) for reader in reference.readers]]
    if reference.rule is Rule.SOURCE:
        alone: Floats = votes[0]
        return alone
    if reference.rule is Rule.LATENT:
        return _verdict(dawid_skene(votes).probability)
    if reference.rule is Rule.MAJORITY:
        return _verdict(_mean(votes))
    if reference.rule is Rule.CONSENSUS:
        enough = np.isfinite(votes).sum(axis=0) >= min(2, len(votes))
        return np.where(enough, _unanimous(votes), np.nan)
    agreed = _unanimous(votes)
    differ = np.isfinite(votes).any(axis=0) & np.isnan(agreed)
    return np.where(differ, calls[sources.index(reference.members[-1])], agreed)


def _mean(votes: Floats) -> Floats:
    """(N,) share of those who read and call positive; NaN where nobody read."""
    read = np.isfinite(votes).sum(axis=0)
    share: Floats = np.divide(np.nansum(votes, axis=0), read, out=np.full(votes.shape[1], np.nan), where=read > 0)
    return share


def _unanimous(votes: Floats) -> Floats:
    share = _mean(votes)
    agreed: Floats = np.where((share == 0.0) | (share == 1.0), share, np.nan)
    return agreed


def _verdict(share: Floats) -> Floats:
    known = np.isfinite(share) & (share != 0.5)
    verdict: Floats = np.where(known, np.where(share > 0.5, 1.0, 0.0), np.nan)
    return verdict
