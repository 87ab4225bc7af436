"""The only way to run a package of places: regions in, scores of 15 places and the nearest reference cases out.

Letters: N regions, C places, R references, E embedding, H width of the relation network, k neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.models.anatomy_package import BASENET, AnatomyPackage, F, G, ReferenceCase
from bregma.models.calibration import sigmoid
from bregma.models.engine import open_session
from bregma.models.neighbours import NOBODY, Codes, NeighbourTable, Vectors, nearest, unit
from bregma.preprocessing.region_views import RegionViews
from bregma.scan.terms import ANATOMY

LOCAL, WHOLE, EMBEDDING, LOGITS = "local", "whole", "embedding", "logits"
VECTORS_IN, PARTS, TARGETS, JOINT = "vectors", "parts", "targets", "joint"

CITED = 5
"""Reference cases that an answer names."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A reference case beside an answer.

    Attributes:
        case: which.
        distance: L2 of the unit embeddings, 0 to 2.
    """

    case: ReferenceCase
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """Where a region is.

    Attributes:
        scores: (C,) from 0 to 1, in the order of ANATOMY; a place without reference cases has 0.
        neighbours: the nearest reference cases of the best place, never of the region's own patient.
    """

    scores: NDArray[np.float32]
    neighbours: tuple[Neighbour, ...]

    @property
    def place(self) -> str:
        """The place with the highest score."""
        return ANATOMY[int(self.scores.argmax())]


class AnatomyPredictor:
    """A package of places with its engines.

    Args:
        package: from `load_anatomy_package`.
        threads: arithmetic threads; None for one per core.

    Raises:
        PackageError: a network cannot be run here.
    """

    def __init__(self, package: AnatomyPackage, *, threads: int | None = None) -> None:
        self.package = package
        self._sessions = {name: open_session(content, threads=threads) for name, content in package.networks.items()}
        self._references, self._patients = package.references()
        self._parts = self._refer()

    def name(self, views: Sequence[RegionViews], *, patient: str = "") -> list[Naming]:
        """Name the place of regions.

        Args:
            views: from `preprocessing.region_views.view_region` with the package's settings, at least one.
            patient: pseudonym; reference cases of this patient take no part.
        """
        vectors, own = self._look(views)
        return self._answer(vectors, own, patient)

    def embed(self, views: Sequence[RegionViews]) -> Vectors:
        """(N, E) unit embeddings, as reference cases are kept."""
        return self._look(views)[0]

    def _look(self, views: Sequence[RegionViews]) -> tuple[Vectors, Vectors]:
        """Unit embeddings, and the softmax of BaseNet's own answer."""
        given = {
            LOCAL: np.stack([one.local for one in views])[:, None],
            WHOLE: np.stack([one.whole for one in views])[:, None],
        }
        embedding, logits = self._sessions[BASENET].run([EMBEDDING, LOGITS], given)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return unit(embedding), odds / odds.sum(axis=1, keepdims=True)

    def _answer(self, vectors: Vectors, own: Vectors, patient: str) -> list[Naming]:
        patients = np.full(len(vectors), self._patients.get(patient, NOBODY), np.intp)
        k = max(self.package.card.k, CITED)
        table = nearest(vectors, patients, self._references, k=k, classes=len(ANATOMY))
        scores = own if self._parts is None else self._relate(vectors, patients, table)
        return [Naming(scores[n], self._cite(table, n, int(scores[n].argmax()))) for n in range(len(vectors))]

    def _refer(self) -> Vectors | None:
        """(R, H) g of every reference and its share of f, once; None where there is no relation network."""
        if G not in self._sessions:
            return None
        parts: Vectors = self._sessions[G].run([PARTS], {VECTORS_IN: self._references.vectors})[0]
        return parts

    def _relate(self, vectors: Vectors, patients: Codes, table: NeighbourTable) -> Vectors:
        if self._parts is None:
            raise AssertionError("a package without a relation network was asked to compare")
        if self.package.card.kind == "nearest":
            k = self.package.card.k
            weight = (table.weight[..., :k] > 0).astype(np.float32)
            weight /= np.maximum(weight.sum(axis=2, keepdims=True), 1)
            joint = np.einsum("nck,nckh->nch", weight, self._parts[table.index[..., :k]])
            present = weight.sum(axis=2) > 0
        else:
            joint, present = self._all_joint(patients)
        given = {TARGETS: vectors, JOINT: np.ascontiguousarray(joint, np.float32)}
        logits = self._sessions[F].run([LOGITS], given)[0]
        return np.where(present, sigmoid(logits), np.float32(0)).astype(np.float32)

    def _all_joint(self, patients: Codes) -> tuple[Vectors, NDArray[np.bool_]]:
        """Means over all members of each place, without the own patient's."""
        known = self._references
        of_class = known.classes[None] == np.arange(len(ANATOMY))[:, None]
        counted = of_class[None] & (known.patients[None, None] != patients[:, None, None])
        count = counted.sum(axis=2)
        sums = counted.astype(np.float32) @ self._parts
        return sums / np.maximum(count, 1)[..., None], count > 0

    def _cite(self, table: NeighbourTable, number: int, place: int) -> tuple[Neighbour, ...]:
        found = np.flatnonzero(table.weight[number, place] > 0)[:CITED]
        return tuple(
            Neighbour(self.package.cases[int(table.index[number, place, at])], float(table.distance[number, place, at]))
            for at in found
        )
