"""What a package's card says of its embedding: how well the nearest tumours of other patients tell each criterion.

Tumour retrieval via multitask learning, section 3.3. Letters: T tumours, C numbers of an embedding, K terms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bregma.evaluation.neighbours import Codes, Ranked, vote
from bregma.models.tumour_package import TumourMetric
from bregma.networks.tumour_multitask import TumourNetwork
from bregma.preprocessing.tumour_view import Three
from bregma.training.tumour_export import embed_cases
from bregma.training.tumour_loss import UNKNOWN
from bregma.training.tumour_sampling import NUMBERS
from bregma.training.tumour_set import TumourCase

Vectors = NDArray[np.float32]


def knn_metrics(
    network: TumourNetwork, training: Sequence[TumourCase], validation: Sequence[TumourCase], *, size: Three, k: int
) -> tuple[TumourMetric, ...]:
    """KNN accuracy of every criterion of which something is known on both sides.

    Args:
        network: trained.
        training: whose tumours are the neighbours.
        validation: whose tumours are asked about.
        size: of a patch.
        k: neighbours that vote.
    """
    known, asked = (embed_cases(network, part, size) for part in (training, validation))
    metrics = []
    for criterion in NUMBERS:
        truth, votes = (terms_of(part, criterion) for part in (validation, training))
        counted = truth != UNKNOWN
        if not counted.any() or (votes == UNKNOWN).all():
            continue
        said = knn_terms(asked[counted], known[votes != UNKNOWN], votes[votes != UNKNOWN], k=k)
        right = float((said == truth[counted]).mean())
        metrics.append(TumourMetric(f"kNN accuracy, k = {k}", criterion, int(counted.sum()), round(right, 4)))
    return tuple(metrics)


def terms_of(cases: Sequence[TumourCase], criterion: str) -> Codes:
    """(T,) number of the term of each tumour, scan by scan; `UNKNOWN` where nobody stated it."""
    numbers = NUMBERS[criterion]
    return np.array([numbers.get(one.get(criterion, ""), UNKNOWN) for case in cases for one in case.labels], np.intp)


def knn_terms(asked: Vectors, known: Vectors, votes: Codes, *, k: int) -> Codes:
    """(T,) the term that most of the k nearest have; of equally many, that of the nearest.

    Args:
        asked: (T, C).
        known: (R, C) of other patients.
        votes: (R,) their terms.
        k: neighbours; all where there are fewer.
    """
    away = np.stack([np.square(known.astype(np.float64) - one).sum(axis=1) for one in asked])
    nearest = Ranked(np.arange(len(asked)), np.argsort(away, axis=1, kind="stable"), np.full(len(asked), len(known)))
    return vote(nearest, votes, k)
