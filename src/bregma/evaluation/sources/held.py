"""A source beside the reference, case by case, where both are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.cases import Cases
from bregma.evaluation.metrics import Bools, Floats
from bregma.evaluation.references import Reference, reference_values
from bregma.evaluation.sources.answers import Answers
from bregma.evaluation.sources.question import SourceQuestion


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Sources and reference on the cases that all of them know. Letters: S sources, N cases.

    Attributes:
        places: (N,) of the cases among all answers.
        cases: what `measure_level` takes, one record per source; only the scores differ.
        codes: (N,) patient of each case.
        known: (all cases,) what the reference knows.
    """

    places: NDArray[np.intp]
    cases: tuple[Cases, ...]
    codes: NDArray[np.intp]
    known: Bools

    @property
    def independent(self) -> bool:
        """Whether every case is another patient."""
        return len(np.unique(self.codes)) == len(self.codes)


def held_against(answers: Answers, reference: Reference, question: SourceQuestion, sources: tuple[str, ...]) -> Held:
    """The cases that all the sources answered and the reference knows; none of the sources has a say in it.

    Raises:
        RequestError: the reference is made of their own reads, or a source said nothing at all.
    """
    truth = reference_values(reference.without(*sources), calls(answers, question), answers.sources)
    said = np.stack([answers.of(source) for source in sources])
    places = np.flatnonzero(np.isfinite(truth) & np.isfinite(said).all(axis=0))
    chosen = [answers.cases[place] for place in places.tolist()]
    patients = tuple(case.patient for case in chosen)
    return Held(
        places=places,
        cases=tuple(
            Cases(
                level=answers.level,
                finding=answers.finding,
                keys=tuple((case.case, None) for case in chosen),
                patients=patients,
                scores=row[places],
                truth=truth[places] == 1.0,
            )
            for row in said
        ),
        codes=patient_codes(patients),
        known=np.isfinite(truth),
    )


def calls(answers: Answers, question: SourceQuestion) -> Floats:
    """(S, N) 1 where a source calls positive at its threshold, 0 where negative, NaN where it says nothing."""
    thresholds = np.array([question.threshold(source) for source in answers.sources])[:, None]
    said: Floats = np.where(np.isnan(answers.values), np.nan, (answers.values >= thresholds).astype(np.float64))
    return said
