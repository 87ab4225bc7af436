"""Dividing the patients of a library, once, by name, so that everybody measures on the same part.

A patient is in one part: neighbouring slices and repeat studies look alike, and a network that has seen one of them
has seen the answer. For the same reason patients under whose names the same pixels are stored stay together. All
findings are made about as common in each part (see stratify). Copies that balance a training set are made afterwards,
while training: made before, as in the RSNA report of Agarwaal and Rudram (section 3.2), they lie on both sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bregma.catalogue.library import Library
from bregma.catalogue.scan_values import Values, scan_values
from bregma.catalogue.split_report import FindingCount, PartCount, SplitReport
from bregma.catalogue.stratify import Patients, divide
from bregma.catalogue.tables import PatientRow, SeriesRow, SplitMemberRow, SplitRow, StudyRow
from bregma.scan.errors import RequestError, did_you_mean
from bregma.scan.terms import FINDINGS

NAMES = tuple(term.name for term in FINDINGS)

Household = tuple[str, ...]
"""Patients who stay together: one, or several under whose names the same pixels are stored."""


def make_split(
    library: Library,
    name: str,
    *,
    fractions: Mapping[str, float],
    seed: int,
    subset: float = 1.0,
    replace: bool = False,
) -> SplitReport:
    """Divide the patients, store who is where, and say what came of it.

    Args:
        library: with its scans and its labels.
        name: under which it is kept.
        fractions: share of the patients per part; a part of share 0 is left out.
        seed: the same patients, labels, fractions and seed give the same split.
        subset: share of the patients to divide; the others, chosen to be alike, are in no part.
        replace: forget an older split of this name.

    Raises:
        RequestError: the fractions do not sum to 1, the subset is no share, there are no patients, or the name is
            taken by another split.
    """
    wanted = _checked(fractions)
    if not 0.0 < subset <= 1.0:
        raise RequestError(f"subset is {subset:g}; expected a share of the patients above 0, at most 1")
    drawn = _draw(library, wanted, subset, np.random.default_rng(seed))
    if not drawn:
        raise RequestError(f"the library has no patients to split into {name!r}: import scans first")
    with Session(library.engine.execution_options(writes=True)) as session, session.begin():
        _make_room(session, name, drawn, replace=replace)
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
            raise RequestError(
                f"there is no split {name!r}{did_you_mean(name, library.splits())}; bregma split makes one"
            )
        values = scan_values(session, NAMES)
        placed: dict[str, list[tuple[str, Values]]] = {part: [] for part in row.fractions}
        left_out: list[tuple[str, Values]] = []
        for series_uid, patient, part in _placed(session, row):
            (left_out if part is None else placed[part]).append((patient, values[series_uid]))
        together = sum(len(house) for house in _households(session) if len(house) > 1)
    people = [{patient for patient, _ in scans} for scans in placed.values()]
    return SplitReport(
        name=name,
        seed=row.seed,
        parts={part: _counted(scans) for part, scans in placed.items()},
        left_out=_counted(left_out),
        shared_patients=sum(map(len, people)) - len(set().union(*people)),
        together=together,
    )


def _make_room(session: Session, name: str, drawn: Mapping[str, str], *, replace: bool) -> None:
    """Take an older split of this name away, if it is the same or is to be replaced."""
    older = session.scalar(select(SplitRow).where(SplitRow.name == name))
    if older is None:
        return
    if not replace and _members(session, older) != drawn:
        raise RequestError(_taken(older))
    session.execute(delete(SplitMemberRow).where(SplitMemberRow.split_id == older.id))
    session.delete(older)
    session.flush()


def _taken(older: SplitRow) -> str:
    """Why a split is refused whose name another one has, and what can be done."""
    shares = ", ".join(f"{part} {share:g}" for part, share in older.fractions.items())
    return (
        f"there is a split {older.name!r} already (seed {older.seed}; {shares}), and this request deals the patients "
        "otherwise: shares, seed, subset, labels or patients are others, or an older Bregma drew it. It stays as it is "
        "and can be used; for a new one give another name, or --replace"
    )


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    if any(not 0.0 <= share <= 1.0 for share in fractions.values()) or abs(sum(fractions.values()) - 1.0) > 1e-6:
        raise RequestError(
            f"fractions {dict(fractions)} sum to {sum(fractions.values()):g}; expected shares that sum to 1"
        )
    return {part: float(share) for part, share in fractions.items() if share > 0.0}


def _draw(library: Library, fractions: Mapping[str, float], subset: float, rng: np.random.Generator) -> dict[str, str]:
    """Patient -> part. What is left out is one more part, so that it is like the others; it is not kept."""
    with Session(library.engine) as session:
        values, houses = scan_values(session, NAMES), _households(session)
    if not houses:
        return {}
    of_patient = library.patients()
    counts = [_sums(values[uid] for patient in house for uid in of_patient[patient]) for house in houses]
    patients = Patients(*(np.array(column) for column in zip(*counts, strict=True)))
    shares = [subset * share for share in fractions.values()]
    names = [*fractions, None] if subset < 1.0 else [*fractions]
    parts = divide(patients, [*shares, 1.0 - subset][: len(names)], rng)
    chosen = ((house, names[part]) for house, part in zip(houses, parts, strict=True))
    return {patient: part for house, part in chosen if part is not None for patient in house}


def _sums(scans: Iterable[Values]) -> tuple[Values, Values, int]:
    """Positive scans (K,), known scans (K,), all scans. Sources that contradict each other (0.5) leave it unknown."""
    rows = np.stack(list(scans))
    known = np.isfinite(rows) & (rows != 0.5)
    return (known & (rows > 0.5)).sum(axis=0), known.sum(axis=0), len(rows)


def _counted(scans: Sequence[tuple[str, Values]]) -> PartCount:
    patients = len({patient for patient, _ in scans})
    if not scans:
        return PartCount(0, 0, {name: FindingCount(0, 0) for name in NAMES})
    positive, known, _ = _sums(values for _, values in scans)
    rows = zip(NAMES, positive, known, strict=True)
    return PartCount(patients, len(scans), {name: FindingCount(int(has), int(of)) for name, has, of in rows})


def _households(session: Session) -> list[Household]:
    """All patients with scans, those who share pixels (the digest of a stored volume) joined; in alphabetical order."""
    leader: dict[str, str] = {}
    first_with: dict[str, str] = {}
    query = select(PatientRow.pseudonym, SeriesRow.volume).join(StudyRow, StudyRow.patient_id == PatientRow.id)
    query = query.join(SeriesRow, SeriesRow.study_id == StudyRow.id).order_by(PatientRow.pseudonym)
    for patient, volume in session.execute(query):
        leader.setdefault(patient, patient)
        twin = first_with.setdefault(volume, patient) if volume else patient
        leader[_head(leader, patient)] = _head(leader, twin)
    houses = defaultdict[str, list[str]](list)
    for patient in leader:
        houses[_head(leader, patient)].append(patient)
    return [tuple(members) for members in houses.values()]


def _head(leader: Mapping[str, str], patient: str) -> str:
    while leader[patient] != patient:
        patient = leader[patient]
    return patient


def _placed(session: Session, split: SplitRow) -> list[tuple[str, str, str | None]]:
    """Every scan with its patient and the part in which that is, if any."""
    here = select(SplitMemberRow).where(SplitMemberRow.split_id == split.id).subquery()
    query = (
        select(SeriesRow.series_uid, PatientRow.pseudonym, here.c.part)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .join(PatientRow, StudyRow.patient_id == PatientRow.id)
        .outerjoin(here, here.c.patient_id == PatientRow.id)
    )
    return [(series_uid, patient, part) for series_uid, patient, part in session.execute(query)]


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
