"""How a network does on the validation part, after an epoch and for the package.

Letters: D slices, K findings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.ranking import rank
from bregma.models.aggregate import Rule, reach_mm, scan_score
from bregma.models.calibration import Calibration
from bregma.training.checkpoint import write_whole
from bregma.training.devices import Machine
from bregma.training.inputs import Inputs
from bregma.training.losses import weighted_sum
from bregma.training.sections import LossSection

SCORES = "validation.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network said about the scans of a part.

    Attributes:
        logits: per scan (D, K) float32.
        loss: mean over the scans.
    """

    logits: tuple[NDArray[np.float32], ...]
    loss: float


def answer(network: nn.Module, inputs: Inputs, machine: Machine, weights: LossSection) -> Answers:
    """Every scan whole and as it is, one after the other, without learning; the network is left in training mode."""
    network.eval()
    logits, losses = [], []
    with torch.inference_mode():
        for index in range(len(inputs.scans)):
            batch, targets = inputs.whole(index)
            with machine.arithmetic():
                outputs = network(batch.to(machine.device))
                real = batch.is_slice.to(machine.device)
                shuffle = torch.Generator().manual_seed(0)  # the same for every epoch, and torch's own is left alone
                known = targets.to(machine.device)
                losses.append(float(weighted_sum(outputs, known, weights, real, generator=shuffle)))
            logits.append(outputs.slice_logits[0].float().cpu().numpy())
    network.train()
    return Answers(tuple(logits), float(np.mean(losses)))


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """One finding's scores against the truth, slices and scans; unknown ones are left out.

    Attributes:
        slice_logits: (M,) of the known slices.
        slice_truth: (M,) bool.
        scan_scores: (B,) of the scans of which something is known, by the rule.
        scan_truth: (B,) bool.
    """

    slice_logits: NDArray[np.float64]
    slice_truth: NDArray[np.bool_]
    scan_scores: NDArray[np.float64]
    scan_truth: NDArray[np.bool_]


def cases_of(
    answers: Answers,
    inputs: Inputs,
    records: Sequence[ScanRecord],
    rule: Rule,
    *,
    calibration: Calibration | None = None,
    finding: int = 0,
) -> Cases:
    """Scores and truth of one finding.

    Args:
        answers: of the part.
        inputs: with the truth.
        records: in the order of the inputs, for the distances between slices.
        rule: slices to scan.
        calibration: of the probabilities that the rule sees; None for the logits as they are.
        finding: column of the logits.
    """
    to_probability = (calibration or Calibration()).probabilities
    logits, truth, scores, positive = [], [], [], []
    for said, scan, record in zip(answers.logits, inputs.scans, records, strict=True):
        known = scan.known[:, finding]
        logits.append(said[known, finding])
        truth.append(scan.value[known, finding] >= 0.5)
        if known.any():
            scores.append(scan_score(to_probability(said[:, finding]), reach_mm(record.geometry), rule))
            positive.append(bool(truth[-1].any()))
    return Cases(
        np.concatenate(logits).astype(np.float64),
        np.concatenate(truth),
        np.array(scores, dtype=np.float64),
        np.array(positive, dtype=np.bool_),
    )


def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve; NaN without both kinds."""
    if truth.all() or not truth.any():
        return float("nan")
    return float(rank(scores, truth).auc()[0])


def figures_of(cases: Cases, rule: Rule) -> dict[str, float]:
    """The columns of log.csv that are measured on the validation part."""
    called = cases.scan_scores >= rule.threshold
    return {
        "slice_auc": auc(cases.slice_logits, cases.slice_truth),
        "scan_auc": auc(cases.scan_scores, cases.scan_truth),
        "scan_accuracy": float(np.mean(called == cases.scan_truth)) if len(called) else float("nan"),
    }


def write_scores(run: Path, answers: Answers, inputs: Inputs, records: Sequence[ScanRecord]) -> None:
    """Every slice's logit beside the truth and the slice's identity, for the first finding; unknown truth is blank."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["series_uid", "index", "sop_instance_uid", "z_mm", "truth", "logit"])
    for said, scan, record in zip(answers.logits, inputs.scans, records, strict=True):
        for index, one in enumerate(record.slices):
            truth = f"{scan.value[index, 0]:g}" if scan.known[index, 0] else ""
            place = "" if one.z_mm is None else f"{one.z_mm:.2f}"
            row = [record.series_uid, index, one.sop_instance_uid, place, truth, f"{said[index, 0]:.5f}"]
            writer.writerow(row)
    write_whole(run / SCORES, text.getvalue().encode())
