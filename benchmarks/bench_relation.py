"""Relation networks at the paper's size: 12,340 regions of 173 scans in 15 classes, 512 numbers each, k = 5, 15 epochs.

Ours (g once per reference, first layer of f split, neighbour table computed once) against the same network written down
as the paper describes it: g on every neighbour of every target and class, f on the two vectors side by side; and
against pairwise all-to-all, where g sees every pair of a target and a reference. The pairwise arm is measured on a few
targets and extrapolated, the naive one on a part of an epoch. All have the same layers, batches and optimiser.
Ratios are of CPU seconds, which a shared machine does not change much.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bregma.models.neighbours import NeighbourTable, References, nearest, unit
from bregma.phantom.place_regions import PAPER_COUNTS
from bregma.training.relation_training import RelationSettings, fit_relation

REGIONS, SCANS, CLASSES, WIDTH, K, EPOCHS = 12_340, 173, 15, 512, 5, 15
NAIVE_STEPS, PAIR_TARGETS = 1, 2
GOAL_SECONDS = 60.0
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


class Naive(nn.Module):
    """g and f without any sharing: what is compared stands side by side at the first layer."""

    def __init__(self, into_g: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (into_g, hidden, hidden):
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.5)]
        self.g = nn.Sequential(*layers[:-2])
        self.f = nn.Sequential(nn.Linear(WIDTH + hidden, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, 1))

    def forward(self, targets: Tensor, joint: Tensor) -> Tensor:
        both = torch.cat([targets[:, None].expand(-1, joint.shape[1], -1), joint], dim=2)
        return self.f(both)[..., 0]  # type: ignore[no-any-return]


def main() -> None:
    torch.set_num_threads(THREADS)
    references = draw(np.random.default_rng(0))
    settings = RelationSettings(kind="nearest", k=K, epochs=EPOCHS)
    start = time.perf_counter(), time.process_time()
    table = nearest(references.vectors, references.patients, references, k=K, classes=CLASSES)
    for_table = time.process_time() - start[1]
    start = time.perf_counter(), time.process_time()
    fit_relation(references, settings, classes=CLASSES, seed=0)
    clock, ours = time.perf_counter() - start[0], time.process_time() - start[1]
    print(
        f"{REGIONS} regions x {CLASSES} classes, {WIDTH}-d, k = {K}, {EPOCHS} epochs, {THREADS} threads: ours "
        f"{clock:.1f} s (goal {GOAL_SECONDS:.0f} s), {ours:.1f} s of CPU, {for_table:.1f} of them for the neighbours",
        flush=True,
    )
    naive = naive_seconds(references, table, settings)
    words = f"{naive:.0f} s of CPU, {naive / ours:.1f}x (extrapolated from {NAIVE_STEPS} steps)"
    print(f"  naive RN+NN {words}", flush=True)
    pairwise = pairwise_seconds(references, settings)
    words = f"{pairwise / 3600:.1f} h of CPU, {pairwise / ours:.0f}x (extrapolated from {PAIR_TARGETS} targets)"
    print(f"  pairwise all-to-all {words}")


def draw(rng: np.random.Generator) -> References:
    """Clouds around a centre for each class, in the paper's proportions, patients with their own offset."""
    counts = np.array(list(PAPER_COUNTS.values()), np.float64)
    classes = rng.choice(CLASSES, REGIONS, p=counts / counts.sum())
    patients = np.sort(rng.integers(0, SCANS, REGIONS))
    centres, habits = rng.normal(size=(CLASSES, WIDTH)), 0.5 * rng.normal(size=(SCANS, WIDTH))
    vectors = centres[classes] + habits[patients] + rng.normal(size=(REGIONS, WIDTH))
    return References(unit(vectors.astype(np.float32)), classes.astype(np.intp), patients.astype(np.intp))


def naive_seconds(references: References, table: NeighbourTable, settings: RelationSettings) -> float:
    """CPU seconds of all epochs of naive RN+NN, from a few steps."""
    network = Naive(WIDTH, settings.hidden)
    vectors = torch.from_numpy(references.vectors)

    def joint(chosen: Tensor) -> Tensor:
        index = torch.from_numpy(table.index)[chosen]
        weight = torch.from_numpy(table.weight)[chosen]
        return (network.g(vectors[index]) * weight[..., None]).sum(dim=2)  # type: ignore[no-any-return]

    per_target = _seconds(network, references, joint, NAIVE_STEPS, settings.batch) / (NAIVE_STEPS * settings.batch)
    return per_target * REGIONS * EPOCHS


def pairwise_seconds(references: References, settings: RelationSettings) -> float:
    """CPU seconds of all epochs of pairwise all-to-all, from a few targets."""
    network = Naive(2 * WIDTH, settings.hidden)
    vectors, classes = torch.from_numpy(references.vectors), torch.from_numpy(references.classes)
    counts = torch.bincount(classes, minlength=CLASSES).clamp(min=1)

    def joint(chosen: Tensor) -> Tensor:
        targets = vectors[chosen]
        pairs = torch.cat([targets[:, None].expand(-1, REGIONS, -1), vectors.expand(len(targets), -1, -1)], dim=2)
        said = network.g(pairs)
        sums = said.new_zeros(len(targets), CLASSES, said.shape[2]).index_add(1, classes, said)
        return sums / counts[:, None]

    return _seconds(network, references, joint, 1, PAIR_TARGETS) / PAIR_TARGETS * REGIONS * EPOCHS


def _seconds(
    network: Naive, references: References, joint: Callable[[Tensor], Tensor], steps: int, batch: int
) -> float:
    """Seconds of the CPU for some steps, forward and backward, after one that is not counted."""
    optimizer = torch.optim.AdamW(network.parameters())
    vectors, classes = torch.from_numpy(references.vectors), torch.from_numpy(references.classes)
    started = 0.0
    for step in range(steps + 1):
        if step == 1:
            started = time.process_time()
        chosen = torch.randint(0, REGIONS, (batch,), generator=torch.Generator().manual_seed(step))
        wanted = functional.one_hot(classes[chosen], CLASSES).float()
        loss = functional.binary_cross_entropy_with_logits(network(vectors[chosen], joint(chosen)), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return time.process_time() - started


if __name__ == "__main__":
    main()
