"""How sure a difference is, when several were looked at.

A p-value here is read off the resamples: twice the share that lies on the other side of 0 (Efron and Tibshirani 1993,
section 15.4), never less than the resamples can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bregma.evaluation.comparison import Comparison, Table
from bregma.evaluation.metrics import Floats

_LEAST_DEFINED = 0.5


def p_value(draws: Floats) -> float | None:
    """Two-sided p-value of "there is no difference".

    Args:
        draws: (R,) the difference on resampled patients; NaN where a resample does not define it.

    Returns:
        None when half or more of the resamples did not define it.
    """
    known = draws[np.isfinite(draws)]
    if len(known) == 0 or len(known) <= _LEAST_DEFINED * len(draws):
        return None
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(known) + 1))


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """P-values corrected for how many there are (Holm 1979): below 0.05, one in twenty such families errs at all.

    Args:
        p_values: of one family; None is no test and counts for nothing.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = highest
    return tuple(adjusted)


def corrected(tables: Sequence[Table]) -> list[Table]:
    """The same with p-values after Holm: one family is one figure at one level, over all findings and groups."""
    families: dict[tuple[str, str], list[float | None]] = {}
    for table in tables:
        for difference in (d for comparison in table.comparisons for d in comparison.differences):
            families.setdefault((table.level, difference.name), []).append(difference.p)
    adjusted = {family: iter(holm(p_values)) for family, p_values in families.items()}
    return [
        replace(table, comparisons=tuple(_with(comparison, adjusted) for comparison in table.comparisons))
        for table in tables
    ]


def _with(comparison: Comparison, adjusted: Mapping[tuple[str, str], Iterator[float | None]]) -> Comparison:
    """The comparison with the next p-value of each family."""
    differences = [replace(d, adjusted_p=next(adjusted[comparison.level, d.name])) for d in comparison.differences]
    return replace(comparison, differences=tuple(differences))
