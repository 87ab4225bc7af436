"""Where is it: BaseNet, and relation networks over its embedding.

Varadarajan, Srivastava, Grewal, Kumar: "Anatomical labeling of brain CT scan anomalies using multi-context nearest
neighbor relation networks", sections 2 and 3.3. BaseNet sees a local crop and the whole slice through a frozen
published network (output of its last pooling), and three fully connected layers name the place; the output of the
second-last one is the embedding. A relation network scores a target against the joint embedding of a class: g (three
layers) of its members, averaged, and f (two layers) of target and joint embedding.

g sees one reference at a time and not the target, so it is computed once per reference and shared by all targets. The
first layer of f is split into a part for the target and a part for the reference; the latter has no offset, so the mean
over a class may be taken after it, and is computed once per reference too. Both change no number (see
docs/decisions/0006-relation-networks.md).

Letters: N regions, P paths (local, whole), F features, E embedding, B targets, R references, C classes, H hidden.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from bregma.networks.backbone import Backbone

LOCAL, WHOLE = "local", "whole"
PATHS = (LOCAL, WHOLE)

LEAST_SPREAD = 0.1
"""A feature that hardly differs between regions is enlarged as if it spread by this share of its path's mean spread."""


class Pool5(nn.Module):
    """The frozen eyes of BaseNet: what a published network has after its last pooling, as a grid of means.

    Args:
        backbone: a key of `backbone.BACKBONES`; the paper's is "vgg16".
        weights: "random", "imagenet" or the path of a file.
        grid: rows and columns that are kept of the last map; 7 keeps all of VGG16's at 224 pixels.

    Attributes:
        features: F.
    """

    def __init__(self, backbone: str, *, weights: str = "imagenet", grid: int = 7) -> None:
        super().__init__()
        self.backbone = Backbone(backbone, channels=1, weights=weights).requires_grad_(requires_grad=False)
        self.grid, self.features = grid, self.backbone.features * grid * grid
        self.eval()

    def forward(self, views_N1SS: Tensor) -> Tensor:
        """(N, 1, S, S) in [0, 1] to (N, F)."""
        last_map = self.backbone.last_map(views_N1SS)
        return functional.adaptive_avg_pool2d(last_map, self.grid).flatten(1)


class BaseNet(nn.Module):
    """Three fully connected layers over the features of one path or of both.

    Args:
        features: F, of one path.
        hidden: of the first layer.
        embedding: E, of the second.
        classes: C.
        paths: which of `PATHS` are looked at; one alone is an arm of the comparison.
        dropout: share that is dropped between the layers while it learns.

    Attributes:
        mean: (P, F) of the features over the training part, set by `standardise`.
        scale: (P, F) one over their standard deviation.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        features: int,
        *,
        hidden: int = 512,
        embedding: int = 512,
        classes: int = 15,
        paths: tuple[str, ...] = PATHS,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.columns = [PATHS.index(path) for path in paths]
        self.register_buffer("mean", torch.zeros(len(paths), features))
        self.register_buffer("scale", torch.ones(len(paths), features))
        self.first = nn.Linear(len(paths) * features, hidden)
        self.second = nn.Linear(hidden, embedding)
        self.third = nn.Linear(embedding, classes)
        self.dropout = nn.Dropout(dropout)

    def standardise(self, features_NPF: Tensor) -> None:
        """Take mean and spread of the features from the training part."""
        seen = features_NPF[:, self.columns].float()
        self.mean.copy_(seen.mean(dim=0))
        spread = seen.std(dim=0, correction=0)
        least = (LEAST_SPREAD * spread.mean(dim=1, keepdim=True)).clamp(min=1e-12)
        self.scale.copy_(1 / torch.maximum(spread, least))

    def embed(self, features_NPF: Tensor) -> Tensor:
        """(N, 2, F) to (N, E): the output of the second-last layer."""
        seen = (features_NPF[:, self.columns] - self.mean) * self.scale
        embedded: Tensor = self.second(self.dropout(self.first(seen.flatten(1)).relu()))
        return embedded

    def forward(self, features_NPF: Tensor) -> Tensor:
        """(N, 2, F) to (N, C) logits of exclusive places."""
        logits: Tensor = self.third(self.dropout(self.embed(features_NPF).relu()))
        return logits


class RelationNetwork(nn.Module):
    """g and f: how much a target belongs to each class, given members of the class.

    Args:
        embedding: E.
        hidden: H, width of all layers of g and of the first of f.
        dropout: share that is dropped between the layers while it learns.

    Attributes:
        centre: (E,) mean of the unit embeddings of the training part, set by `standardise`.
        gain: one over the root of their mean variance.
    """

    centre: Tensor
    gain: Tensor

    def __init__(self, embedding: int, *, hidden: int = 256, dropout: float = 0.5) -> None:
        super().__init__()
        self.g = nn.Sequential(
            nn.Linear(embedding, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
        )
        self.of_target = nn.Linear(embedding, hidden)
        self.of_reference = nn.Linear(hidden, hidden, bias=False)
        self.score = nn.Linear(hidden, 1)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("centre", torch.zeros(embedding))
        self.register_buffer("gain", torch.ones(()))

    def standardise(self, references_RE: Tensor) -> None:
        """Take centre and gain from the training part.

        Unit embeddings have tiny numbers and most of their length in common, whatever the class: layers that begin as
        usual hardly learn from them.
        """
        self.centre.copy_(references_RE.mean(dim=0))
        self.gain.copy_(1 / references_RE.var(dim=0, correction=0).mean().sqrt().clamp(min=1e-6))

    def refer(self, references_RE: Tensor) -> Tensor:
        """(R, E) unit vectors to (R, H): g of every reference, and its share in the first layer of f."""
        parts: Tensor = self.of_reference(self.g((references_RE - self.centre) * self.gain))
        return parts

    def hear(self, targets_BE: Tensor, joint_BCH: Tensor) -> Tensor:
        """(B, C, H) what the first layer of f makes of targets beside joint embeddings."""
        heard: Tensor = (self.of_target((targets_BE - self.centre) * self.gain)[:, None] + joint_BCH).relu()
        return heard

    def forward(self, targets_BE: Tensor, joint_BCH: Tensor, present_BC: Tensor) -> Tensor:
        """Logits of the classes; minus infinity for a class that has no member to be compared with.

        Args:
            targets_BE: (B, E) unit vectors.
            joint_BCH: (B, C, H) means of `refer` over the members of each class.
            present_BC: (B, C) bool, whether the class has any.

        Returns:
            (B, C).
        """
        heard_BCH = self.hear(targets_BE, joint_BCH)
        # One draw of dropout per target, shared by its classes: a draw for each costs more than all products together.
        weight_BH = self.dropout(self.score.weight.expand(len(targets_BE), -1))
        logits_BC = torch.bmm(heard_BCH, weight_BH[:, :, None])[..., 0] + self.score.bias
        return logits_BC.masked_fill(~present_BC, -torch.inf)


def nearest_joint(parts_RH: Tensor, index_BCK: Tensor, weight_BCK: Tensor) -> tuple[Tensor, Tensor]:
    """RN + NN: the weighted mean over each class's neighbours, in no order.

    Args:
        parts_RH: (R, H) from `RelationNetwork.refer`.
        index_BCK: (B, C, k) int64 into the references.
        weight_BCK: (B, C, k); 0 behind the members of a short class.

    Returns:
        (B, C, H), and (B, C) bool where there is a neighbour.
    """
    targets, classes, k = index_BCK.shape
    rows = np.arange(0, targets * classes * k + 1, k)
    matrix = csr_array(
        (weight_BCK.flatten().numpy(), index_BCK.flatten().numpy(), rows), shape=(targets * classes, len(parts_RH))
    )
    joint: Tensor = _SparseProduct.apply(parts_RH, matrix)
    return joint.reshape(targets, classes, -1), weight_BCK.sum(dim=2) > 0


class _SparseProduct(torch.autograd.Function):
    """A sparse matrix times a dense one: two and a half times as fast here as torch's own bags, backward included."""

    @staticmethod
    def forward(ctx: FunctionCtx, parts_RH: Tensor, matrix: csr_array) -> Tensor:
        ctx.matrix = matrix  # type: ignore[attr-defined]  # how torch keeps what is no tensor
        return torch.from_numpy(matrix @ parts_RH.detach().numpy())

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        return torch.from_numpy(ctx.matrix.T @ gradient.numpy()), None  # type: ignore[attr-defined]


def class_joint(
    parts_RH: Tensor, classes_R: Tensor, patients_R: Tensor, targets_B: Tensor, *, classes: int
) -> tuple[Tensor, Tensor]:
    """RN, all to all: the mean over all members of each class but those of the target's own patient.

    Args:
        parts_RH: (R, H) from `RelationNetwork.refer`.
        classes_R: (R,) int64 from 0.
        patients_R: (R,) int64 from 0.
        targets_B: (B,) int64, patient of each target; below 0 for one who is not among the references.
        classes: C.

    Returns:
        (B, C, H), and (B, C) bool where a member is left.
    """
    known, place_B = torch.unique(targets_B, return_inverse=True)
    row_R = torch.searchsorted(known, patients_R).clamp(max=len(known) - 1)
    own_R = known[row_R] == patients_R
    whole = parts_RH.new_zeros(classes, parts_RH.shape[1]).index_add(0, classes_R, parts_RH)
    cell = (row_R * classes + classes_R)[own_R]
    own = parts_RH.new_zeros(len(known) * classes, parts_RH.shape[1]).index_add(0, cell, parts_RH[own_R])
    count = torch.bincount(classes_R, minlength=classes)
    own_count = torch.bincount(cell, minlength=len(known) * classes).reshape(len(known), classes)
    left = count - own_count
    means = (whole - own.reshape(len(known), classes, -1)) / left.clamp(min=1)[..., None]
    return means[place_B], (left > 0)[place_B]
