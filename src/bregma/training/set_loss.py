"""A scan's label against the answers of its slices: learning from scans of which only the scan is labelled.

Kodandarama et al., eq. 1: CE(Y, max_i p_i), here per finding, on logits, and over the real slices only.
Letters: B scans, D slices, K findings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bregma.training.entropy import cross_entropy
from bregma.training.partial import Partial

LOWEST = torch.finfo(torch.float32).min
"""Stands for a slice that does not exist: no maximum is ever there, and no gradient is ever no number."""


def most_suspicious(logits: Tensor, is_slice: Tensor) -> Tensor:
    """(B, K) the highest logit of each scan; its sigmoid is max_i p_i. Equal ones share the gradient."""
    return _real(logits, is_slice).amax(dim=1)


def mean_of_top(logits: Tensor, is_slice: Tensor, top_k: int) -> Tensor:
    """(B, K) mean of the `top_k` highest logits of each scan, or of all where it has fewer slices."""
    highest = _real(logits, is_slice).topk(min(top_k, logits.shape[1]), dim=1).values
    there = highest > LOWEST
    return torch.where(there, highest, 0.0).sum(dim=1) / there.sum(dim=1).clamp(min=1)


def log_mean_exp(logits: Tensor, is_slice: Tensor) -> Tensor:
    """(B, K) log of the mean of exp over a scan's slices: a soft maximum between mean and maximum.

    Pinheiro and Collobert 2015, eq. 6 with r = 1. Divided by the number of slices, or an empty scan would look the more
    suspicious the longer it is.
    """
    return _real(logits, is_slice).logsumexp(dim=1) - _count(is_slice).log()


def mean_probability(logits: Tensor, is_slice: Tensor) -> Tensor:
    """(B, K) logit of the mean probability of a scan's slices: what is commonly called mean pooling.

    Probabilities and not logits, because eq. 1 is about probabilities: only its maximum becomes a mean, and nothing
    else differs (Wang, Li and Metze 2019, average pooling). From log p and log (1 - p), so that it never overflows.
    """
    yes, no = (_real(F.logsigmoid(each), is_slice).logsumexp(dim=1) for each in (logits.float(), -logits.float()))
    return yes - no


POOLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "max": most_suspicious,
    "log_sum_exp": log_mean_exp,
    "mean": mean_probability,
}
"""How the slices of a scan become one answer, by the names that a recipe uses; "top_k" takes a number besides."""


def pool(logits: Tensor, is_slice: Tensor, kind: str, *, top_k: int) -> Tensor:
    """(B, K) one logit per scan and finding, from the (B, D, K) of its real slices."""
    return mean_of_top(logits, is_slice, top_k) if kind == "top_k" else POOLS[kind](logits, is_slice)


def set_loss(
    logits: Tensor,
    is_slice: Tensor,
    target: Partial,
    *,
    kind: str = "max",
    top_k: int = 3,
    finding_weights: Sequence[float] = (),
) -> Tensor:
    """Cross-entropy between the labels of scans and what their slices say together.

    Args:
        logits: (B, D, K).
        is_slice: (B, D) bool; filled-up slices never count.
        target: (B, K); only scans whose label is known teach.
        kind: "top_k" or a key of `POOLS`.
        top_k: for "top_k".
        finding_weights: K weights; empty weighs all alike.
    """
    return cross_entropy(pool(logits, is_slice, kind, top_k=top_k), target, finding_weights)


def _real(values: Tensor, is_slice: Tensor) -> Tensor:
    """(B, D, K) float32, the lowest number in filled-up slices."""
    return values.float().masked_fill(~is_slice[..., None], LOWEST)


def _count(is_slice: Tensor) -> Tensor:
    """(B, 1) real slices of each scan."""
    return is_slice.sum(dim=1, keepdim=True).clamp(min=1).float()
