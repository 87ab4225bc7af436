"""DeLong's covariance of ten models on 100,000 cases, against the definition over all pairs on a part of them."""

from __future__ import annotations

import time

import numpy as np

from bregma.evaluation.delong import areas

CASES, MODELS, PEER_CASES = 100_000, 10, 4_000
GOAL_SECONDS = 2.0


def by_definition(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """DeLong et al. 1988: every positive against every negative."""
    of_positives, of_negatives = [], []
    for row in scores:
        gap = row[truth][:, None] - row[~truth][None, :]
        wins = (gap > 0) + 0.5 * (gap == 0)
        of_positives.append(wins.mean(axis=1))
        of_negatives.append(wins.mean(axis=0))
    return np.cov(of_positives) / truth.sum() + np.cov(of_negatives) / (~truth).sum()


def main() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(CASES) < 0.15
    scores = np.round(rng.normal(truth * np.linspace(0.5, 2.0, MODELS)[:, None]), 3)

    start = time.perf_counter()
    areas(scores, truth)
    ours = time.perf_counter() - start

    some, there = scores[:, :PEER_CASES], truth[:PEER_CASES]
    start = time.perf_counter()
    expected = by_definition(some, there)
    peer = time.perf_counter() - start
    start = time.perf_counter()
    found = areas(some, there)
    ours_of_some = time.perf_counter() - start
    if not np.allclose(found.covariance, expected):
        raise AssertionError(f"covariances differ from their definition: {found.covariance[0]} and {expected[0]}")
    print(
        f"DeLong, {MODELS} models on {CASES} cases: {ours:.2f} s (goal {GOAL_SECONDS:.0f} s); on {PEER_CASES} cases "
        f"{1000 * ours_of_some:.0f} ms, over all pairs {1000 * peer:.0f} ms, {peer / ours_of_some:.0f}x"
    )


if __name__ == "__main__":
    main()
