"""P-values corrected for the share of false discoveries (Benjamini and Hochberg 1995)."""

from __future__ import annotations

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Of the differences called real at 0.05, one in twenty is expected not to be; less strict than `holm`.

    Args:
        p_values: of one family; None is no test and counts for nothing.
    """
    known = sorted(((p, place) for place, p in enumerate(p_values) if p is not None), reverse=True)
    adjusted: list[float | None] = [None] * len(p_values)
    lowest = 1.0
    for above, (p, place) in enumerate(known):
        lowest = min(lowest, p * len(known) / (len(known) - above))
        adjusted[place] = lowest
    return tuple(adjusted)
