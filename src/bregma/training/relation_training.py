"""Stage two: a relation network on frozen embeddings, with the classes as common as they are.

Varadarajan et al. 2017, sections 2 and 3.4: every region of the training part is a target, compared with each class
through members of that class; one sigmoid per class. The neighbour table is computed once, because the embedding is
frozen. Letters: N regions, E embedding, B targets, C classes, k neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bregma.models.neighbours import Codes, NeighbourTable, References, Vectors, nearest
from bregma.networks.relation_network import RelationNetwork, class_joint, nearest_joint

LOOKS = 75_000
"""References that g sees in an epoch: six steps over the paper's 12,340, more steps over fewer for the same time."""

LEAST_BATCH = 16
"""Targets of a step, however small the training part is."""

ANSWER_AT_ONCE = 2048
"""Targets that are scored together without learning."""


@dataclass(frozen=True, slots=True)
class RelationSettings:
    """How a relation network is built and learns.

    Attributes:
        kind: "all" (every member of a class) or "nearest" (the k nearest).
        k: neighbours of each class.
        hidden: width of the layers of g and of the first of f.
        dropout: share that is dropped between the layers.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        batch: targets per step, at most (see `batch_of`).
        epochs: times that every target is seen.
    """

    kind: Literal["all", "nearest"] = "nearest"
    k: int = 5
    hidden: int = 256
    dropout: float = 0.5
    learning_rate: float = 0.002
    weight_decay: float = 0.0005
    batch: int = 2048
    epochs: int = 15


@dataclass(frozen=True, slots=True, eq=False)
class EpochEnd:
    """What may be looked at after an epoch.

    Attributes:
        epoch: from 1.
        seconds: since the start, the neighbour table included, what was looked at before not.
        network: as it stands.
    """

    epoch: int
    seconds: float
    network: RelationNetwork


def fit_relation(
    references: References,
    settings: RelationSettings,
    *,
    classes: int,
    seed: int,
    after_epoch: Callable[[EpochEnd], None] | None = None,
) -> RelationNetwork:
    """Train g and f on the embeddings of the training part, which are targets and references at once.

    Args:
        references: unit vectors with their classes and patients.
        settings: what to build and how to learn.
        classes: C.
        seed: of weights, order and dropout.
        after_epoch: called after each one, its time not counted.

    Returns:
        The network of the last epoch, in evaluation form.
    """
    torch.manual_seed(seed)
    started, paused = time.perf_counter(), 0.0
    network = RelationNetwork(references.vectors.shape[1], hidden=settings.hidden, dropout=settings.dropout)
    network.standardise(torch.from_numpy(references.vectors))
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    joint = _Joint(references, references.vectors, references.patients, settings, classes)
    wanted = functional.one_hot(torch.from_numpy(references.classes), classes).float()
    batch = batch_of(len(wanted), settings.batch)
    for epoch in range(1, settings.epochs + 1):
        network.train()
        for chosen in torch.split(torch.randperm(len(wanted)), batch):
            loss = relation_loss(joint.scores(network, chosen), wanted[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        network.eval()
        if after_epoch is not None:
            before = time.perf_counter()
            after_epoch(EpochEnd(epoch, before - started - paused, network))
            paused += time.perf_counter() - before
    return network


def batch_of(regions: int, most: int) -> int:
    """Targets of a step: as few as `LOOKS` allows, since g sees all references in every step."""
    return min(most, max(LEAST_BATCH, regions * regions // LOOKS))


def relation_loss(logits_BC: Tensor, wanted_BC: Tensor) -> Tensor:
    """Cross-entropy of every class's own sigmoid; a class that could not be compared with takes no part."""
    known = torch.isfinite(logits_BC)
    per_class = functional.binary_cross_entropy_with_logits(
        logits_BC.masked_fill(~known, 0.0), wanted_BC, reduction="none"
    )
    return (per_class * known).sum() / known.sum().clamp(min=1)


def relation_scores(
    network: RelationNetwork,
    references: References,
    targets: Vectors,
    patients: Codes,
    settings: RelationSettings,
    *,
    classes: int,
) -> NDArray[np.float32]:
    """(N, C) scores in [0, 1] of targets that are compared with the references; 0 for a class that has none.

    Args:
        network: in evaluation form.
        references: of the training part.
        targets: (N, E) unit vectors.
        patients: (N,) in the references' numbering.
        settings: as it was trained.
        classes: C.
    """
    joint = _Joint(references, targets, patients, settings, classes)
    with torch.inference_mode():
        parts = [
            joint.scores(network, chosen).sigmoid().numpy()
            for chosen in torch.split(torch.arange(len(targets)), ANSWER_AT_ONCE)
        ]
    return np.concatenate(parts) if parts else np.zeros((0, classes), np.float32)


class _Joint:
    """Targets beside the references they are compared with, by either arm."""

    def __init__(
        self, references: References, targets: Vectors, patients: Codes, settings: RelationSettings, classes: int
    ) -> None:
        self._references = torch.from_numpy(references.vectors)
        self._of = torch.from_numpy(references.classes), torch.from_numpy(references.patients)
        self._targets, self._patients = torch.from_numpy(targets), torch.from_numpy(patients)
        self._classes = classes
        self._table: NeighbourTable | None = None
        if settings.kind == "nearest":
            self._table = nearest(targets, patients, references, k=settings.k, classes=classes)

    def scores(self, network: RelationNetwork, chosen: Tensor) -> Tensor:
        """(B, C) logits of some targets."""
        targets = self._targets[chosen]
        if self._table is None:
            parts = network.refer(self._references)
            joint, present = class_joint(parts, *self._of, self._patients[chosen], classes=self._classes)
        else:
            index, weight = (torch.from_numpy(one)[chosen] for one in (self._table.index, self._table.weight))
            used, places = _used(index, len(self._references))
            joint, present = nearest_joint(network.refer(self._references[used]), places, weight)
        logits: Tensor = network(targets, joint, present)
        return logits


def _used(index: Tensor, references: int) -> tuple[Tensor, Tensor]:
    """The references that occur in an index, and the index into them: g is computed for no other."""
    occurs = torch.zeros(references, dtype=torch.bool)
    occurs[index.flatten()] = True
    used = occurs.nonzero()[:, 0]
    return used, (occurs.cumsum(0) - 1)[index]
