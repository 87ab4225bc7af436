"""Dorfman, Berbaum and Metz (1992): an analysis of variance of jackknife pseudovalues, treatment by reader by case.

With the pseudovalues normalised, so that their mean is the figure itself, and the degrees of freedom of Hillis, Berbaum
and Metz (2008), it says the same as Obuchowski and Rockette's analysis with jackknife covariances (Hillis et al. 2005).
Letters: T treatments, R readers, K cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.evaluation.mrmc.cells import Design, cells_of, counting, observed
from bregma.evaluation.mrmc.components import Components
from bregma.evaluation.mrmc.covariance import check_alone, left_out
from bregma.evaluation.mrmc.merit import Merit
from bregma.evaluation.mrmc.reader_study import ReaderStudy
from bregma.scan.errors import RequestError

SOURCES = ("T", "R", "C", "TR", "TC", "RC", "TRC")


@dataclass(frozen=True, slots=True)
class PseudovalueAnova:
    """Mean squares of pseudovalues.

    Attributes:
        treatments: T.
        readers: R.
        cases: K.
        mean_squares: by source, T, R, C, TR, TC, RC, TRC; NaN without degrees of freedom.
        degrees: degrees of freedom by source.
    """

    treatments: int
    readers: int
    cases: int
    mean_squares: dict[str, float]
    degrees: dict[str, int]

    @property
    def components(self) -> Components:
        """The same as mean squares and covariances of figures (Hillis et al. 2005, table 3)."""
        scaled = {name: 0.0 if np.isnan(square) else square / self.cases for name, square in self.mean_squares.items()}
        t, r = self.treatments, self.readers
        same, treatment, reader, rest = (scaled[name] for name in ("C", "TC", "RC", "TRC"))
        cov3 = (same - treatment - reader + rest) / (t * r)
        cov2 = cov3 + (treatment - rest) / r
        cov1 = cov3 + (reader - rest) / t
        return Components(
            design=Design.CROSSED,
            treatments=t,
            readers=float(r),
            cases=self.cases,
            treatment=scaled["T"] if t > 1 else None,
            reader=scaled["R"] if r > 1 else None,
            interaction=scaled["TR"] if self.degrees["TR"] else None,
            degrees=self.degrees["TR"],
            error=rest + cov1 + cov2 - cov3,
            cov1=cov1,
            cov2=cov2,
            cov3=cov3,
        )


def pseudovalues(study: ReaderStudy, merit: Merit) -> Floats:
    """(T, R, K) normalised pseudovalues: K x figure - (K - 1) x figure without the case, moved to the figure's mean.

    K are the cases that the figure looks at.

    Raises:
        RequestError: not every reader read every case under every treatment, a patient has several cases, or a
            cell has too few.
    """
    check_alone(study, "Dorfman, Berbaum and Metz's analysis")
    if not study.fully_crossed:
        missing = int((~study.read).sum())
        raise RequestError(
            f"{missing} reads are missing, and Dorfman, Berbaum and Metz's analysis needs all; use Obuchowski and "
            "Rockette's"
        )
    counted = counting(study, merit)
    cells, cases = cells_of(counted), len(counted.cases)
    values = observed(counted, merit, cells)
    raw = cases * values - (cases - 1) * left_out(counted, merit, cells)
    normalised: Floats = raw - raw.mean(axis=0) + values
    return normalised.T.reshape(len(study.treatments), len(study.readers), cases)


def anova(study: ReaderStudy, merit: Merit) -> PseudovalueAnova:
    """The analysis of variance of a study's pseudovalues.

    Raises:
        RequestError: as `pseudovalues`, or for one treatment or one reader, which Obuchowski and Rockette's can do.
    """
    table = pseudovalues(study, merit)
    if min(table.shape) < 2:
        raise RequestError(
            f"{table.shape[0]} treatments, {table.shape[1]} readers and {table.shape[2]} cases; Dorfman, Berbaum and "
            "Metz's analysis needs two of each: use Obuchowski and Rockette's"
        )
    squares, degrees = {}, {}
    for source in SOURCES:
        effect, degrees[source] = _effect(table, source)
        squares[source] = float((effect**2).sum()) * table.size / effect.size / degrees[source]
    treatments, readers, cases = table.shape
    return PseudovalueAnova(treatments, readers, cases, squares, degrees)


def _effect(table: Floats, source: str) -> tuple[Floats, int]:
    """The effect of a source on each of its cells, with the lower ones taken away, and its degrees of freedom."""
    mine = [place for place, letter in enumerate("TRC") if letter in source]
    effect = table.mean(axis=tuple(set(range(3)) - set(mine)), keepdims=True)
    for axis in mine:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    return effect, int(np.prod([table.shape[axis] - 1 for axis in mine]))
