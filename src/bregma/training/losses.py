"""Losses over partly known targets, and their weighted sum.

None of them mentions a data set or a recipe's file. Letters: B scans, D slices, K findings, N slices, S size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bregma.networks.batch import Outputs
from bregma.training.sections import LossSection


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """Targets of which some are unknown.

    Attributes:
        value: in [0, 1]; 0 where not known.
        known: bool, of one shape with `value`, or of one that broadcasts to it (a whole slice's mask is known or not).
    """

    value: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Partial:
        """The same on another device."""
        return Partial(self.value.to(device), self.known.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What is known about a batch; what no loss of the recipe needs is None.

    Attributes:
        slices: (B, D, K) presence per slice and finding; filled-up slices are unknown.
        scans: (B, K) presence per scan.
        masks: (N, 1, S, S) share of each pixel that is blood, known per slice (N, 1, 1, 1), for the real slices.
    """

    slices: Partial | None = None
    scans: Partial | None = None
    masks: Partial | None = None

    def to(self, device: torch.device) -> Targets:
        """The same on another device."""
        parts = (None if part is None else part.to(device) for part in (self.slices, self.scans, self.masks))
        return Targets(*parts)


def cross_entropy(logits: Tensor, target: Partial) -> Tensor:
    """Mean binary cross-entropy over the known targets; 0 without a gradient where nothing is known."""
    known = target.known.expand_as(logits)
    per_item = F.binary_cross_entropy_with_logits(logits, target.value, reduction="none")
    return torch.where(known, per_item, 0.0).sum() / known.sum().clamp(min=1)


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


LOSSES: dict[str, Callable[[Tensor, Partial], Tensor]] = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "cross_entropy_dice": cross_entropy_dice,
}


def weighted_sum(outputs: Outputs, targets: Targets, weights: LossSection) -> Tensor:
    """The loss of a batch: the weighted sum of its terms (Grewal et al. 2018, section 2.2.2).

    A term of which no target is known drops out, and the others count for it: their sum is multiplied by the weight of
    all terms over the weight of those that are left. When none is, the result is 0 and every gradient is 0.
    """
    terms = [term for term in _terms(outputs, targets, weights) if term[0] > 0]
    total, present = _nothing(outputs), 0.0
    for share, loss, logits, target in terms:
        if bool(target.known.any()):
            total, present = total + share * LOSSES[loss](logits, target), present + share
    return total * (sum(share for share, *_ in terms) / present) if present else total


def _terms(outputs: Outputs, targets: Targets, weights: LossSection) -> list[tuple[float, str, Tensor, Partial]]:
    """(weight, loss, logits, target) of each pair of an output and its target."""
    terms: list[tuple[float, str, Tensor, Partial]] = []
    if outputs.slice_logits is not None and targets.slices is not None:
        terms.append((weights.slice, weights.slice_kind, outputs.slice_logits, targets.slices))
    if outputs.maps is not None and targets.masks is not None:
        for share, logits in zip(weights.segmentation, outputs.maps, strict=True):
            terms.append((share, weights.segmentation_kind, logits, targets.masks))
    return terms


def _nothing(outputs: Outputs) -> Tensor:
    """A 0 that still hangs on every output, so that `backward` works and gives zeros."""
    parts = [part for part in (outputs.slice_logits, outputs.scan_logits, *(outputs.maps or ())) if part is not None]
    return torch.stack([part.sum() * 0.0 for part in parts]).sum()
