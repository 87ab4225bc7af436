"""The analysis of variance of a reader study after Obuchowski and Rockette (1995), as Hillis (2007, 2014) writes it.

    figure(t, r) = mean + treatment + reader + treatment x reader + error,

whose errors covary: Cov1 the same reader under two treatments, Cov2 two readers under one treatment, Cov3 two readers
under two treatments. Letters: T treatments, R readers, C cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.cells import Cell, Design
from bregma.evaluation.mrmc.covariance import Estimates


@dataclass(frozen=True, slots=True)
class Components:
    """Mean squares, and variances of errors.

    Attributes:
        design: how readers meet treatments.
        treatments: T.
        readers: per treatment; the harmonic mean where the treatments have different numbers.
        cases: K, all that the figure looks at.
        treatment: MS(T); None for one treatment.
        reader: MS(R); None for one reader, and where readers are nested.
        interaction: MS(T:R), or MS(R(T)) where readers are nested; None without degrees of freedom.
        degrees: degrees of freedom of `interaction`.
        error: variance of a figure over cases.
        cov1: the same reader under two treatments; where readers are nested nobody reads under two, and it is Cov3.
        cov2: two readers under one treatment.
        cov3: two readers under two treatments.
    """

    design: Design
    treatments: int
    readers: float
    cases: int
    treatment: float | None
    reader: float | None
    interaction: float | None
    degrees: int
    error: float
    cov1: float
    cov2: float
    cov3: float

    @property
    def between_readers(self) -> float:
        """Cov2 - Cov3, or 0 where chance makes it negative (Hillis 2007)."""
        return max(self.cov2 - self.cov3, 0.0)

    @property
    def reader_variance(self) -> float | None:
        """Variance of readers; the estimate can fall below 0."""
        if self.reader is None or self.interaction is None:
            return None
        return (self.reader - self.interaction) / self.treatments - self.cov1 + self.cov3

    @property
    def interaction_variance(self) -> float | None:
        """Variance of treatment x reader (of readers, where they are nested); the estimate can fall below 0."""
        if self.interaction is None:
            return None
        return self.interaction - self.error + self.cov1 + self.cov2 - self.cov3


def components_of(estimates: Estimates, design: Design) -> Components:
    """The analysis of variance of figures of merit.

    Args:
        estimates: figures and covariances of C cells.
        design: how readers meet treatments.
    """
    groups = by_treatment(estimates)
    counts = np.array([len(group) for group in groups])
    readers = len(counts) / float((1 / counts).sum())
    means = np.array([group.mean() for group in groups])
    treatment = readers * float(np.var(means, ddof=1)) if len(groups) > 1 else None
    reader, interaction, degrees = _mean_squares(groups, design)
    error, cov1, cov2, cov3 = _covariances(estimates)
    if design is Design.NESTED:
        cov1 = cov3
    return Components(
        *(
            design,
            len(groups),
            readers,
            estimates.cases,
            treatment,
            reader,
            interaction,
            degrees,
            error,
            cov1,
            cov2,
            cov3,
        )
    )


def by_treatment(estimates: Estimates) -> list[Floats]:
    """The figures of each treatment's readers."""
    of = np.array([cell.treatment for cell in estimates.cells])
    return [estimates.values[of == treatment] for treatment in np.unique(of)]


def error_and_cov2(estimates: Estimates, treatment: int) -> tuple[float, float]:
    """Error variance and Cov2 from the readers of one treatment alone; Cov2 is 0 for one reader."""
    inside = np.array([cell.treatment == treatment for cell in estimates.cells])
    block = estimates.covariance[np.ix_(inside, inside)]
    apart = ~np.eye(len(block), dtype=bool)
    return float(np.diag(block).mean()), _mean(block, apart)


def _mean_squares(groups: list[Floats], design: Design) -> tuple[float | None, float | None, int]:
    """MS(R), MS(T:R) or MS(R(T)), and the degrees of freedom of the latter."""
    if design is Design.NESTED:
        degrees = sum(len(group) - 1 for group in groups)
        within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
        return None, within / degrees if degrees else None, degrees
    table = np.stack(groups)
    treatments, readers = table.shape
    if readers == 1:
        return None, None, 0
    reader = treatments * float(np.var(table.mean(axis=0), ddof=1))
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    degrees = (treatments - 1) * (readers - 1)
    return reader, float((rest**2).sum()) / degrees if degrees else None, degrees


def _covariances(estimates: Estimates) -> tuple[float, float, float, float]:
    """Error variance, Cov1, Cov2, Cov3: means over the pairs of cells of each kind; 0 where there is no such pair."""
    treatment, reader = (_same(estimates.cells, name) for name in ("treatment", "reader"))
    kinds = (treatment & reader, ~treatment & reader, treatment & ~reader, ~treatment & ~reader)
    error, cov1, cov2, cov3 = (_mean(estimates.covariance, kind) for kind in kinds)
    return error, cov1, cov2, cov3


def _same(cells: tuple[Cell, ...], name: str) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    of = np.array([getattr(cell, name) for cell in cells])
    same: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = of[:, None] == of[None, :]
    return same


def _mean(matrix: Floats, where: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> float:
    return float(matrix[where].mean()) if where.any() else 0.0
