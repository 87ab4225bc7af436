"""Figures of `research.tumour_figshare`: accuracy of the k nearest and average precision, with intervals by patient.

Letters: N slices, R database slices, E embedding, P patients.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.bootstrap import (
    Statistic,
    bootstrap,
    both,
    paired_difference,
    patient_codes,
    per_patient,
    percentile_interval,
)
from bregma.evaluation.neighbours import average_precision, ranked, squared_distances
from bregma.training.tumour_figures import knn_terms

K = 10
REFERENCE = "multitask"
FIGURES = ("kNN accuracy", "mAP", "precision at 10", "mAP within the fold")
EVERYWHERE = ("imagenet", "imagenet_patch")
"""Arms that learn nothing of the folds: one embedding serves all."""

Floats = NDArray[np.float64]


def print_figures(out: Path, folds: int) -> None:
    """A row per arm over the folds that are there, then the paired differences to the reference."""
    table = json.loads((out / "slices.json").read_text())
    arms = sorted({path.stem.rpartition("-")[0] for path in out.glob("*-*.npy")})
    seen = {arm: _over_folds(out, arm, table, folds) for arm in arms}
    patients = np.array(table["patient"])
    for arm, (asked, figures) in seen.items():
        codes = patient_codes(patients[asked].tolist())
        print(
            f"{arm}: {len({table['fold'][at] for at in asked})} folds, {len(asked)} slices, {codes.max() + 1} patients"
        )
        for column, name in enumerate(FIGURES):
            values = figures[:, column]
            draws = bootstrap(_mean_of(values, codes), codes, np.random.default_rng(0))
            print(f"  {name} {values.mean():.3f}{_ends(percentile_interval(draws))}")
        _by_group(table, asked, figures)
    _differences(seen, patients)


def _over_folds(out: Path, arm: str, table: dict[str, list[str]], folds: int) -> tuple[NDArray[np.intp], Floats]:
    """Which slices were asked about, and (N, 4) figures of each."""
    fold, asked, figures = np.array(table["fold"]), [], []
    codes = np.unique(np.array(table["type"]), return_inverse=True)[1]
    patients = np.unique(np.array(table["patient"]), return_inverse=True)[1]
    for number in range(folds):
        path = out / f"{arm}-{0 if arm in EVERYWHERE else number}.npy"
        if not path.exists():
            continue
        vectors, here = np.load(path), np.flatnonzero(fold == number)
        asked.append(here)
        others = slice_figures(vectors[here], vectors[fold != number], codes[here], codes[fold != number])
        figures.append(np.column_stack([others, _unseen(vectors[here], patients[here], codes[here])]))
    return np.concatenate(asked), np.concatenate(figures)


def slice_figures(
    asked: NDArray[np.float32], known: NDArray[np.float32], truth: NDArray[np.intp], types: NDArray[np.intp]
) -> Floats:
    """(N, 3): whether the k nearest say the type, average precision over the whole database, precision at 10.

    Args:
        asked: (N, E).
        known: (R, E) of other patients.
        truth: (N,) types.
        types: (R,) types.
    """
    right = knn_terms(asked, known, types, k=K) == truth
    away = np.stack([np.square(known - one).sum(axis=1) for one in asked])
    same = types[np.argsort(away, axis=1, kind="stable")] == truth[:, None]
    precision = np.cumsum(same, axis=1) / np.arange(1, len(known) + 1)
    average = (precision * same).sum(axis=1) / same.sum(axis=1)
    return np.stack([right.astype(float), average, same[:, :10].mean(axis=1)], axis=1)


def _unseen(vectors: NDArray[np.float32], patients: NDArray[np.intp], types: NDArray[np.intp]) -> Floats:
    """(N,) average precision with the other patients of the same fold as the database: none of them taught anything."""
    near = ranked(squared_distances(vectors), patients, np.ones(len(vectors), bool))
    return average_precision(near, types)


def _by_group(table: dict[str, list[str]], asked: NDArray[np.intp], figures: Floats) -> None:
    for column in ("type", "plane"):
        groups = np.array(table[column])[asked]
        parts = [
            f"{name} {figures[groups == name, 0].mean():.2f} / {figures[groups == name, 1].mean():.2f}"
            for name in np.unique(groups)
        ]
        print(f"  accuracy / mAP by {column}: {', '.join(parts)}")


def _differences(seen: dict[str, tuple[NDArray[np.intp], Floats]], patients: NDArray[np.str_]) -> None:
    """Reference minus every other arm on the slices that both were asked about."""
    if REFERENCE not in seen:
        return
    asked, figures = seen[REFERENCE]
    for arm, (others, other) in seen.items():
        shared, mine, theirs = np.intersect1d(asked, others, return_indices=True)
        if arm == REFERENCE or not len(shared):
            continue
        codes = patient_codes(patients[shared].tolist())
        for column, name in enumerate(FIGURES):
            first, second = other[theirs, column], figures[mine, column]
            draws = bootstrap(both(_mean_of(first, codes), _mean_of(second, codes)), codes, np.random.default_rng(0))
            ends = _ends(paired_difference(draws))
            print(f"{REFERENCE} - {arm}, {name}: {second.mean() - first.mean():+.3f}{ends} ({len(shared)} slices)")


def _mean_of(values: Floats, codes: NDArray[np.intp]) -> Statistic:
    sums = per_patient(np.stack([values, np.ones_like(values)], axis=1), codes)
    return lambda weights: (weights @ sums[:, 0]) / (weights @ sums[:, 1])


def _ends(interval: object) -> str:
    low, high = getattr(interval, "low", None), getattr(interval, "high", None)
    return "" if low is None else f" [{low:.3f}, {high:.3f}]"
