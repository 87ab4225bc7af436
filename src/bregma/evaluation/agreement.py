"""How far sources agree with one another, no truth asked: percent agreement, Cohen, Fleiss, Krippendorff.

Every coefficient is a function of sums over cases, so that patients are drawn again at little cost. Letters: S sources,
N cases, P patients, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import REPLICATES, Statistic, bootstrap, per_patient
from bregma.evaluation.cohen import cohen
from bregma.evaluation.fleiss import fleiss
from bregma.evaluation.krippendorff import krippendorff
from bregma.evaluation.measure import Measure, ratio, resampled
from bregma.evaluation.metrics import Floats
from bregma.scan.errors import RequestError

PERCENT, COHEN, FLEISS, KRIPPENDORFF = "percent_agreement", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha"
_UNLESS = "there is no case that two of them read, or all of them always say the same thing"


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two sources on the cases that both read.

    Attributes:
        first: name of one.
        second: name of the other.
        cases: that both read.
        yes_yes: both call positive.
        yes_no: only the first does.
        no_yes: only the second does.
        no_no: none does.
        measures: percent agreement and Cohen's kappa.
    """

    first: str
    second: str
    cases: int
    yes_yes: int
    yes_no: int
    no_yes: int
    no_no: int
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Several sources among themselves.

    Attributes:
        sources: names.
        read_by_two: cases that at least two of them read.
        read_by_all: cases that all of them read, the ones Fleiss' kappa sees.
        measures: percent agreement of pairs, Fleiss' kappa and Krippendorff's alpha.
        pairs: every two of them.
    """

    sources: tuple[str, ...]
    read_by_two: int
    read_by_all: int
    measures: tuple[Measure, ...]
    pairs: tuple[PairAgreement, ...]


def agreement(
    calls: Floats,
    sources: Sequence[str],
    codes: NDArray[np.intp],
    rng: np.random.Generator,
    *,
    replicates: int = REPLICATES,
) -> Agreement:
    """All coefficients, with intervals over patients, from one set of resamples.

    Args:
        calls: (S, N) 1 for positive, 0 for negative, NaN where a source said nothing.
        sources: S names, two at least.
        codes: (N,) patient of each case, from `bootstrap.patient_codes`; at least one case.
        rng: where resamples come from.
        replicates: R.

    Raises:
        RequestError: there are fewer than two sources.
    """
    if len(sources) < 2:
        raise RequestError(f"agreement needs two sources; {', '.join(sources) or 'none'} is given")
    pairs = [(i, j) for i in range(len(sources)) for j in range(i + 1, len(sources))]
    statistics = [percent(calls, codes), fleiss(calls, codes), krippendorff(calls, codes)]
    for i, j in pairs:
        statistics += [percent(calls[[i, j]], codes), cohen(calls[i], calls[j], codes)]
    measured = _measured(statistics, codes, rng, replicates)
    read = np.isfinite(calls).sum(axis=0)
    return Agreement(
        sources=tuple(sources),
        read_by_two=int((read >= 2).sum()),
        read_by_all=int((read == len(sources)).sum()),
        measures=tuple(
            resampled(name, *measured[k], unless=_UNLESS) for k, name in enumerate((PERCENT, FLEISS, KRIPPENDORFF))
        ),
        pairs=tuple(_pair(calls, sources, pair, measured[3 + 2 * k : 5 + 2 * k]) for k, pair in enumerate(pairs)),
    )


def percent(values: Floats, codes: NDArray[np.intp]) -> Statistic:
    """Weights (R, P) -> (R,) share of pairs of reads of one case that say the same; NaN without a pair.

    Args:
        values: (S, N) category, NaN where none.
        codes: (N,) patient of each case.
    """
    categories = np.unique(values[np.isfinite(values)])
    votes = (values[:, :, None] == categories).sum(axis=0).astype(np.float64)
    readers = votes.sum(axis=1)
    sums = per_patient(np.column_stack([(votes * (votes - 1)).sum(axis=1), readers * (readers - 1)]), codes)
    return lambda weights: ratio(sums[:, 0], sums[:, 1], weights)


def _measured(
    statistics: Sequence[Statistic], codes: NDArray[np.intp], rng: np.random.Generator, replicates: int
) -> list[tuple[float, Floats]]:
    """Each figure on the cases as they are, and on resamples."""

    def together(weights: Floats) -> Floats:
        return np.stack([one(weights) for one in statistics], axis=1)

    values = together(np.ones((1, int(codes.max()) + 1)))[0]
    draws = bootstrap(together, codes, rng, replicates=replicates)
    return [(float(value), draws[:, k]) for k, value in enumerate(values)]


def _pair(
    calls: Floats, sources: Sequence[str], pair: tuple[int, int], measured: Sequence[tuple[float, Floats]]
) -> PairAgreement:
    first, second = calls[pair[0]], calls[pair[1]]
    yes_yes, yes_no, no_yes, no_no = (
        int(((first == one) & (second == other)).sum()) for one in (1.0, 0.0) for other in (1.0, 0.0)
    )
    return PairAgreement(
        first=sources[pair[0]],
        second=sources[pair[1]],
        cases=yes_yes + yes_no + no_yes + no_no,
        yes_yes=yes_yes,
        yes_no=yes_no,
        no_yes=no_yes,
        no_no=no_no,
        measures=tuple(
            resampled(name, *one, unless=_UNLESS) for name, one in zip((PERCENT, COHEN), measured, strict=True)
        ),
    )
