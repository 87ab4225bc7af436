"""One finding's answers on the validation part against its truth, slice by slice and scan by scan.

Letters: D slices, K findings, M known slices, B known scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord
from bregma.evaluation.ranking import rank
from bregma.evaluation.scored import UNDECIDED
from bregma.models.aggregate import Rule, reach_mm, scan_score
from bregma.models.calibration import Calibration
from bregma.training.sampling import TrainingScan


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """One finding's scores against the truth, slices and scans; unknown ones are left out.

    Attributes:
        slice_logits: (M,) of the known slices.
        slice_truth: (M,) bool.
        scan_scores: (B,) of the known scans, by the rule.
        scan_truth: (B,) bool.
    """

    slice_logits: NDArray[np.float64]
    slice_truth: NDArray[np.bool_]
    scan_scores: NDArray[np.float64]
    scan_truth: NDArray[np.bool_]


def cases_of(
    logits: Sequence[NDArray[np.float32]],
    scans: Sequence[TrainingScan],
    records: Sequence[ScanRecord],
    rule: Rule,
    *,
    calibration: Calibration | None = None,
    finding: int = 0,
) -> Cases:
    """Scores and truth of one finding.

    A scan counts when its label is known, said of the scan itself or following from its slices: with every slice known
    to be without, or one known to be with. Where only scans were labelled there may be no known slice at all. Of what
    sources contradict each other, one half to one half, nothing is known, as in an evaluation.

    Args:
        logits: per scan (D, K).
        scans: the truth, in the same order.
        records: in the same order, for the distances between slices.
        rule: slices to scan.
        calibration: of the probabilities that the rule sees; None for the logits as they are.
        finding: column of the logits.
    """
    to_probability = (calibration or Calibration()).probabilities
    said, truth, scores, positive = [np.zeros(0)], [np.zeros(0, np.bool_)], [], []
    for of_scan, scan, record in zip(logits, scans, records, strict=True):
        known = scan.known[:, finding] & (scan.value[:, finding] != UNDECIDED)
        said.append(of_scan[known, finding])
        truth.append(scan.value[known, finding] >= 0.5)
        if scan.scan_known[finding] and scan.scan_value[finding] != UNDECIDED:
            scores.append(scan_score(to_probability(of_scan[:, finding]), reach_mm(record.geometry), rule))
            positive.append(bool(scan.scan_value[finding] >= 0.5))
    return Cases(
        np.concatenate(said).astype(np.float64),
        np.concatenate(truth),
        np.array(scores, dtype=np.float64),
        np.array(positive, dtype=np.bool_),
    )


def both_kinds(truth: NDArray[np.bool_]) -> bool:
    """Whether there is a positive and a negative case."""
    return bool(truth.any() and not truth.all())


def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve; NaN without both kinds."""
    return float(rank(scores, truth).auc()[0]) if both_kinds(truth) else float("nan")
