"""BaseNet with its eyes, g and f as ONNX, each checked against the network it came from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bregma.models.anatomy_package import BASENET, F, G
from bregma.models.anatomy_predictor import (
    EMBEDDING,
    JOINT,
    LOCAL,
    LOGITS,
    PARTS,
    TARGETS,
    VECTORS_IN,
    WHOLE,
)
from bregma.models.engine import open_session
from bregma.networks.relation_network import BaseNet, Pool5, RelationNetwork
from bregma.preprocessing.region_views import RegionSettings
from bregma.scan.errors import PackageError
from bregma.scan.terms import ANATOMY
from bregma.training.onnx_form import export_graph

TOLERANCE = 1e-3
"""Largest difference between a network and its ONNX form, as a share of the largest number it gives."""


class Served(nn.Module):
    """Both views to embedding and own answer.

    Args:
        eyes: frozen.
        base: trained.
    """

    def __init__(self, eyes: Pool5, base: BaseNet) -> None:
        super().__init__()
        self.eyes, self.base = eyes, base

    def forward(self, local: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, L, L) and (N, 1, G, G) to (N, E) and (N, C)."""
        embedding = self.base.embed(torch.stack([self.eyes(local), self.eyes(whole)], dim=1))
        return embedding, self.base.third(embedding.relu())


class Refer(nn.Module):
    """g, and the reference's share of the first layer of f.

    Args:
        network: trained.
    """

    def __init__(self, network: RelationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, vectors: Tensor) -> Tensor:
        """(R, E) to (R, H)."""
        return self.network.refer(vectors)


class Score(nn.Module):
    """What is left of f.

    Args:
        network: trained.
    """

    def __init__(self, network: RelationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, targets: Tensor, joint: Tensor) -> Tensor:
        """(N, E) and (N, C, H) to (N, C)."""
        logits: Tensor = self.network.score(self.network.hear(targets, joint))
        return logits[..., 0]


def anatomy_onnx(
    eyes: Pool5, base: BaseNet, relation: RelationNetwork | None, settings: RegionSettings
) -> dict[str, bytes]:
    """File name -> content of the networks of a package.

    Args:
        eyes: frozen.
        base: trained, in evaluation form.
        relation: trained, in evaluation form; None for BaseNet alone.
        settings: whose sizes the graph keeps.

    Raises:
        PackageError: an ONNX form answers differently.
    """
    local, whole = (torch.rand(3, 1, size, size) for size in (settings.local_size, settings.global_size))
    graphs = {BASENET: _graph(Served(eyes, base), {LOCAL: local, WHOLE: whole}, [EMBEDDING, LOGITS])}
    if relation is not None:
        width, hidden = relation.of_target.in_features, relation.of_target.out_features
        vectors = torch.nn.functional.normalize(torch.randn(3, width), dim=1)
        graphs[G] = _graph(Refer(relation), {VECTORS_IN: vectors}, [PARTS])
        joint = torch.randn(3, len(ANATOMY), hidden)
        graphs[F] = _graph(Score(relation), {TARGETS: vectors, JOINT: joint}, [LOGITS])
    return graphs


def _graph(module: nn.Module, examples: dict[str, Tensor], outputs: list[str]) -> bytes:
    model = export_graph(module.eval(), examples, outputs, any_length=True)
    content = bytes(model.SerializeToString(deterministic=True))
    with torch.inference_mode():
        answer = module(*examples.values())
    expected = answer if isinstance(answer, tuple) else (answer,)
    found = open_session(content).run(outputs, {name: value.numpy() for name, value in examples.items()})
    for name, one, other in zip(outputs, expected, found, strict=True):
        away = float(np.abs(one.numpy() - other).max() / max(float(one.abs().max()), 1e-6))
        if not away <= TOLERANCE:
            raise PackageError(
                f"the exported {name} differs from the network by {away:.2g} of its largest number, more than "
                f"{TOLERANCE:g}; nothing was written: report this with the versions of torch and onnxruntime"
            )
    return content
