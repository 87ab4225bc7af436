"""A reader study: who read which case under which treatment, and what he said.

Letters: T treatments, R readers, K cases. What nobody read is NaN, never a rating.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.metrics import Bools, Floats
from bregma.scan.errors import RequestError


@dataclass(frozen=True, slots=True)
class Read:
    """One reader's rating of one case under one treatment.

    Attributes:
        reader: who read.
        treatment: how: "without model", "with model", a modality.
        case: what was read.
        truth: whether the finding is there.
        rating: higher for more suspicious; 0 and 1 for a plain no and yes.
        patient: whose case it is; "" where every case is another patient's.
    """

    reader: str
    treatment: str
    case: str
    truth: bool
    rating: float
    patient: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ReaderStudy:
    """All reads of a study. Make it with `study_of`.

    Attributes:
        treatments: T names.
        readers: R names.
        cases: K names.
        truth: (K,) whether the finding is there.
        ratings: (T, R, K); NaN for what was not read.
        patients: K names; none where every case is another patient's.
    """

    treatments: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    truth: Bools
    ratings: Floats
    patients: tuple[str, ...] = ()

    @property
    def units(self) -> NDArray[np.intp]:
        """(K,) what varies as a whole: the patient of each case, or the case itself."""
        return patient_codes(self.patients or self.cases)

    @property
    def clustered(self) -> bool:
        """Whether a patient has several cases."""
        return len(set(self.patients or self.cases)) < len(self.cases)

    @property
    def read(self) -> Bools:
        """(T, R, K) whether there is a rating."""
        return np.isfinite(self.ratings)

    @property
    def fully_crossed(self) -> bool:
        """Whether every reader read every case under every treatment."""
        return bool(self.read.all())


def study_of(reads: Iterable[Read]) -> ReaderStudy:
    """Put reads in order of first appearance.

    Args:
        reads: in any order, each reader, treatment and case at most once.

    Raises:
        RequestError: a read is there twice, a case has two truths or patients, a rating is no number, or there is no
            read.
    """
    known = list(reads)
    if not known:
        raise RequestError("there is no read in the study; expected one row per reader, treatment and case")
    treatments, readers, cases = (
        tuple(dict.fromkeys(getattr(read, name) for read in known)) for name in ("treatment", "reader", "case")
    )
    places = [{name: place for place, name in enumerate(names)} for names in (treatments, readers, cases)]
    ratings = np.full((len(treatments), len(readers), len(cases)), np.nan)
    for read in known:
        at = places[0][read.treatment], places[1][read.reader], places[2][read.case]
        _check(read, ratings[at])
        ratings[at] = read.rating
    return ReaderStudy(treatments, readers, cases, _truth(known, cases), ratings, _patients(known, cases))


def _check(read: Read, before: float) -> None:
    what = f"reader {read.reader!r}, treatment {read.treatment!r}, case {read.case!r}"
    if not np.isfinite(read.rating):
        raise RequestError(f"{what}: rating {read.rating} is no number; leave the row out if the case was not read")
    if np.isfinite(before):
        raise RequestError(f"{what} is there twice, with ratings {before:g} and {read.rating:g}; keep one of them")


def _truth(reads: Sequence[Read], cases: Sequence[str]) -> Bools:
    said: dict[str, bool] = {}
    for read in reads:
        if said.setdefault(read.case, read.truth) != read.truth:
            raise RequestError(f"case {read.case!r} is said to be positive and negative; a case has one truth")
    return np.array([said[case] for case in cases], dtype=bool)


def _patients(reads: Sequence[Read], cases: Sequence[str]) -> tuple[str, ...]:
    whose: dict[str, str] = {}
    for read in reads:
        patient = read.patient or read.case
        if whose.setdefault(read.case, patient) != patient:
            raise RequestError(f"case {read.case!r} is said to be of {whose[read.case]!r} and {patient!r}; keep one")
    return tuple(whose[case] for case in cases)
