"""Patient-cluster bootstrap of the ROC area: 2,000 resamples of 100,000 slices, against scikit-learn in a loop."""

from __future__ import annotations

import time

import numpy as np
from sklearn.metrics import roc_auc_score

from bregma.evaluation.bootstrap import bootstrap, resamples
from bregma.evaluation.ranking import rank

SLICES, PATIENTS, REPLICATES, PEER_REPLICATES = 100_000, 3_000, 2_000, 10
GOAL_SECONDS = 10.0


def main() -> None:
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, PATIENTS, SLICES))
    truth = rng.random(SLICES) < 0.15
    scores = np.round(rng.normal(truth * 1.5), 3)

    start = time.perf_counter()
    draws = bootstrap(rank(scores, truth, codes).auc, codes, np.random.default_rng(1), replicates=REPLICATES)
    ours = time.perf_counter() - start

    start = time.perf_counter()
    drawn = np.concatenate(list(resamples(PATIENTS, np.random.default_rng(1), replicates=PEER_REPLICATES)))
    peer = [roc_auc_score(truth, scores, sample_weight=row[codes]) for row in drawn]
    theirs = (time.perf_counter() - start) / PEER_REPLICATES * REPLICATES
    if not np.allclose(draws[:PEER_REPLICATES], peer):
        raise AssertionError(f"resampled areas differ from scikit-learn's: {draws[:PEER_REPLICATES]} and {peer}")
    print(
        f"bootstrap AUC, {REPLICATES} resamples of {PATIENTS} patients with {SLICES} slices: {ours:.1f} s "
        f"(goal {GOAL_SECONDS:.0f} s), scikit-learn {theirs:.1f} s, {theirs / ours:.1f}x"
    )


if __name__ == "__main__":
    main()
