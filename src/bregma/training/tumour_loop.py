"""The training loop of a tumour network: plan, show, compare, follow; saved whole, so that it can go on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from bregma.networks.tumour_multitask import TumourNetwork, TumourOutputs
from bregma.scan.errors import RequestError, StoppedError
from bregma.training.checkpoint import LAST, Position, restore_state, save_state
from bregma.training.curves import write_row
from bregma.training.devices import Machine
from bregma.training.learned import Learned
from bregma.training.loop import make_optimizer, set_rate
from bregma.training.stopping import StopSign
from bregma.training.tumour_loss import UNKNOWN, TumourTargets, said, tumour_loss
from bregma.training.tumour_recipe import TumourRecipe
from bregma.training.tumour_sampling import (
    Showing,
    TumourBatch,
    Variation,
    batches,
    look_once,
    plan_epoch,
)
from bregma.training.tumour_set import TumourCase

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class TumourJob:
    """Everything a run needs.

    Attributes:
        recipe: what decides it.
        seed: with the recipe and the data, fixes every weight (bit for bit on one machine's CPU).
        run: folder of the run.
        network: to be trained; its weights are changed.
        machine: where.
        training: prepared scans of the training part.
        validation: of the validation part; may be empty.
        progress: called with (steps done, steps in all).
    """

    recipe: TumourRecipe
    seed: int
    run: Path
    network: TumourNetwork
    machine: Machine
    training: Sequence[TumourCase]
    validation: Sequence[TumourCase]
    progress: Callable[[int, int], None] | None = None

    def plan(self, epoch: int) -> list[tuple[Showing, ...]]:
        """The steps of an epoch."""
        changes, patches = self.recipe.changes, self.recipe.patches
        variation = Variation(changes.flip, changes.contrast, changes.brightness)
        size = self.recipe.view.patch
        return plan_epoch(
            self.training, size, variation, patches=patches.size, steps=patches.steps, seed=self.seed, epoch=epoch
        )


def fit_tumours(job: TumourJob) -> None:
    """Train from wherever the run stands to the end of the recipe; last.pt is in the run's folder.

    The network of the last epoch is the one that is kept, as the paper names no other.

    Raises:
        StoppedError: somebody asked to stop; the state is saved, and calling again goes on.
        RequestError: the loss is no number any more.
    """
    optimizer = make_optimizer(job.recipe.optimizer, [one for one in job.network.parameters() if one.requires_grad])
    position, epochs = _begin(job, optimizer), job.recipe.optimizer.epochs
    with StopSign() as stop:
        for epoch in range(position.epoch, epochs):
            started, plan = time.monotonic(), job.plan(epoch)
            set_rate(optimizer, job.recipe.optimizer.rate_at(epoch))
            job.network.train()
            shown = batches(job.training, plan[position.step :], job.recipe.view.patch)
            for number, batch in enumerate(shown, start=position.step + 1):
                position = position.after(number, learn(job, optimizer, batch))
                if job.progress is not None:
                    job.progress(epoch * len(plan) + number, epochs * len(plan))
                if (stopping := stop.raised) or number % job.recipe.loop.save_every == 0:
                    save_state(job.run / LAST, network=job.network, optimizer=optimizer, position=position)
                if stopping:
                    raise StoppedError(
                        f"stopped after step {number} of epoch {epoch + 1}; everything is saved in {job.run}: "
                        "give the same command again to go on"
                    )
            _write_row(job, position, len(plan), time.monotonic() - started)
            position = Position(epoch=epoch + 1)
            save_state(job.run / LAST, network=job.network, optimizer=optimizer, position=position)


def learn(job: TumourJob, optimizer: Optimizer, batch: TumourBatch) -> Learned:
    """One step: show, compare, follow the gradient."""
    device = job.machine.device
    with job.machine.arithmetic():
        outputs = job.network(batch.patches.to(device), batch.places)
        loss = tumour_loss(outputs, batch.targets.to(device), job.recipe.tasks.weights)
    if not math.isfinite(value := float(loss.detach())):
        raise RequestError(
            f"the loss is {value}; the run has diverged: start another run with a lower optimizer.learning_rate "
            f"than {job.recipe.optimizer.learning_rate}"
        )
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if job.recipe.optimizer.clip_norm:
        nn.utils.clip_grad_norm_(job.network.parameters(), job.recipe.optimizer.clip_norm)
    optimizer.step()
    return _learned(value, outputs, batch.targets)


def validation_loss(job: TumourJob) -> Learned:
    """Mean loss over the steps of the validation part, each tumour in the middle of its patch, and its answers."""
    size, job_patches = job.recipe.view.patch, job.recipe.patches.size
    plan = look_once(job.validation, size, patches=job_patches)
    device, steps = job.machine.device, []
    job.network.eval()
    with torch.inference_mode(), job.machine.arithmetic():
        for batch in batches(job.validation, plan, size):
            outputs = job.network(batch.patches.to(device), batch.places)
            loss = tumour_loss(outputs, batch.targets.to(device), job.recipe.tasks.weights)
            steps.append(_learned(float(loss), outputs, batch.targets))
    mean = sum(one.loss for one in steps) / len(steps)
    return Learned(mean, sum(one.right for one in steps), sum(one.asked for one in steps))


def _learned(loss: float, outputs: TumourOutputs, targets: TumourTargets) -> Learned:
    """Count the heads' answers of which the truth is known."""
    right = asked = 0
    for name, logits in outputs.criteria.items():
        truth = targets.criteria[name]
        known = truth != UNKNOWN
        right += int((said(logits.detach().cpu()) == truth)[known].sum())
        asked += int(known.sum())
    return Learned(loss, right, asked)


def _begin(job: TumourJob, optimizer: Optimizer) -> Position:
    if not (job.run / LAST).exists():
        return Position()
    position = restore_state(job.run / LAST, network=job.network, optimizer=optimizer)
    _log.info("going on at epoch %d, step %d", position.epoch + 1, position.step)
    return position


def _write_row(job: TumourJob, position: Position, steps: int, seconds: float) -> None:
    epoch, every = position.epoch, job.recipe.loop.validate_every
    row = {"epoch": epoch + 1.0, "rate": job.recipe.optimizer.rate_at(epoch), "seconds": seconds}
    row |= {"train_loss": position.loss / max(steps, 1), "train_accuracy": position.accuracy}
    if job.validation and ((epoch + 1) % every == 0 or epoch + 1 == job.recipe.optimizer.epochs):
        seen = validation_loss(job)
        row |= {"loss": seen.loss, "tumour_accuracy": seen.right / seen.asked if seen.asked else math.nan}
    write_row(job.run, row)
