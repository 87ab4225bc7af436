"""How a network does on the validation part after an epoch.

Letters: D slices, K findings.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bregma.catalogue.records import ScanRecord
from bregma.models.aggregate import Rule, consistent
from bregma.scan.terms import ANY
from bregma.training.cases import Cases, auc, both_kinds
from bregma.training.checkpoint import write_whole
from bregma.training.devices import Machine
from bregma.training.inputs import Inputs
from bregma.training.losses import weighted_sum
from bregma.training.sections import LossSection

SCORES = "validation.csv"

MEASURED = ("loss", "slice_auc", "slice_accuracy", "slice_log_loss", "scan_auc", "scan_accuracy")
"""The columns of log.csv that are measured on the validation part."""

LOWER_IS_BETTER = frozenset({"loss", "slice_log_loss"})


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network said about the scans of a part.

    Attributes:
        logits: per scan (D, K) float32; `any` is at least as high as the highest subtype, as in a reading.
        loss: mean over the scans of which something is known; NaN when there is none.
    """

    logits: tuple[NDArray[np.float32], ...]
    loss: float


def answer(
    network: nn.Module, inputs: Inputs, machine: Machine, weights: LossSection, findings: Sequence[str]
) -> Answers:
    """Every scan whole and as it is, one after the other, without learning; the network is left in training mode."""
    network.eval()
    logits, losses = [], []
    with torch.inference_mode():
        for index in range(len(inputs.scans)):
            batch, targets = inputs.whole(index)
            batch, targets = batch.to(machine.device), targets.to(machine.device)
            shuffle = torch.Generator().manual_seed(0)  # the same in every epoch, and torch's own is left alone
            with machine.arithmetic():
                outputs = network(batch)
                if targets.any_known():
                    losses.append(float(weighted_sum(outputs, targets, weights, batch.is_slice, generator=shuffle)))
            logits.append(consistent(outputs.slice_logits[0].float().cpu().numpy(), findings))
    network.train()
    return Answers(tuple(logits), float(np.mean(losses)) if losses else math.nan)


def figures_of(cases: Sequence[Cases], findings: Sequence[str], rule: Rule) -> dict[str, float]:
    """The measured columns of log.csv but the loss; NaN for what the known cases do not define.

    The log loss is over all K findings, `any` counting twice (the measure of the RSNA 2019 challenge). So is the
    slices' accuracy, at a probability of 0.5 and each pair of a slice and a finding counting once: what Agarwaal and
    Rudram chose their checkpoints by, and what a network that always says no is 93 to 94 % right in. The other figures
    are the first finding's.

    Args:
        cases: of each finding, with logits as the network gave them.
        findings: their K names.
        rule: for the scan's accuracy.
    """
    first = cases[0]
    called = first.scan_scores >= rule.threshold
    return {
        "slice_auc": auc(first.slice_logits, first.slice_truth),
        "slice_accuracy": _share(np.concatenate([(one.slice_logits >= 0) == one.slice_truth for one in cases])),
        "slice_log_loss": log_loss(cases, findings),
        "scan_auc": auc(first.scan_scores, first.scan_truth),
        "scan_accuracy": _share(called == first.scan_truth),
    }


def log_loss(cases: Sequence[Cases], findings: Sequence[str]) -> float:
    """Mean over the findings of the mean cross-entropy of their known slices, `any` counted twice; NaN without any."""
    total = weight = 0.0
    for one, name in zip(cases, findings, strict=True):
        if len(one.slice_truth):
            share = 2.0 if name == ANY else 1.0
            per_slice = np.logaddexp(0.0, one.slice_logits) - one.slice_truth * one.slice_logits
            total, weight = total + share * float(per_slice.mean()), weight + share
    return total / weight if weight else math.nan


def standing(row: Mapping[str, float], best: str, cases: Cases) -> float:
    """The figure that decides which epoch is the best, higher being better.

    Where the validation part has not both kinds of slices, their figures would praise a network that always says no:
    the scans decide then, and without both kinds of scans the loss.

    Args:
        row: of log.csv.
        best: what the recipe asks for.
        cases: of the first finding.
    """
    if best != "loss" and both_kinds(cases.slice_truth):
        return -row[best] if best in LOWER_IS_BETTER else row[best]
    if best != "loss" and both_kinds(cases.scan_truth):
        return row["scan_auc"]
    return -row["loss"]


def write_scores(
    run: Path, answers: Answers, inputs: Inputs, records: Sequence[ScanRecord], findings: Sequence[str]
) -> None:
    """Every slice's logit beside the truth and the slice's identity; unknown truth is blank.

    The first finding's columns are called `truth` and `logit`, those of the others `truth_<finding>` and so on.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["truth", "logit", *(f"{word}_{name}" for name in findings[1:] for word in ("truth", "logit"))]
    writer.writerow(["series_uid", "index", "sop_instance_uid", "z_mm", *names])
    for said, scan, record in zip(answers.logits, inputs.scans, records, strict=True):
        for index, one in enumerate(record.slices):
            row = [record.series_uid, index, one.sop_instance_uid, "" if one.z_mm is None else f"{one.z_mm:.2f}"]
            for column, logit in enumerate(said[index]):
                truth = f"{scan.value[index, column]:g}" if scan.known[index, column] else ""
                row += [truth, f"{logit:.5f}"]
            writer.writerow(row)
    write_whole(run / SCORES, text.getvalue().encode())


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else math.nan
