"""Dividing the patients of a library, once, by name, so that everybody measures on the same part.

A patient is in one part: neighbouring slices and repeat studies look alike, and a network that has seen one of them
has seen the answer. Patients are shuffled and shared out within three strata, by whether any of their scans has a
bleed, has none, or is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.tables import PatientRow, SplitMemberRow, SplitRow
from bregma.scan.counted import counted
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import ANY


@dataclass(frozen=True, slots=True)
class PartCount:
    """One part of a split in numbers.

    Attributes:
        patients: how many.
        scans: how many.
        positive: scans with a bleed.
        negative: scans without.
        unknown: scans of which nobody said.
    """

    patients: int
    scans: int
    positive: int
    negative: int
    unknown: int

    @property
    def prevalence(self) -> float | None:
        """Share of the known scans that have a bleed; None when none is known."""
        known = self.positive + self.negative
        return self.positive / known if known else None


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split came to.

    Attributes:
        name: of the split.
        seed: that it was drawn with.
        parts: name -> its numbers.
        shared_patients: patients in two parts, counted afterwards from the stored rows; 0.
    """

    name: str
    seed: int
    parts: dict[str, PartCount]
    shared_patients: int

    @property
    def imbalance(self) -> float:
        """Largest difference in prevalence between two parts, in percentage points."""
        known = [part.prevalence for part in self.parts.values() if part.prevalence is not None]
        return 100.0 * (max(known) - min(known)) if known else 0.0

    def summary(self) -> str:
        """A few lines for a terminal."""
        lines = [f"split {self.name!r} with seed {self.seed}"]
        for name, part in self.parts.items():
            lines.append(
                f"  {name}: {counted(part.patients, 'patient')}, {counted(part.scans, 'scan')} "
                f"({part.positive} with a bleed, {part.negative} without, {part.unknown} unknown)"
            )
        lines.append(f"  largest difference in prevalence: {self.imbalance:.1f} points")
        lines.append(f"  patients in two parts: {self.shared_patients}")
        return "\n".join(lines)


def make_split(
    library: Library, name: str, *, fractions: Mapping[str, float], seed: int, replace: bool = False
) -> SplitReport:
    """Divide the patients, store who is where, and say what came of it.

    Args:
        library: with its scans and, for the strata, its labels.
        name: under which it is kept.
        fractions: share of the patients per part; a part of share 0 is left out.
        seed: the same patients, labels, fractions and seed give the same split.
        replace: forget an older split of this name.

    Raises:
        RequestError: the fractions do not sum to 1, there are no patients, or the name is taken by another split.
    """
    wanted = _checked(fractions)
    strata = _strata(library)
    drawn = _draw(strata, wanted, np.random.default_rng(seed))
    if not drawn:
        raise RequestError(f"the library has no patients to split into {name!r}: import scans first")
    with Session(library.engine.execution_options(writes=True)) as session, session.begin():
        older = session.scalar(select(SplitRow).where(SplitRow.name == name))
        if older is not None and not replace and _members(session, older) != drawn:
            raise RequestError(
                f"there is another split {name!r}: choose another name, or say that it is to be replaced"
            )
        if older is not None:
            session.execute(delete(SplitMemberRow).where(SplitMemberRow.split_id == older.id))
            session.delete(older)
            session.flush()
        _store(session, SplitRow(name=name, seed=seed, fractions=wanted), drawn)
    return split_report(library, name)


def split_report(library: Library, name: str) -> SplitReport:
    """The numbers of a stored split.

    Raises:
        RequestError: there is no such split.
    """
    with Session(library.engine) as session:
        row = session.scalar(select(SplitRow).where(SplitRow.name == name))
    if row is None:
        raise RequestError(f"there is no split {name!r}{did_you_mean(name, library.splits())}")
    values = library.scan_targets(ANY)
    counts: dict[str, PartCount] = {}
    seen: dict[str, set[str]] = {}
    for part in row.fractions:
        scans = library.scans(name, part)
        known = [values.get(scan.series_uid) for scan in scans]
        seen[part] = {scan.patient for scan in scans}
        positive = sum(value is not None and value > 0.5 for value in known)
        unknown = sum(value is None for value in known)
        counts[part] = PartCount(len(seen[part]), len(scans), positive, len(scans) - positive - unknown, unknown)
    shared = sum(len(patients) for patients in seen.values()) - len(set().union(*seen.values()))
    return SplitReport(name, row.seed, counts, shared)


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    if any(not 0.0 <= share <= 1.0 for share in fractions.values()) or abs(sum(fractions.values()) - 1.0) > 1e-6:
        raise RequestError(
            f"fractions {dict(fractions)} sum to {sum(fractions.values()):g}; expected shares that sum to 1"
        )
    return {part: float(share) for part, share in fractions.items() if share > 0.0}


def _strata(library: Library) -> list[list[str]]:
    """Patients with a bleed, without, and unknown, each in alphabetical order."""
    values = library.scan_targets(ANY)
    worst: dict[str, float] = {}
    for patient, series_uids in library.patients().items():
        known = [value for uid in series_uids if (value := values[uid]) is not None]
        worst[patient] = max(known) if known else -1.0
    groups: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for patient in sorted(worst):
        groups[2 if worst[patient] < 0 else int(worst[patient] <= 0.5)].append(patient)
    return [group for group in groups.values() if group]


def _draw(strata: list[list[str]], fractions: Mapping[str, float], rng: np.random.Generator) -> dict[str, str]:
    """Patient -> part. What rounding leaves over in one stratum is owed to the next."""
    drawn: dict[str, str] = {}
    owed = dict.fromkeys(fractions, 0.0)
    for stratum in strata:
        order = [stratum[index] for index in rng.permutation(len(stratum))]
        share = {part: fraction * len(order) + owed[part] for part, fraction in fractions.items()}
        sizes = _whole(share, len(order))
        start = 0
        for part, size in sizes.items():
            drawn.update(dict.fromkeys(order[start : start + size], part))
            start += size
            owed[part] = share[part] - size
    return drawn


def _whole(share: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers that sum to `total`, by largest remainder, never below zero."""
    sizes = {part: max(int(np.floor(wanted)), 0) for part, wanted in share.items()}
    while sum(sizes.values()) < total:
        part = max(sizes, key=lambda name: share[name] - sizes[name])
        sizes[part] += 1
    while sum(sizes.values()) > total:
        part = max((name for name in sizes if sizes[name]), key=lambda name: sizes[name] - share[name])
        sizes[part] -= 1
    return sizes


def _members(session: Session, split: SplitRow) -> dict[str, str]:
    query = select(PatientRow.pseudonym, SplitMemberRow.part).join(
        SplitMemberRow, SplitMemberRow.patient_id == PatientRow.id
    )
    rows = session.execute(query.where(SplitMemberRow.split_id == split.id)).all()
    return {row.pseudonym: row.part for row in rows}


def _store(session: Session, split: SplitRow, drawn: Mapping[str, str]) -> None:
    session.add(split)
    session.flush()
    ids = {row.pseudonym: row.id for row in session.execute(select(PatientRow.pseudonym, PatientRow.id))}
    session.add_all(
        SplitMemberRow(split_id=split.id, patient_id=ids[patient], part=part) for patient, part in sorted(drawn.items())
    )
