"""Stage one: BaseNet on frozen features, rare places shown more often and common ones less.

Varadarajan et al. 2017, section 3.4: 30 epochs of SGD, 1e-3, momentum 0.9, weight decay 5e-4; minority classes are
oversampled by augmentation and majority classes undersampled in this stage only. Letters: M versions, B regions a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from bregma.models.neighbours import Codes, Vectors, unit
from bregma.networks.relation_network import BaseNet
from bregma.scan.errors import RequestError
from bregma.scan.terms import ANATOMY
from bregma.training.region_set import RegionSet


@dataclass(frozen=True, slots=True)
class BaseNetSettings:
    """How BaseNet is built and learns.

    Attributes:
        paths: "local", "whole" or both.
        hidden: of the first layer.
        embedding: E, of the second.
        dropout: share that is dropped between the layers.
        learning_rate: of SGD.
        momentum: of SGD.
        weight_decay: on all weights.
        batch: versions per step.
        epochs: how often.
        per_class: versions of each place that are shown in an epoch.
    """

    paths: tuple[str, ...] = ("local", "whole")
    hidden: int = 512
    embedding: int = 512
    dropout: float = 0.5
    learning_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 0.0005
    batch: int = 64
    epochs: int = 30
    per_class: int = 200


def fit_basenet(
    training: RegionSet,
    settings: BaseNetSettings,
    *,
    seed: int,
    after_epoch: Callable[[int], None] | None = None,
) -> BaseNet:
    """Train BaseNet; it comes back in evaluation form.

    Args:
        training: regions and their changed versions.
        settings: what to build and how to learn.
        seed: of weights, order and dropout.
        after_epoch: called with the epochs done.

    Raises:
        RequestError: the loss is no number any more.
    """
    torch.manual_seed(seed)
    features = torch.from_numpy(training.features)
    network = BaseNet(
        features.shape[2],
        hidden=settings.hidden,
        embedding=settings.embedding,
        classes=len(ANATOMY),
        paths=settings.paths,
        dropout=settings.dropout,
    )
    network.standardise(features)
    optimizer = torch.optim.SGD(
        network.parameters(), settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    places = torch.from_numpy(training.places[training.owner])
    rng = np.random.default_rng(seed)
    network.train()
    for epoch in range(1, settings.epochs + 1):
        shown = torch.from_numpy(balanced(places.numpy(), settings.per_class, rng))
        for chosen in torch.split(shown, settings.batch):
            loss = functional.cross_entropy(network(features[chosen]), places[chosen])
            if not math.isfinite(float(loss.detach())):
                raise RequestError(
                    "the loss of BaseNet is no number any more; start another run with a lower basenet.learning_rate "
                    f"than {settings.learning_rate}"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if after_epoch is not None:
            after_epoch(epoch)
    return network.eval()


def balanced(places: Codes, per_class: int, rng: np.random.Generator) -> Codes:
    """An epoch's order: as many versions of each place that there is, none twice before all were there once.

    Args:
        places: (M,) of each version.
        per_class: versions of each place.
        rng: for choice and order.
    """
    shown = []
    for place in np.unique(places):
        members = np.flatnonzero(places == place)
        rounds = -(-per_class // len(members))
        shown.append(np.concatenate([rng.permutation(members) for _ in range(rounds)])[:per_class])
    return np.asarray(rng.permutation(np.concatenate(shown)), np.intp)


def embed(network: BaseNet, features: Vectors) -> Vectors:
    """(N, E) unit vectors of (N, 2, F) features, dropout off."""
    with torch.inference_mode():
        return unit(network.eval().embed(torch.from_numpy(features)).numpy())


def basenet_scores(network: BaseNet, features: Vectors) -> Vectors:
    """(N, C) softmax of BaseNet's own answer."""
    with torch.inference_mode():
        scores: Vectors = network.eval()(torch.from_numpy(features)).softmax(dim=1).numpy()
    return scores
