"""The losses a recipe can name, and their weighted sum over what a batch knows.

None of them mentions a data set or a recipe's file. Letters: B scans, D slices, K findings, E features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bregma.networks.batch import Outputs
from bregma.training.entropy import cross_entropy, focal
from bregma.training.overlap import cross_entropy_dice, dice
from bregma.training.partial import Partial, Targets
from bregma.training.sections import LossSection
from bregma.training.set_loss import set_loss
from bregma.training.smoothness import smoothness

__all__ = ["LOSSES", "Partial", "Targets", "cross_entropy", "cross_entropy_dice", "dice", "focal", "weighted_sum"]

LOSSES: dict[str, Callable[[Tensor, Partial], Tensor]] = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "cross_entropy_dice": cross_entropy_dice,
    "focal": focal,
}
"""By the names that a recipe uses; "focal" with its usual gamma of 2."""


@dataclass(frozen=True, slots=True)
class _Term:
    """One label loss: its weight, the output and target it compares, and how."""

    share: float
    loss: Callable[[Tensor, Partial], Tensor]
    logits: Tensor
    target: Partial


def weighted_sum(
    outputs: Outputs,
    targets: Targets,
    weights: LossSection,
    is_slice: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of a batch: the weighted sum of its terms (Grewal et al. 2018, section 2.2.2; Kodandarama et al.).

    A label term of which no target is known drops out, and the other label terms count for it: their sum is multiplied
    by the weight of all label terms over the weight of those that are left. The smoothness needs no label and stands in
    for none: it is added with its own weight, or a batch without a label would follow it alone at full length. When
    there is nothing to learn from, the result is 0 and every gradient is 0.

    Args:
        outputs: of the network.
        targets: of the batch.
        weights: of the recipe.
        is_slice: (B, D) bool of the batch.
        generator: of the smoothness' shuffling; None draws from torch's own.
    """
    terms = [term for term in _label_terms(outputs, targets, weights, is_slice) if term.share > 0]
    known = [term for term in terms if bool(term.target.known.any())]
    total = _nothing(outputs)
    for term in known:
        total = total + term.share * term.loss(term.logits, term.target)
    if known:
        total = total * (sum(term.share for term in terms) / sum(term.share for term in known))
    if weights.smoothness > 0 and outputs.features is not None:
        total = total + weights.smoothness * smoothness(
            outputs.features, is_slice, kind=weights.smoothness_kind, margin=weights.margin, generator=generator
        )
    return total


def _label_terms(outputs: Outputs, targets: Targets, weights: LossSection, is_slice: Tensor) -> list[_Term]:
    """Each pair of an output and its target."""
    terms: list[_Term] = []
    logits = outputs.slice_logits
    if logits is not None and targets.slices is not None:
        terms.append(_Term(weights.slice, _slice_loss(weights), logits, targets.slices))
    if logits is not None and targets.scans is not None:
        terms.append(_Term(weights.scan, _scan_loss(weights, is_slice), logits, targets.scans))
    if outputs.maps is not None and targets.masks is not None:
        for share, drawn in zip(weights.segmentation, outputs.maps, strict=True):
            terms.append(_Term(share, LOSSES[weights.segmentation_kind], drawn, targets.masks))
    return terms


def _slice_loss(weights: LossSection) -> Callable[[Tensor, Partial], Tensor]:
    if weights.slice_kind == "focal":
        return lambda logits, target: focal(logits, target, weights.finding_weights, gamma=weights.focal_gamma)
    return lambda logits, target: cross_entropy(logits, target, weights.finding_weights)


def _scan_loss(weights: LossSection, is_slice: Tensor) -> Callable[[Tensor, Partial], Tensor]:
    return lambda logits, target: set_loss(
        logits,
        is_slice,
        target,
        kind=weights.scan_kind,
        top_k=weights.top_k,
        finding_weights=weights.finding_weights,
    )


def _nothing(outputs: Outputs) -> Tensor:
    """A 0 that still hangs on every output, so that `backward` works and gives zeros."""
    parts = [outputs.slice_logits, outputs.scan_logits, outputs.features, *(outputs.maps or ())]
    return torch.stack([part.sum() * 0.0 for part in parts if part is not None]).sum()
