"""Whether near vectors are alike: what the nearest cases of *other patients* say of each case.

Tumour retrieval via multitask learning, section 4: a case is asked about with all others as known cases. Cases of its
own patient, from whatever study, are never among its neighbours; cases of which a criterion is unknown are neither asked
about nor answer for that criterion. Letters: N cases, E embedding, k neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.metrics import Floats

Codes = NDArray[np.intp]

UNKNOWN = -1
"""Code of a label that nobody stated."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedCases:
    """Vectors and what is known about them.

    Attributes:
        vectors: (N, E).
        patients: (N,) from `bootstrap.patient_codes`.
        labels: criterion -> (N,) codes from 0, or `UNKNOWN`.
        log_volume: (N,) natural logarithm of the volume in mL; NaN where unknown. None when no size is asked about.
    """

    vectors: Floats
    patients: Codes
    labels: Mapping[str, Codes] = field(default_factory=dict)
    log_volume: Floats | None = None

    def __post_init__(self) -> None:
        columns = [self.patients, *self.labels.values(), *([] if self.log_volume is None else [self.log_volume])]
        if any(len(column) != len(self.vectors) for column in columns):
            lengths = [len(column) for column in columns]
            raise ValueError(f"{len(self.vectors)} vectors have columns of lengths {lengths}; expected one value each")


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """For every case that can be asked about, the others from near to far.

    Attributes:
        cases: (Q,) the cases asked about.
        order: (Q, N) cases, nearest first; equal distances in the order of the cases.
        others: (Q,) how many of them count: known ones of other patients. What comes after them means nothing.
    """

    cases: Codes
    order: Codes
    others: Codes


def squared_distances(vectors: Floats) -> Floats:
    """(N, N) squared L2 in float64, computed by differences, so that equal vectors are at exactly 0."""
    exact = np.asarray(vectors, dtype=np.float64)
    return np.stack([np.square(exact - one).sum(axis=1) for one in exact])


def ranked(apart: Floats, patients: Codes, known: NDArray[np.bool_]) -> Ranked:
    """Known cases of other patients from near to far, for every known case.

    Args:
        apart: (N, N) from `squared_distances`.
        patients: (N,).
        known: (N,) whether the criterion is known.
    """
    cases = np.flatnonzero(known)
    usable = known[None] & (patients[None] != patients[cases, None])
    order = np.argsort(np.where(usable, apart[cases], np.inf), axis=1, kind="stable")
    return Ranked(cases, order, usable.sum(axis=1))


def vote(near: Ranked, codes: Codes, k: int) -> Codes:
    """(Q,) the commonest label among the k nearest; of equally common ones, that of the nearest case.

    Args:
        near: of the criterion.
        codes: (N,) its labels.
        k: neighbours; where there are fewer, all of them. Without any the answer is `UNKNOWN`.
    """
    answers = np.full(len(near.cases), UNKNOWN, np.intp)
    for row, (order, others) in enumerate(zip(near.order, near.others, strict=True)):
        labels = codes[order[: min(k, int(others))]]
        if len(labels):
            counts = np.bincount(labels)
            answers[row] = next(label for label in labels.tolist() if counts[label] == counts.max())
    return answers


def precision_at(near: Ranked, codes: Codes, k: int) -> Floats:
    """(Q,) share of the k nearest that have the case's label; NaN without neighbours."""
    alike = codes[near.order[:, :k]] == codes[near.cases][:, None]
    counted = np.minimum(k, near.others)
    hits = (alike & (np.arange(alike.shape[1]) < counted[:, None])).sum(axis=1)
    return np.where(counted > 0, hits / np.maximum(counted, 1), np.nan)


def average_precision(near: Ranked, codes: Codes) -> Floats:
    """(Q,) mean over the cases alike of the precision down to each; NaN when no other patient has one alike."""
    counts = np.arange(near.order.shape[1]) < near.others[:, None]
    alike = (codes[near.order] == codes[near.cases][:, None]) & counts
    precision = np.cumsum(alike, axis=1) / np.arange(1, alike.shape[1] + 1)
    relevant = alike.sum(axis=1)
    return np.where(relevant > 0, (precision * alike).sum(axis=1) / np.maximum(relevant, 1), np.nan)


def mean_of_nearest(near: Ranked, values: Floats, k: int) -> Floats:
    """(Q,) mean of a size over the k nearest; NaN without neighbours."""
    counted = np.arange(min(k, near.order.shape[1])) < near.others[:, None]
    sums = np.where(counted, values[near.order[:, :k]], 0.0).sum(axis=1)
    found = counted.sum(axis=1)
    return np.where(found > 0, sums / np.maximum(found, 1), np.nan)
