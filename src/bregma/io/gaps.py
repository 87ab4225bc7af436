"""Holes in a stack of slices: gaps that the pattern of the other gaps does not explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bregma.scan.volume import EVEN_MM, Vector

HOLE = 1.5
"""A gap this many times as large as its neighbours is a hole; where the protocol changes, the new gap goes on."""


def holes(gaps_mm: Vector, thickness_mm: Sequence[float | None]) -> list[tuple[int, int]]:
    """Places where slices seem to be missing.

    Uneven gaps are normal: thin slices at the skull base, thick ones above, a shorter step between the two. A gap is a
    hole when it is larger than both its neighbours or than the usual gap, does not go on as a run of its own, and the
    slices on both sides are too thin to reach across.

    Args:
        gaps_mm: (D-1,) distances from each slice to the next.
        thickness_mm: D slice thicknesses, None where unknown.

    Returns:
        (index of the slice below the hole, about how many are missing).
    """
    if len(gaps_mm) < 2:
        return []
    usual = _usual(gaps_mm)
    found = []
    for index in np.flatnonzero(gaps_mm > HOLE * gaps_mm.min()).tolist():
        gap = float(gaps_mm[index])
        reach = [mm for mm in thickness_mm[index : index + 2] if mm]
        if reach and gap <= 1.1 * max(reach):
            continue
        beside = [float(gaps_mm[i]) for i in (index - 1, index + 1) if 0 <= i < len(gaps_mm)]
        normal = max(beside)
        if usual is not None and _run(gaps_mm, index) < 3:
            normal = min(normal, usual)
        if gap > HOLE * normal:
            found.append((index, max(1, round(gap / normal) - 1)))
    return found


def _usual(gaps_mm: Vector) -> float | None:
    """The gap that more than half of the slices keep, if there is one."""
    middle = float(np.median(gaps_mm))
    same = np.abs(gaps_mm - middle) <= EVEN_MM
    return middle if same.mean() > 0.5 else None


def _run(gaps_mm: Vector, index: int) -> int:
    """How many equal gaps stand in a row at this place."""
    same = np.abs(gaps_mm - gaps_mm[index]) <= EVEN_MM
    first = last = index
    while first > 0 and same[first - 1]:
        first -= 1
    while last + 1 < len(same) and same[last + 1]:
        last += 1
    return last - first + 1
