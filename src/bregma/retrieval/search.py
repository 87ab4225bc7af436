"""The exact nearest entries: rows whose bound lets them be among the nearest are measured in float64, others are not.

Why nothing is lost: once k allowed rows (of k patients, where one per patient is wanted) are known at squared distances
up to T, no row farther than T can be an answer; and a row whose lower bound is above T is farther than T. Rows at
exactly T are measured too, so that ties fall as their keys say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bregma.retrieval.bounds import Floats, Scanner
from bregma.retrieval.forms import form_named
from bregma.retrieval.match import Match
from bregma.retrieval.nearest import Found, Nearest
from bregma.retrieval.plain import Plain, PlainScanner
from bregma.retrieval.segment import Mask, Rows, Segment
from bregma.retrieval.where import Where

SPARSE = 0.25
"""Where fewer rows than this share fit, only they are looked at."""

_FIRST = 4
"""Times k rows are measured first, to have a distance to compare with."""
_SAMPLE = 4096
"""Rows among which those are sought."""
_SOME = 8192
"""Rows gathered at a time."""
_FEW = 64
"""Up to so many rows that a coarse bound left are measured at once; of more, a closer bound is asked first."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is looked for.

    Attributes:
        vector: (E,) float32.
        top: k, at least 1.
        patient: whose entries are never hits; None when no patient is to be left out.
        case: of which no entry is a hit: the query's own scan.
        where: conditions.
        per_patient: only the nearest entry of each patient.
    """

    vector: Floats
    top: int
    patient: str | None = None
    case: str | None = None
    where: Where = field(default_factory=Where)
    per_patient: bool = False


def search(segments: Sequence[Segment], query: Query) -> list[Match]:
    """The nearest entries, nearest first; equal distances in the order of case and number."""
    nearest = Nearest(query.top)
    for place, segment in enumerate(segments):
        _Look(segment, place, query, nearest).through()
    return [Match(segments[one.segment].entry(one.row), math.sqrt(one.squared)) for one in nearest.ranked]


class _Look:
    """One query in one segment."""

    def __init__(self, segment: Segment, place: int, query: Query, nearest: Nearest) -> None:
        self.segment, self.place, self.query, self.nearest = segment, place, query, nearest
        self.exact = query.vector.astype(np.float64)
        self.patient = segment.code_of("patient_names", query.patient)
        self.case = segment.code_of("case_names", query.case)
        self.has_dead = bool(segment.dead.any())

    def through(self) -> None:
        """Offer everything that can be among the nearest."""
        fitting = self.segment.fitting(self.query.where)
        if fitting is not None and np.count_nonzero(fitting) < SPARSE * len(fitting):
            self._some(np.flatnonzero(fitting))
            return
        scanner = form_named(self.segment.form).scanner(self.segment.arrays, self.query.vector)
        for start, low in scanner.blocks():
            part = None if fitting is None else fitting[start : start + len(low)]
            for chosen in self._worth_measuring(low, part, scanner):
                coarse = len(chosen) > _FEW and not isinstance(scanner, PlainScanner)
                (self._some if coarse else self._measure)(chosen + start)

    def _some(self, rows: Rows) -> None:
        """Measure of some rows those that the bounds of the originals, the closest there are, do not rule out."""
        scanner = Plain().scanner(self.segment.arrays, self.query.vector)
        for start in range(0, len(rows), _SOME):
            part = rows[start : start + _SOME]
            for chosen in self._worth_measuring(scanner.some(part), None, scanner):
                self._measure(part[chosen])

    def _worth_measuring(self, low: Floats, fitting: Mask | None, scanner: Scanner) -> Iterator[Rows]:
        """The rows of a block that fit and whose bound does not rule them out.

        At the very first block some of the lowest come first, so that there is a distance to compare the others with.
        """
        if np.isinf(self.nearest.limit):
            sample = np.arange(min(_SAMPLE, len(low))) if fitting is None else np.flatnonzero(fitting[:_SAMPLE])
            few = min(_FIRST * self.query.top, len(sample))
            yield sample[np.argpartition(low[sample], few - 1)[:few]] if few else sample
        possible = low <= self.nearest.limit - scanner.base + scanner.slack
        yield np.flatnonzero(possible if fitting is None else possible & fitting)

    def _measure(self, rows: Rows) -> None:
        """Offer rows with their distances in float64, as far as they are allowed."""
        rows = rows[self._allowed(rows)]
        apart = self.segment.arrays["vectors"][rows] - self.exact
        squared = np.square(apart).sum(axis=1)
        near = np.flatnonzero(squared <= self.nearest.limit)
        for one in near[np.argsort(squared[near], kind="stable")].tolist():
            if squared[one] > self.nearest.limit:
                break
            self.nearest.offer(self._found(int(rows[one]), float(squared[one])))

    def _allowed(self, rows: Rows) -> Mask:
        arrays = self.segment.arrays
        allowed = (arrays["patients"][rows] != self.patient) & (arrays["cases"][rows] != self.case)
        return np.asarray(allowed & ~self.segment.dead[rows] if self.has_dead else allowed, dtype=np.bool_)

    def _found(self, row: int, squared: float) -> Found:
        segment = self.segment
        group = segment.patient(row) if self.query.per_patient else (self.place, row)
        number = int(segment.arrays["numbers"][row])
        return Found(squared, segment.case(row), number, self.place, row, group)
