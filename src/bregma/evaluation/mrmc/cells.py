"""Reader by treatment: the cells of a study with their figures of merit, and how the study is laid out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import compress

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.merit import Merit
from bregma.evaluation.mrmc.reader_study import ReaderStudy
from bregma.scan.errors import RequestError


class Design(Enum):
    """How readers meet treatments."""

    CROSSED = "readers crossed with treatments"
    NESTED = "readers nested in treatments"


@dataclass(frozen=True, slots=True)
class Cell:
    """One reader under one treatment.

    Attributes:
        treatment: its place among the treatments.
        reader: its place among the readers.
    """

    treatment: int
    reader: int


def counting(study: ReaderStudy, merit: Merit) -> ReaderStudy:
    """The study without the cases that a figure does not look at: only positives for sensitivity.

    Raises:
        RequestError: no case is left.
    """
    kept = merit.counts(study.truth)
    if not kept.any():
        raise RequestError(f"none of {len(kept)} cases counts for {merit.title}; look at the column of the truth")
    cases, patients = (tuple(compress(names, kept)) for names in (study.cases, study.patients))
    return replace(study, cases=cases, truth=study.truth[kept], ratings=study.ratings[:, :, kept], patients=patients)


def cells_of(study: ReaderStudy) -> tuple[Cell, ...]:
    """Reader-treatment pairs with at least one read, treatment by treatment; C of them."""
    return tuple(Cell(int(t), int(r)) for t, r in np.argwhere(study.read.any(axis=2)))


def design_of(study: ReaderStudy) -> Design:
    """Crossed when every reader works under every treatment, nested when every reader works under one only.

    Raises:
        RequestError: some readers work under several treatments, but not under all.
    """
    works = study.read.any(axis=2)
    if works.all():
        return Design.CROSSED
    if (works.sum(axis=0) == 1).all():
        return Design.NESTED
    treatment, reader = np.argwhere(~works)[-1]
    raise RequestError(
        f"reader {study.readers[reader]!r} has no read under treatment {study.treatments[treatment]!r}; every reader "
        "must work under all treatments, or every reader under one only: leave this reader out"
    )


def merits(study: ReaderStudy, merit: Merit, cells: tuple[Cell, ...], weights: Floats) -> Floats:
    """(W, C) the figure of every cell under every weighting, over the cases that were read there.

    Args:
        study: the reads.
        merit: the figure.
        cells: C of them.
        weights: (W, K) how often each case counts.
    """
    columns = []
    for cell in cells:
        ratings = study.ratings[cell.treatment, cell.reader]
        there = np.isfinite(ratings)
        columns.append(merit.of(ratings[there], study.truth[there], weights[:, there]))
    return np.stack(columns, axis=1)


def observed(study: ReaderStudy, merit: Merit, cells: tuple[Cell, ...]) -> Floats:
    """(C,) the figures as they are.

    Raises:
        RequestError: a cell has too few positives or negatives for the figure.
    """
    found: Floats = merits(study, merit, cells, np.ones((1, len(study.cases))))[0]
    check_defined(study, merit, cells, found)
    return found


def check_defined(study: ReaderStudy, merit: Merit, cells: tuple[Cell, ...], figures: Floats) -> None:
    """Refuse a study in which the figure of a cell, or its spread, is undefined.

    Args:
        study: the reads.
        merit: the figure.
        cells: C of them.
        figures: (..., C); NaN where undefined.

    Raises:
        RequestError: with the first reader and treatment that lack cases.
    """
    undefined = np.isnan(figures).reshape(-1, len(cells)).any(axis=0)
    if not undefined.any():
        return
    cell = cells[int(np.flatnonzero(undefined)[0])]
    read = np.isfinite(study.ratings[cell.treatment, cell.reader])
    positives, negatives = int((read & study.truth).sum()), int((read & ~study.truth).sum())
    raise RequestError(
        f"reader {study.readers[cell.reader]!r} under treatment {study.treatments[cell.treatment]!r} read {positives} "
        f"positive and {negatives} negative cases: too few for {merit.title}; every cell needs two of those it counts"
    )
