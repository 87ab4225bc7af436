"""`compare_sources`: three models on 100,000 slices, all figures and pairs, against scikit-learn in a loop."""

from __future__ import annotations

import time

import numpy as np
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from bregma.evaluation.bootstrap import resamples
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources.answers import Answers, CaseFacts
from bregma.evaluation.sources.comparison import compare_sources
from bregma.evaluation.sources.question import SourceQuestion

SLICES, PATIENTS, REPLICATES, PEER_REPLICATES = 100_000, 3_000, 2_000, 4
MODELS = ("model:a", "model:b", "model:c")
GOAL_SECONDS = 60.0


def main() -> None:
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, PATIENTS, SLICES))
    truth = rng.random(SLICES) < 0.15
    scores = 1 / (1 + np.exp(1.5 - rng.normal(truth * np.array([1.5, 1.8, 2.2])[:, None])))
    cases = tuple(CaseFacts(f"{i:06d}", str(code)) for i, code in enumerate(codes.tolist()))
    answers = Answers("slice", "any", cases, (*MODELS, "report"), np.vstack([scores, truth.astype(np.float64)]))

    start = time.perf_counter()
    (found,) = compare_sources([answers], SourceQuestion(Reference(Rule.SOURCE, ("report",)), MODELS))
    ours = time.perf_counter() - start

    start = time.perf_counter()
    for weights in resamples(PATIENTS, np.random.default_rng(1), replicates=PEER_REPLICATES):
        for counts in weights[:, codes]:
            for row in scores:
                roc_auc_score(truth, row, sample_weight=counts)
                average_precision_score(truth, row, sample_weight=counts)
                confusion_matrix(truth, row >= 0.5, sample_weight=counts)
    theirs = (time.perf_counter() - start) / PEER_REPLICATES * REPLICATES
    auc = found.judged[0].measure("auc")
    if auc is None or auc.value is None or not np.isclose(auc.value, roc_auc_score(truth, scores[0])):
        raise AssertionError(f"the area differs from scikit-learn's: {auc}")
    print(
        f"compare, {len(MODELS)} models on {SLICES} slices, {REPLICATES} resamples: {ours:.0f} s (goal "
        f"{GOAL_SECONDS:.0f} s); scikit-learn, AUC, average precision and counts alone, {theirs:.0f} s, "
        f"{theirs / ours:.0f}x"
    )


if __name__ == "__main__":
    main()
