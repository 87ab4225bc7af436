"""The nearest reference cases of each class: which ones, and how much each counts.

Varadarajan et al. 2017, section 2: a class is represented by the k members nearest to the target. Nearness is the L2
distance of unit vectors (ours, the paper is silent), which orders like their scalar product. Letters: N targets, R
references, C classes, k neighbours, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Codes = NDArray[np.intp]

AT_ONCE = 1024
"""Targets whose distances are held at the same time."""

NOBODY = -1
"""Patient code of a target that is none of the references' patients."""

_FAR = np.float32(-4.0)
"""Below any scalar product of unit vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Cases whose class is known.

    Attributes:
        vectors: (R, E) unit vectors.
        classes: (R,) from 0.
        patients: (R,) the same small number for the same patient, from 0.
    """

    vectors: Vectors
    classes: Codes
    patients: Codes

    def __post_init__(self) -> None:
        if not len(self.vectors) == len(self.classes) == len(self.patients):
            raise ValueError(
                f"{len(self.vectors)} reference vectors have {len(self.classes)} classes and {len(self.patients)} "
                "patients; expected one of each"
            )


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourTable:
    """The k nearest references of every class, for every target.

    Attributes:
        index: (N, C, k) into the references, nearest first; a short class repeats its nearest member (0 where a class
            has none at all) behind a weight of 0.
        weight: (N, C, k) float32: 1 / members found, and 0 for what only fills up; a class without members has no
            weight at all.
        distance: (N, C, k) float32 L2 of unit vectors; infinite for what only fills up.
    """

    index: NDArray[np.int64]
    weight: Vectors
    distance: Vectors


def unit(vectors: Vectors) -> Vectors:
    """(..., E) vectors of length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def nearest(targets: Vectors, patients: Codes, references: References, *, k: int, classes: int) -> NeighbourTable:
    """The table; no neighbour is ever of the target's own patient, and so none of its own scan.

    Adjacent slices of one scan look alike: with them among the neighbours a network would learn to recognise a patient.

    Args:
        targets: (N, E) unit vectors.
        patients: (N,) in the references' numbering; `NOBODY` for a patient who is not among them.
        references: the cases to choose from.
        k: neighbours of each class.
        classes: C.
    """
    order = np.argsort(references.classes, kind="stable")
    edges = np.searchsorted(references.classes[order], np.arange(classes + 1))
    sorted_vectors, sorted_patients = references.vectors[order], references.patients[order]
    table = _empty(len(targets), classes, k)
    for start in range(0, len(targets), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        likeness = targets[part] @ sorted_vectors.T
        likeness[patients[part, None] == sorted_patients[None]] = _FAR
        for number, (first, last) in enumerate(pairwise(edges)):
            if last > first:
                _fill(table, part, number, likeness[:, first:last], order[first:last])
    return table


def _empty(targets: int, classes: int, k: int) -> NeighbourTable:
    shape = (targets, classes, k)
    return NeighbourTable(np.zeros(shape, np.int64), np.zeros(shape, np.float32), np.full(shape, np.inf, np.float32))


def _fill(table: NeighbourTable, part: slice, number: int, likeness: Vectors, members: Codes) -> None:
    """Write one class's neighbours of a part of the targets."""
    k = min(table.index.shape[2], likeness.shape[1])
    chosen = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(likeness, chosen, axis=1)
    by_nearness = np.argsort(-near, axis=1, kind="stable")
    chosen, near = np.take_along_axis(chosen, by_nearness, axis=1), np.take_along_axis(near, by_nearness, axis=1)
    found = near > _FAR / 2
    index = np.where(found, members[chosen], members[chosen[:, :1]])
    table.index[part, number, :k], table.index[part, number, k:] = index, index[:, :1]
    table.weight[part, number, :k] = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    table.distance[part, number, :k] = np.where(found, np.sqrt(np.maximum(2 - 2 * near, 0)), np.inf)
