"""How far drawn blood misses true blood, as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from bregma.training.entropy import cross_entropy
from bregma.training.partial import Partial


def dice(logits: Tensor, target: Partial) -> Tensor:
    """1 - overlap of drawn and true blood over all known pixels of the batch (soft Dice, Milletari et al. 2016).

    One pixel is added above and below, so that an empty truth asks for an empty drawing. Over the batch and not slice
    by slice: most slices hold no blood, and their overlap would be all or nothing.
    """
    known = target.known.expand_as(logits)
    drawn, true = torch.where(known, logits.sigmoid(), 0.0), torch.where(known, target.value, 0.0)
    return 1 - (2 * (drawn * true).sum() + 1) / (drawn.sum() + true.sum() + 1)


def cross_entropy_dice(logits: Tensor, target: Partial) -> Tensor:
    """Their sum: cross-entropy for the probability of each pixel, Dice because blood is rare."""
    return cross_entropy(logits, target) + dice(logits, target)
