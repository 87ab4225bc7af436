"""The only way to run a tumour package: a scan and boxes in, embeddings out, without torch.

Letters: T tumours, C numbers of an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.models.engine import open_session
from bregma.models.roi_embedding import roi_embedding
from bregma.models.tumour_package import TumourPackage, load_tumour_package
from bregma.preprocessing.tumour_view import prepare_mr, prepared_box
from bregma.scan.errors import PackageError
from bregma.scan.tumour import VoxelBox
from bregma.scan.volume import Volume

PATCH, SEEN = "patch", "map"
"""Input (1, 1, D, H, W) and output (1, C, D, H, W) of the graph."""


class TumourEmbedder:
    """A package with its engine.

    Args:
        package: from `load_tumour_package`.
        threads: arithmetic threads; None for one per core.

    Attributes:
        package: the same.
        name: of the package.
        digest: of the package.
        width: C.

    Raises:
        PackageError: the network cannot be run here, or is not what the card says.
    """

    def __init__(self, package: TumourPackage, *, threads: int | None = None) -> None:
        self.package = package
        self.name, self.digest, self.width = package.card.name, package.digest, package.card.width
        self._session = open_session(package.onnx, threads=threads)
        size = list(package.view.patch)
        ports = [(port.name, list(port.shape)) for port in (*self._session.get_inputs(), *self._session.get_outputs())]
        if ports != [(PATCH, [1, 1, *size]), (SEEN, [1, self.width, *size])]:
            raise PackageError(
                f"the network of package {package.card.name} has {ports}; expected {PATCH!r} of one patch of {size} "
                f"and {SEEN!r} of {self.width} channels"
            )

    def embed(self, volume: Volume, boxes: Sequence[VoxelBox]) -> NDArray[np.float32]:
        """(T, C) embeddings of tumours, similar ones near each other (L2).

        Args:
            volume: T1c, as stored.
            boxes: T, in voxels of the volume as stored.

        Raises:
            RequestError: a box reaches beyond the scan.
            RefusedError: a value of the scan is no number.
        """
        prepared = prepare_mr(volume, self.package.view)
        inside = [prepared_box(box, prepared) for box in boxes]
        return roi_embedding(prepared.values, inside, self.package.view.patch, self._look, width=self.width)

    def _look(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        seen: NDArray[np.float32] = self._session.run([SEEN], {PATCH: patch})[0]
        return seen


def load_tumour_embedder(path: Path, *, threads: int | None = None) -> TumourEmbedder:
    """An embedder from the folder of its package.

    Raises:
        PackageError: it is no whole package, or cannot be run here.
    """
    return TumourEmbedder(load_tumour_package(path), threads=threads)
