"""How often what is shown in an epoch, and what comes together in a step: repeats, balance and mix.

A unit is what is shown by itself: a scan, or a slice. Letters: U units, K findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bregma.scan.errors import RequestError

Indices = NDArray[np.intp]

Kind = Literal["slices", "scan", "none"]
"""What sort of label a scan has: of its slices, only of the scan as a whole, or none."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order of a recipe's mix."""

_LABELLED: dict[Kind, str] = {
    "slices": "scans with labelled slices",
    "scan": "scans of which only the whole is labelled",
    "none": "scans without a label",
}


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Everything that can be shown.

    Attributes:
        copies: (U,) how often in all each is shown in an epoch.
        positive: (U,) 1 where some finding is known to be, 0 where what is known is absent, NaN where nothing is known.
    """

    copies: Indices
    positive: NDArray[np.float64]

    def shown(self, members: Indices, *, balance: bool, rng: np.random.Generator) -> Indices:
        """Some of the units as often as they are shown in an epoch, in no order yet.

        Args:
            members: which units.
            balance: whether the rarer of positive and negative ones come again until there are as many of both.
            rng: picks those that come once more than others.
        """
        all_copies = np.repeat(members, self.copies[members])
        if not balance:
            return all_copies
        groups = [all_copies[self.positive[all_copies] == kind] for kind in (1, 0)]
        rarer, commoner = sorted(groups, key=len)
        if len(rarer) == 0:
            return all_copies
        rounds, rest = divmod(len(commoner) - len(rarer), len(rarer))
        again = [rarer] * rounds + [rng.choice(rarer, size=rest, replace=False)]
        return np.concatenate([all_copies, *again])


def copies_of(present: NDArray[np.bool_], repeats: Sequence[int]) -> Indices:
    """(U,) how often each unit is shown: as often as the finding it has that is repeated most; once without.

    Args:
        present: (U, K) whether the finding is known to be there.
        repeats: K numbers, each at least 1.
    """
    copies: Indices = np.where(present, np.array(repeats, np.intp), 1).max(axis=1, initial=1)
    return copies


def mixed_steps(
    units: Units, kinds: Sequence[Kind], mix: Sequence[int], *, balance: bool, rng: np.random.Generator
) -> list[Indices]:
    """Steps that each hold their share of every kind of label, until each unit of every kind was there.

    Args:
        units: scans.
        kinds: U, one of KINDS each.
        mix: units of each kind per step, in the order of KINDS; a kind whose share is 0 is not shown.
        balance: as in `Units.shown`, within each kind.
        rng: for the order.

    Raises:
        RequestError: a kind that has a share has no units.
    """
    pools = []
    for kind, share in zip(KINDS, mix, strict=True):
        members = np.flatnonzero(np.array(kinds) == kind)
        if share and not len(members):
            raise RequestError(
                f"[batches] mix is {tuple(mix)}, but the training part has no {_LABELLED[kind]}: "
                "write 0 in its place, or import such scans"
            )
        pools.append(units.shown(members, balance=balance and kind != "none", rng=rng))
    count = max(-(-len(pool) // share) for pool, share in zip(pools, mix, strict=True) if share)
    dealt = [
        _rounds(pool, count * share, rng).reshape(count, share) for pool, share in zip(pools, mix, strict=True) if share
    ]
    return list(np.concatenate(dealt, axis=1))


def _rounds(pool: Indices, wanted: int, rng: np.random.Generator) -> Indices:
    """So many of a pool, every one before any comes again, in another order each round."""
    rounds = -(-wanted // len(pool))
    return np.concatenate([rng.permutation(pool) for _ in range(rounds)])[:wanted]
