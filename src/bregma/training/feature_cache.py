"""What a frozen network makes of each slice, computed once per scan and kept on disk.

One NumPy file per scan, there whole or not at all, in a folder named after the network's weights and the preprocessing:
features of another network are never read. float32, so that what is trained on is what is served.
Letters: D slices, E features.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bregma.training.devices import Machine
from bregma.training.inputs import Inputs
from bregma.training.slice_cache import write_parts

Features = NDArray[np.float32]

AT_ONCE = 16
"""Slices that are looked at together, so that a long scan needs no more memory than a short one."""


class FeatureCache:
    """Features of scans under one folder, of one network and one preprocessing.

    Any number of processes may read and add at once: whoever comes second replaces equal content with equal content.

    Args:
        folder: made when it is not there.
        digest: from `features_digest`.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = Path(folder) / digest
        self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, series_uid: str) -> Path:
        """Where a scan's file lies; a UID comes from a file and never becomes a path as it is."""
        return self._folder / f"{hashlib.sha256(series_uid.encode()).hexdigest()[:32]}.npy"

    def get(self, series_uid: str, slices: int) -> Features:
        """(D, E) of a scan that was added before.

        Raises:
            LookupError: it was never added, or its file is damaged or of a scan with another number of slices.
        """
        try:
            features = np.load(self.path(series_uid), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise LookupError(f"the features of series {series_uid} are not in the cache: {error}") from error
        if features.dtype != np.float32 or features.ndim != 2 or len(features) != slices:
            raise LookupError(
                f"the features of series {series_uid} are {features.dtype} {features.shape}; expected {slices} slices"
            )
        return np.asarray(features, dtype=np.float32)

    def add(self, series_uid: str, features: Features) -> None:
        """Keep the (D, E) features of a scan."""
        content = io.BytesIO()
        np.save(content, features.astype(np.float32, copy=False), allow_pickle=False)
        write_parts(self.path(series_uid), [content.getbuffer()])


def features_digest(network: nn.Module, preprocessing: str) -> str:
    """SHA-256 over all weights of a network and over the digest of what is shown to it."""
    words = hashlib.sha256(preprocessing.encode())
    for name, weight in sorted(network.state_dict().items()):
        words.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        words.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return words.hexdigest()


def fill_features(
    cache: FeatureCache,
    inputs: Inputs,
    network: nn.Module,
    machine: Machine,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Look at every scan whose features are not in the cache, as it is and in full precision.

    Args:
        cache: of this network.
        inputs: the scans, with their prepared slices.
        network: with `look`, in evaluation form, on the machine.
        machine: where.
        progress: called with (done, of).
    """
    for index, scan in enumerate(inputs.scans):
        try:
            cache.get(scan.series_uid, len(scan.value))
        except LookupError:
            cache.add(scan.series_uid, look_at(network, inputs.images(index), machine))
        if progress is not None:
            progress(index + 1, len(inputs.scans))


def look_at(network: nn.Module, images: NDArray[np.float32], machine: Machine) -> Features:
    """(D, E) features of (D, C, S, S) prepared slices."""
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), AT_ONCE):
            seen = torch.from_numpy(images[first : first + AT_ONCE]).to(machine.device)
            features, _ = network.look(seen)  # type: ignore[operator]  # a method of every served network
            parts.append(features.float().cpu().numpy())
    return np.concatenate(parts)
