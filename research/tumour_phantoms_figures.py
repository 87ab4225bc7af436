"""Figures of `research.tumour_phantoms`: what the nearest tumours tell, with intervals by head and by seed.

A figure is the mean over seeds of the share of tumours of which the k nearest tell the criterion. Intervals draw heads
and seeds again; differences are of the same tumours on the same draws. Letters: S seeds, T tumours, P heads,
C criteria with the size as the last, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import REPLICATES, patient_codes, per_patient, percentile_interval, resamples
from bregma.scan.terms import TUMOUR_CRITERIA
from bregma.training.tumour_figures import knn_terms, terms_of
from bregma.training.tumour_loss import UNKNOWN
from bregma.training.tumour_set import TumourCase

K = 10
NEIGHBOURS = (1, 3, 5, 10, 20, 40)
REFERENCE = "tumour_multitask"
FIGURES = (*TUMOUR_CRITERIA, "size")
SIZE_FACTOR = 2.0
"""A size counts as told when the (geometric) mean of the k nearest is within this factor of the volume."""

Floats = NDArray[np.float64]
Cases = Sequence[TumourCase]


def print_figures(paths: Mapping[str, Sequence[Path]], training: Cases, test: Cases) -> None:
    """Tables, in tumours of a hundred: every arm; the reference less every arm, with distorted boxes, against k."""
    told = {arm: _told(found, training, test, "asked", K) for arm, found in paths.items()}
    codes = patient_codes([case.patient for case in test for _ in case.boxes])
    draws = {arm: _draws(one, codes) for arm, one in told.items()}
    _print_head("arm")
    for arm, one in told.items():
        _print_line(arm, _cells(_figures(one), draws[arm]))
    if REFERENCE not in told:
        return
    best = _figures(told[REFERENCE])
    _print_head(f"{REFERENCE} less")
    for arm, one in told.items():
        if arm != REFERENCE:
            _print_line(arm, _cells(best - _figures(one), draws[REFERENCE] - draws[arm], sign="+"))
    shaken = _told(paths[REFERENCE], training, test, "shaken", K)
    cost = _cells(_figures(shaken) - best, _draws(shaken, codes) - draws[REFERENCE], sign="+")
    _print_line("distorted boxes less exact ones", cost)
    _print_head("k")
    for k in NEIGHBOURS:
        against = _figures(_told(paths[REFERENCE], training, test, "asked", k))
        _print_line(str(k), [f"{100 * one:.1f}" for one in against])


def _told(paths: Sequence[Path], training: Cases, test: Cases, asked: str, k: int) -> Floats:
    """(S, T, C): 1 where the k nearest tell it, 0 where they do not, NaN where the truth is unknown."""
    seeds = []
    for path in paths:
        with np.load(path) as kept:
            seeds.append(tumours_told(kept["known"], kept[asked], training, test, k))
    return np.stack(seeds)


def tumours_told(
    known: NDArray[np.float32], asked: NDArray[np.float32], training: Cases, test: Cases, k: int
) -> Floats:
    """(T, C) for one network."""
    told = np.full((len(asked), len(FIGURES)), np.nan)
    for column, criterion in enumerate(TUMOUR_CRITERIA):
        truth, votes = terms_of(test, criterion), terms_of(training, criterion)
        here, there = truth != UNKNOWN, votes != UNKNOWN
        told[here, column] = knn_terms(asked[here], known[there], votes[there], k=k) == truth[here]
    away = np.stack([np.square(known.astype(np.float64) - one).sum(axis=1) for one in asked])
    nearest = np.argsort(away, axis=1, kind="stable")[:, :k]
    said = log_sizes(training)[nearest].mean(axis=1)
    told[:, -1] = np.abs(said - log_sizes(test)) < np.log(SIZE_FACTOR)
    return told


def log_sizes(cases: Cases) -> Floats:
    """(T,) log of the volume of each box, in prepared voxels."""
    return np.log([float(np.subtract(box.stop, box.start).prod()) for case in cases for box in case.boxes])


def _figures(told: Floats) -> Floats:
    """(1 + C,): the mean of all, then each; the mean over seeds."""
    each = np.nanmean(told, axis=1).mean(axis=0)
    return np.array([each.mean(), *each])


def _draws(told: Floats, codes: NDArray[np.intp]) -> Floats:
    """(R, 1 + C) of drawn heads and drawn seeds; the same draws for every arm."""
    seeds, heads = len(told), int(codes.max()) + 1
    known = np.isfinite(told)
    right = np.stack([per_patient(np.where(known[seed], told[seed], 0.0), codes) for seed in range(seeds)])
    counts = per_patient(known[0].astype(float), codes)
    weights = np.concatenate(list(resamples(heads, np.random.default_rng(0), replicates=REPLICATES)))
    shares = np.random.default_rng(1).multinomial(seeds, np.full(seeds, 1 / seeds), REPLICATES) / seeds
    each = np.einsum("rs,rp,spc->rc", shares, weights, right, optimize=True) / (weights @ counts)
    return np.column_stack([each.mean(axis=1), each]).round(9)  # so that what never varies is seen not to vary


def _cells(figures: Floats, draws: Floats, sign: str = "") -> list[str]:
    cells = []
    for figure, column in zip(100 * figures, 100 * draws.T, strict=True):
        ends = percentile_interval(column)
        said = "" if ends is None else f" [{ends.low:.1f}, {ends.high:.1f}]"
        cells.append(f"{figure:{sign}.1f}{said}")
    return cells


def _print_head(name: str) -> None:
    columns = ["mean", *FIGURES]
    print()
    _print_line(name, columns)
    print("|---" * (len(columns) + 1) + "|")


def _print_line(name: str, cells: Sequence[str]) -> None:
    print(f"| {' | '.join([name.removeprefix('tumour_').replace('_', ' '), *cells])} |")


def draw_map(path: Path, test: Cases, voxel_mm: Sequence[float]) -> None:
    """The t-SNE map of the tumours asked about, coloured by type, by side and by size; a PNG beside the vectors."""
    import matplotlib.pyplot as plt
    from sklearn.manifold import TSNE

    with np.load(path) as kept:
        vectors = kept["asked"]
    places = TSNE(random_state=0, perplexity=max(2, min(30, len(vectors) // 4))).fit_transform(vectors)
    figure, axes = plt.subplots(1, 3, figsize=(13, 5), layout="constrained")
    for axis, criterion in zip(axes, ("type", "side"), strict=False):
        codes = terms_of(test, criterion)
        for code, term in enumerate(TUMOUR_CRITERIA[criterion]):
            if (codes == code).any():
                axis.scatter(*places[codes == code].T, s=16, label=term.name)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False)
    millilitres = np.exp(log_sizes(test)) * np.prod(voxel_mm) / 1000
    shown = axes[2].scatter(*places.T, c=millilitres, s=16, cmap="viridis", norm="log")
    figure.colorbar(shown, ax=axes[2], label="mL of the box", location="bottom", format="%g", shrink=0.8)
    for axis, title in zip(axes, ("type", "side", "size"), strict=True):
        axis.set(xticks=[], yticks=[], title=title)
    figure.savefig(path.with_suffix(".png"), dpi=80)
