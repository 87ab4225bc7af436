"""Thresholds for a stated aim: so much specificity at least, or so much sensitivity; for all cases or site by site.

A threshold chosen on the cases it is measured on flatters itself; the intervals here let every resample choose its own,
so they hold that choice too. Letters: N cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bregma.evaluation.bootstrap import REPLICATES, bootstrap, patient_codes
from bregma.evaluation.measure import Measure, resampled
from bregma.evaluation.metrics import RECALL, SPECIFICITY, Bools, Counts, Floats, count
from bregma.evaluation.ranking import Ranking, rank
from bregma.scan.errors import RequestError

_LAST_DIGITS = 1e-12


class Hold(StrEnum):
    """What the threshold must keep."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a threshold is chosen for.

    Attributes:
        hold: what must not be less.
        least: how much of it, more than 0 and less than 1.
    """

    hold: Hold
    least: float

    def __post_init__(self) -> None:
        if not 0.0 < self.least < 1.0:
            raise RequestError(f"{self.hold} is {self.least:g}; expected a share between 0 and 1, such as 0.9")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The threshold for an aim, and what it does.

    Attributes:
        aim: what it was chosen for.
        threshold: scores at or above it are called positive; None without a positive or a negative case.
        counts: confusion table there.
        measure: the other figure: sensitivity at the specificity held, or the other way round.
    """

    aim: Aim
    threshold: float | None
    counts: Counts | None
    measure: Measure


def choose(
    scores: Floats,
    truth: Bools,
    patients: Sequence[str],
    aim: Aim,
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
) -> Chosen:
    """The threshold that keeps the aim and gives most of the other figure.

    Args:
        scores: (N,) higher for more suspicious.
        truth: (N,) whether the finding is there.
        patients: (N,) pseudonyms.
        aim: what to hold.
        rng: where resamples come from.
        replicates: how many.
    """
    name = f"{Hold.SENSITIVITY if aim.hold is Hold.SPECIFICITY else Hold.SPECIFICITY}_at_{aim.hold}"
    if not truth.any() or truth.all():
        return Chosen(aim, None, None, Measure(name, None, reason=f"{name} is undefined: it needs both kinds of case"))
    codes = patient_codes(patients)
    ranking = rank(scores, truth, codes)
    read_off = ranking.sensitivity if aim.hold is Hold.SPECIFICITY else ranking.specificity
    draws = bootstrap(lambda weights: read_off(aim.least, weights), codes, rng, replicates=replicates)
    threshold = _threshold(ranking, aim)
    measure = resampled(name, float(read_off(aim.least)[0]), draws, unless="it needs both kinds of case")
    return Chosen(aim, threshold, count(scores >= threshold, truth), measure)


def choose_by_site(
    scores: Floats,
    truth: Bools,
    patients: Sequence[str],
    sites: Sequence[str],
    aim: Aim,
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
) -> dict[str, Chosen]:
    """`choose` for each site alone, in alphabetical order; arguments as there, and the (N,) site of each case."""
    of_case = np.array(sites)
    chosen: dict[str, Chosen] = {}
    for site in sorted(set(sites)):
        here = of_case == site
        own = [patient for patient, inside in zip(patients, here.tolist(), strict=True) if inside]
        chosen[site] = choose(scores[here], truth[here], own, aim, rng, replicates=replicates)
    return chosen


def _threshold(ranking: Ranking, aim: Aim) -> float:
    """Of those that keep the aim: the lowest for specificity, the highest for sensitivity; infinite if none does."""
    false, recall = (rates[0] for rates in ranking.roc())
    places = np.concatenate([[np.inf], ranking.thresholds])
    if aim.hold is Hold.SPECIFICITY:
        return float(places[np.flatnonzero(false <= 1.0 - aim.least + _LAST_DIGITS)[-1]])
    return float(places[np.flatnonzero(recall >= aim.least - _LAST_DIGITS)[0]])


def kept(chosen: Chosen) -> float | None:
    """How much of what was to be held there is at the threshold: at least the aim, often more."""
    figure = SPECIFICITY if chosen.aim.hold is Hold.SPECIFICITY else RECALL
    return None if chosen.counts is None else figure.of(chosen.counts)
