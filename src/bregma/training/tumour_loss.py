"""The loss of a batch of tumours: the mask, and every criterion of which somebody stated something.

Tumour retrieval via multitask learning, equation 1: a weighted sum of binary or multiclass cross-entropies. A term of
which nothing is known drops out, and the sum is divided by the weight of those that are left. Letters: B patches, T
tumours, D slices, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bregma.networks.tumour_multitask import TumourOutputs

UNKNOWN = -1
"""Stands where nobody stated a term; no loss ever reads it."""


@dataclass(frozen=True, slots=True, eq=False)
class TumourTargets:
    """What is known of a batch.

    Attributes:
        mask: (B, 1, D, H, W) 1 inside a tumour and 0 outside; whole for half-cut tumours too.
        criteria: criterion -> (T,) int64, the number of the term, or `UNKNOWN`.
    """

    mask: Tensor
    criteria: Mapping[str, Tensor]

    def to(self, device: torch.device) -> TumourTargets:
        """The same on another device."""
        return TumourTargets(self.mask.to(device), {name: one.to(device) for name, one in self.criteria.items()})


@dataclass(frozen=True, slots=True)
class TaskWeights:
    """Weights of the terms; a task of weight 0 is not learned.

    Attributes:
        mask: of the mask.
        criteria: criterion -> weight.
    """

    mask: float
    criteria: Mapping[str, float]


def tumour_loss(outputs: TumourOutputs, targets: TumourTargets, weights: TaskWeights) -> Tensor:
    """Equation 1, normalised by what is present; 0, with zero gradients, when nothing is."""
    terms: list[tuple[float, Tensor]] = []
    if outputs.mask is not None and weights.mask > 0:
        terms.append((weights.mask, functional.binary_cross_entropy_with_logits(outputs.mask, targets.mask)))
    for name, logits in outputs.criteria.items():
        known = targets.criteria[name] != UNKNOWN
        weight = weights.criteria.get(name, 0.0)
        if weight > 0 and bool(known.any()):
            terms.append((weight, criterion_loss(logits[known], targets.criteria[name][known])))
    total = _nothing(outputs)
    if terms:
        total = total + sum(weight * term for weight, term in terms) / sum(weight for weight, _ in terms)
    return total


def criterion_loss(logits: Tensor, terms: Tensor) -> Tensor:
    """Binary cross-entropy where there is one logit (of term 0), else multiclass; the mean over tumours.

    Args:
        logits: (T, 1) or (T, K).
        terms: (T,) all known.
    """
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], (terms == 0).to(logits.dtype))
    return functional.cross_entropy(logits, terms)


def said(logits: Tensor) -> Tensor:
    """(T,) the likeliest term of each."""
    return (logits[:, 0] < 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)


def _nothing(outputs: TumourOutputs) -> Tensor:
    """A 0 that still hangs on every output, so that `backward` works and gives zeros."""
    parts = [outputs.mask, outputs.embedding, *outputs.criteria.values()]
    return torch.stack([part.sum() * 0.0 for part in parts if part is not None]).sum()
