"""The map of a tumour network as ONNX, checked against the network it came from; and embeddings while it is torch's."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bregma.models.engine import open_session
from bregma.models.roi_embedding import Look, roi_embedding
from bregma.models.tumour_embedder import PATCH, SEEN
from bregma.networks.tumour_multitask import TumourNetwork
from bregma.preprocessing.tumour_view import Three
from bregma.scan.errors import PackageError
from bregma.training.onnx_form import export_graph
from bregma.training.tumour_set import TumourCase

TOLERANCE = 1e-3
"""Largest difference between the network and its ONNX form, as a share of the largest number of the map."""


class Seen(nn.Module):
    """A patch to its map, without heads.

    Args:
        network: trained.
    """

    def __init__(self, network: TumourNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, patch: Tensor) -> Tensor:
        """(1, 1, D, H, W) to (1, C, D, H, W)."""
        return self.network.look(patch)


def tumour_onnx(network: TumourNetwork, size: Three) -> bytes:
    """The network's map as ONNX, for one patch of the size that it was trained on.

    Args:
        network: trained; it is copied to the CPU.
        size: of a patch.

    Raises:
        PackageError: the ONNX form answers differently.
    """
    served = Seen(copy.deepcopy(network).cpu().float()).eval()
    patch = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    content = bytes(export_graph(served, {PATCH: patch}, [SEEN]).SerializeToString(deterministic=True))
    with torch.inference_mode():
        expected = served(patch).numpy()
    found = open_session(content).run([SEEN], {PATCH: patch.numpy()})[0]
    away = float(np.abs(expected - found).max() / max(float(np.abs(expected).max()), 1e-6))
    if not away <= TOLERANCE:
        raise PackageError(
            f"the exported map differs from the network's by {away:.2g} of its largest number, more than "
            f"{TOLERANCE:g}; nothing was written: report this with the versions of torch and onnxruntime"
        )
    return content


def embed_cases(network: TumourNetwork, cases: Sequence[TumourCase], size: Three) -> NDArray[np.float32]:
    """(T, C) embeddings of all tumours, scan by scan, as the package will give them.

    Args:
        network: any; it comes back in evaluation form.
        cases: prepared scans.
        size: of a patch.
    """
    look = looking(network)
    parts = [roi_embedding(case.values, case.boxes, size, look, width=network.width) for case in cases]
    return np.concatenate(parts) if parts else np.zeros((0, network.width), np.float32)


def looking(network: TumourNetwork) -> Look:
    """What makes a map of a patch, in evaluation form and without gradients."""
    network.eval()
    device = next(network.parameters()).device

    def look(patch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            seen: NDArray[np.float32] = network.look(torch.from_numpy(patch).to(device)).float().cpu().numpy()
        return seen

    return look
