"""Cross-entropy and focal loss over the known targets, with a weight per finding.

Letters: K findings; everything before the last axis is taken alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bregma.training.partial import Partial


def cross_entropy(logits: Tensor, target: Partial, finding_weights: Sequence[float] = ()) -> Tensor:
    """Mean binary cross-entropy over the known targets; 0 without a gradient where nothing is known.

    Args:
        logits: (..., K).
        target: of the same shape.
        finding_weights: K weights of the mean; empty weighs all alike.
    """
    per_item = F.binary_cross_entropy_with_logits(logits, target.value, reduction="none")
    return _mean(per_item, target.known, finding_weights)


def focal(logits: Tensor, target: Partial, finding_weights: Sequence[float] = (), *, gamma: float = 2.0) -> Tensor:
    """Cross-entropy in which what is answered well counts little: -(1 - p_t)^gamma log p_t (Lin et al. 2017, eq. 4).

    Lin et al. divide by the number of positive boxes, because nearly all of theirs are background; this is the mean
    over the known targets, so that gamma 0 is cross-entropy. A target between 0 and 1 (readers who disagree) counts as
    so much of a yes and so much of a no.

    Args:
        logits: (..., K).
        target: of the same shape.
        finding_weights: as in `cross_entropy`.
        gamma: 0 or more.
    """
    yes, no = F.logsigmoid(logits.float()), F.logsigmoid(-logits.float())
    per_item = -target.value * (gamma * no).exp() * yes - (1 - target.value) * (gamma * yes).exp() * no
    return _mean(per_item, target.known, finding_weights)


def _mean(per_item: Tensor, known: Tensor, finding_weights: Sequence[float]) -> Tensor:
    """Mean over what is known, weighted along the last axis."""
    known = known.expand_as(per_item)
    kept = torch.where(known, per_item, 0.0)
    if not finding_weights:
        return kept.sum() / known.sum().clamp(min=1)
    weights = torch.tensor(finding_weights, dtype=per_item.dtype, device=per_item.device)
    weighed = (known * weights).sum()
    return (kept * weights).sum() / torch.where(weighed > 0, weighed, 1.0)
