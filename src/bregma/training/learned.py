"""What a step of training came to. Letters: B scans, D slices, K findings."""

from __future__ import annotations

from dataclasses import dataclass

from bregma.evaluation.scored import UNDECIDED
from bregma.networks.batch import Outputs
from bregma.training.partial import Targets


@dataclass(frozen=True, slots=True)
class Learned:
    """One step.

    Attributes:
        loss: of its batch, before the step.
        right: pairs of a known slice and a finding that were answered rightly at a probability of 0.5, before the step.
        asked: all of those pairs.
    """

    loss: float
    right: int
    asked: int


def learned(loss: float, outputs: Outputs, targets: Targets) -> Learned:
    """Count the slices' answers; what nobody said, or sources contradict each other in, is not asked."""
    if outputs.slice_logits is None or targets.slices is None:
        return Learned(loss, 0, 0)
    value, known = targets.slices.value, targets.slices.known
    asked = known & (value != UNDECIDED)
    called = outputs.slice_logits.detach().to(value.device) >= 0
    return Learned(loss, int(((called == (value > UNDECIDED)) & asked).sum()), int(asked.sum()))
