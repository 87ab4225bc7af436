"""Spearman's rank correlation with an exact p-value: whether two orders of a few models agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy import stats

from bregma.evaluation.metrics import Floats

LEAST_MODELS = 4
"""Of three models every order has a p-value above 0.3: nothing can be said."""

_EXACT_UP_TO = 8
"""8! = 40,320 orders are all looked at; of more models, so many are drawn."""

_DRAWN = 40_000
_LAST_DIGITS = 1e-12


@dataclass(frozen=True, slots=True)
class Correlation:
    """Whether the better models on one thing are the better ones on another.

    Attributes:
        of: what was measured: "slice any".
        models: names, in the order given.
        first: their figures on the one.
        second: their figures on the other.
        spearman: -1 to 1; 1 is the same order.
        p: two-sided: the share of all orders that agree, or disagree, as much by chance.
        exact: whether all orders were looked at, not drawn ones.
    """

    of: str
    models: tuple[str, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    spearman: float
    p: float
    exact: bool


def rank_correlation(of: str, rows: Sequence[tuple[str, float, float]], rng: np.random.Generator) -> Correlation | None:
    """Spearman's correlation; ties get the mean of their ranks.

    Args:
        of: what was measured.
        rows: (model, its figure on the one, its figure on the other), N of them.
        rng: draws orders when there are too many to look at all.

    Returns:
        None for fewer than four models, or when all have the same figure, which is no order.
    """
    first, second = [row[1] for row in rows], [row[2] for row in rows]
    if len(rows) < LEAST_MODELS or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    one, other = _standard(first), _standard(second)
    found = float(one @ other)
    exact = len(rows) <= _EXACT_UP_TO
    orders = (
        np.array(list(permutations(range(len(rows)))))
        if exact
        else np.stack([rng.permutation(len(rows)) for _ in range(_DRAWN)])
    )
    as_much = int((np.abs(other[orders] @ one) >= abs(found) - _LAST_DIGITS).sum())
    p = as_much / len(orders) if exact else (as_much + 1) / (len(orders) + 1)
    names = tuple(row[0] for row in rows)
    return Correlation(of, names, tuple(first), tuple(second), min(1.0, max(-1.0, found)), p, exact)


def _standard(values: Sequence[float]) -> Floats:
    """Ranks with mean 0 and length 1, so that a product is a correlation."""
    ranks = np.asarray(stats.rankdata(values), dtype=np.float64)
    centred: Floats = ranks - ranks.mean()
    return centred / float(np.sqrt(centred @ centred))
