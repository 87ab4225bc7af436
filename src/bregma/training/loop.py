"""The training loop: one function to read aloud, and the few it calls."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from bregma.catalogue.records import ScanRecord
from bregma.models.aggregate import Rule
from bregma.networks.batch import Batch
from bregma.scan.errors import RequestError, StoppedError
from bregma.training.cases import cases_of
from bregma.training.checkpoint import BEST, LAST, Position, restore_state, save_state, save_weights
from bregma.training.curves import write_row
from bregma.training.devices import Machine
from bregma.training.inputs import Inputs
from bregma.training.learned import Learned, learned
from bregma.training.losses import weighted_sum
from bregma.training.partial import Targets
from bregma.training.recipe import Recipe
from bregma.training.sampling import Showing, plan_epoch
from bregma.training.sections import OptimizerSection
from bregma.training.stopping import StopSign
from bregma.training.validation import MEASURED, Answers, answer, figures_of, standing, write_scores

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Everything a run needs.

    Attributes:
        recipe: what decides it.
        seed: with the recipe and the data, fixes every weight (bit for bit on one machine's CPU).
        run: folder of the run.
        network: to be trained; its weights are changed.
        machine: where.
        training: inputs of the training part, augmented.
        validation: inputs of the validation part, as they are.
        records: of the validation part, in the same order.
        progress: called with (steps done, steps in all).
    """

    recipe: Recipe
    seed: int
    run: Path
    network: nn.Module
    machine: Machine
    training: Inputs
    validation: Inputs
    records: Sequence[ScanRecord]
    progress: Callable[[int, int], None] | None = None

    def plan(self, epoch: int) -> list[tuple[Showing, ...]]:
        """The steps of an epoch."""
        recipe = self.recipe
        return plan_epoch(
            self.training.scans,
            recipe.batches,
            seed=self.seed,
            epoch=epoch,
            findings=recipe.findings,
            keep_whole=recipe.loss.scan > 0,
        )


def fit(job: Job) -> None:
    """Train from wherever the run stands to the end of the recipe; best.pt and last.pt are in the run's folder.

    Raises:
        StoppedError: somebody asked to stop; the state is saved, and calling again goes on.
        RequestError: the loss is no number any more.
    """
    settings, epochs = job.recipe.loop, job.recipe.optimizer.epochs
    optimizer = make_optimizer(job.recipe.optimizer, job.network.parameters())
    position = _begin(job, optimizer)
    with StopSign() as stop:
        for epoch in range(position.epoch, epochs):
            started, plan = time.monotonic(), job.plan(epoch)
            set_rate(optimizer, job.recipe.optimizer.rate_at(epoch))
            job.network.train()
            batches = job.training.batches(plan[position.step :])
            for number, (batch, targets) in enumerate(batches, start=position.step + 1):
                position = position.after(number, learn(job, optimizer, batch, targets))
                if job.progress is not None:
                    job.progress(epoch * len(plan) + number, epochs * len(plan))
                if (stopping := stop.raised) or number % settings.save_every == 0:
                    _save(job, optimizer, position)
                if stopping:
                    raise StoppedError(_how_to_go_on(job, position))
            position = _end_epoch(job, position, len(plan), time.monotonic() - started)
            _save(job, optimizer, position)


def learn(job: Job, optimizer: Optimizer, batch: Batch, targets: Targets) -> Learned:
    """One step: show, compare, follow the gradient."""
    device = job.machine.device
    with job.machine.arithmetic():
        outputs = job.network(batch.to(device))
        loss = weighted_sum(outputs, targets.to(device), job.recipe.loss, batch.is_slice.to(device))
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
    return learned(value, outputs, targets)


def make_optimizer(settings: OptimizerSection, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """SGD with momentum (Grewal et al. 2018, section 2.2.3), or AdamW where a recipe asks for it."""
    if settings.kind == "adamw":
        return AdamW(
            parameters,
            lr=settings.learning_rate,
            betas=(settings.momentum, 0.999),
            weight_decay=settings.weight_decay,
        )
    return SGD(
        parameters,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
    )


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """The same learning rate for all weights."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _begin(job: Job, optimizer: Optimizer) -> Position:
    if not (job.run / LAST).exists():
        return Position()
    position = restore_state(job.run / LAST, network=job.network, optimizer=optimizer)
    _log.info("going on at epoch %d, step %d", position.epoch + 1, position.step)
    return position


def _save(job: Job, optimizer: Optimizer, position: Position) -> None:
    save_state(job.run / LAST, network=job.network, optimizer=optimizer, position=position)


def _end_epoch(job: Job, position: Position, steps: int, seconds: float) -> Position:
    """Look at the validation part, keep the weights if they are the best so far, write the row of the log."""
    epoch, every = position.epoch, job.recipe.loop.validate_every
    row = {"epoch": epoch + 1.0, "rate": job.recipe.optimizer.rate_at(epoch), "seconds": seconds}
    row |= {"train_loss": position.loss / max(steps, 1), "train_accuracy": position.accuracy}
    row |= dict.fromkeys(MEASURED, math.nan)
    best = position.best
    if (epoch + 1) % every == 0 or epoch + 1 == job.recipe.optimizer.epochs:
        answers, figures, figure = _look(job)
        row |= figures
        if best is None or figure > best:
            best = figure
            save_weights(job.run / BEST, job.network)
            write_scores(job.run, answers, job.validation, job.records, job.recipe.findings)
    write_row(job.run, row)
    return Position(epoch=epoch + 1, best=best)


def _look(job: Job) -> tuple[Answers, dict[str, float], float]:
    """What the network says of the validation part, the figures for the log, and the one that decides."""
    findings, scans = job.recipe.findings, job.validation.scans
    answers = answer(job.network, job.validation, job.machine, job.recipe.loss, findings)
    rule = Rule(job.recipe.rule.run_slices, job.recipe.rule.run_mm)
    columns = range(len(findings))
    cases = [cases_of(answers.logits, scans, job.records, rule, finding=column) for column in columns]
    figures = {"loss": answers.loss, **figures_of(cases, findings, rule)}
    return answers, figures, standing(figures, job.recipe.loop.best, cases[0])


def _how_to_go_on(job: Job, position: Position) -> str:
    return (
        f"stopped after step {position.step} of epoch {position.epoch + 1}; everything is saved in {job.run}: "
        "give the same command again to go on"
    )
