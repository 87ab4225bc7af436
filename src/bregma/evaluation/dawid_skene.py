"""A latent reference: what is so, judged from several readers none of whom is right always (Dawid and Skene 1979).

Each reader has a recall and a specificity of his own, and errs independently of the others once it is known what is so.
Expectation and maximisation take turns. Letters: S readers, N cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bregma.evaluation.metrics import Floats
from bregma.scan.errors import RequestError

LEAST_READERS = 3
"""Two readers have three free counts, and the model five unknowns: it could say anything (Hui and Walter 1980)."""

_ROUNDS = 5000
_SETTLED = 1e-10
_FLOOR = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """What the readers together make likely.

    Attributes:
        probability: (N,) that the finding is there; NaN where nobody read.
        recall: (S,) of each reader.
        specificity: (S,) of each reader.
        prevalence: share of cases with the finding.
        rounds: until nothing changed.
    """

    probability: Floats
    recall: Floats
    specificity: Floats
    prevalence: float
    rounds: int


def dawid_skene(calls: Floats) -> Latent:
    """The most likely recall, specificity and prevalence, and what follows for each case.

    It starts from the share of readers who call the case positive, so that "positive" keeps its meaning.

    Args:
        calls: (S, N) 1 for positive, 0 for negative, NaN where a reader said nothing.

    Raises:
        RequestError: there are fewer than three readers, no case, or it does not settle.
    """
    read = np.isfinite(calls)
    seen = read.any(axis=0)
    if len(calls) < LEAST_READERS or not seen.any():
        raise RequestError(
            f"a latent reference of {len(calls)} readers and {int(seen.sum())} cases cannot be found; "
            f"expected at least {LEAST_READERS} readers and one case"
        )
    yes, no = np.where(read, calls, 0.0), np.where(read, 1.0 - calls, 0.0)
    there = np.where(seen, yes.sum(axis=0) / np.maximum(read.sum(axis=0), 1), 0.0)
    for rounds in range(1, _ROUNDS + 1):
        prevalence = float(there[seen].mean())
        recall, specificity = _share(yes @ there, read @ there), _share(no @ (1.0 - there), read @ (1.0 - there))
        after = np.where(seen, _posterior(yes, no, recall, specificity, prevalence), 0.0)
        change, there = float(np.abs(after - there).max()), after
        if change < _SETTLED:
            return Latent(np.where(seen, there, np.nan), recall, specificity, prevalence, rounds)
    raise RequestError(f"the latent reference did not settle in {_ROUNDS} rounds; take the majority")


def _posterior(yes: Floats, no: Floats, recall: Floats, specificity: Floats, prevalence: float) -> Floats:
    """(N,) Bayes' rule; on logarithms, so that many readers do not underflow."""
    present = _log(recall) @ yes + _log(1.0 - recall) @ no + _log(np.array(prevalence))
    absent = _log(1.0 - specificity) @ yes + _log(specificity) @ no + _log(np.array(1.0 - prevalence))
    probability: Floats = 1.0 / (1.0 + np.exp(np.clip(absent - present, -700.0, 700.0)))
    return probability


def _share(part: Floats, whole: Floats) -> Floats:
    """One half for a reader of whom nothing is known."""
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, 0.5), where=whole > _FLOOR)
    return np.minimum(shares, 1.0)


def _log(values: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(values, _FLOOR))
    return logs
