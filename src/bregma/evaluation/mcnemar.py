"""Whether two sources are right equally often on the same cases (McNemar 1947): only where they differ matters."""

from __future__ import annotations

from collections.abc import Callable

from scipy import stats


def exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value: among the cases where one of the two is right, which one is a coin.

    Args:
        only_first: cases that the first alone got right.
        only_second: cases that the second alone got right.
    """
    differing = _checked(only_first, only_second)
    return min(1.0, 2 * float(stats.binom.cdf(min(only_first, only_second), differing, 0.5)))


def mid_p(only_first: int, only_second: int) -> float:
    """The exact p-value less half the chance of just what was seen: right where the exact one is cautious.

    Fagerland, Lydersen and Laake 2013, "The McNemar test for binary matched-pairs data: mid-p and asymptotic are better
    than exact conditional". Arguments as in `exact`.
    """
    differing = _checked(only_first, only_second)
    if not differing:
        return 1.0
    seen = float(stats.binom.pmf(min(only_first, only_second), differing, 0.5))
    if only_first == only_second:
        return 1.0 - seen / 2
    return exact(only_first, only_second) - seen


def chi_squared(only_first: int, only_second: int) -> float:
    """The asymptotic p-value without a correction for continuity; good from 25 differing cases on."""
    differing = _checked(only_first, only_second)
    if not differing:
        return 1.0
    return float(stats.chi2.sf((only_first - only_second) ** 2 / differing, 1))


MCNEMAR: dict[str, Callable[[int, int], float]] = {"exact": exact, "mid-p": mid_p, "chi-squared": chi_squared}
"""The three by name."""


def _checked(only_first: int, only_second: int) -> int:
    if min(only_first, only_second) < 0:
        raise ValueError(f"{only_first} and {only_second} differing cases; expected counts from 0 on")
    return only_first + only_second
