"""Batches of cached features in place of images: for a network that learns on top of a frozen one.

Letters: B scans, D slices, E features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bregma.catalogue.records import ScanRecord
from bregma.models.places import places_of
from bregma.networks.batch import Batch
from bregma.networks.sequence import SequenceReader
from bregma.training.devices import Machine
from bregma.training.feature_cache import FeatureCache, features_digest, fill_features
from bregma.training.inputs import Inputs
from bregma.training.partial import Targets
from bregma.training.sampling import Showing

FOLDER = "features"
"""Beside the prepared slices."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FeatureInputs(Inputs):
    """Inputs whose batches hold features and places, and no pixels; `images` still gives those.

    Attributes:
        features: where (D, E) of every scan is.
        places: per scan (D, 2).
    """

    features: FeatureCache
    places: Sequence[Numbers]

    def batch(self, step: Sequence[Showing]) -> tuple[Batch, Targets]:
        """The scans of one step side by side, filled up to the longest, and what is known about them."""
        batch, targets = Inputs.batch(self, step)
        scans = [self.scans[one.scan] for one in step]
        features = [self.features.get(scan.series_uid, len(scan.value)) for scan in scans]
        places = [self.places[one.scan] for one in step]
        return dataclasses.replace(
            batch, features=_side_by_side(features, step), places=_side_by_side(places, step)
        ), targets

    def _images(self, step: Sequence[Showing], longest: int) -> tuple[Numbers, Numbers | None]:
        """Slices without a pixel, and no masks."""
        return np.zeros((len(step), longest, 0, 0, 0), np.float32), None


def with_features(
    inputs: Inputs,
    records: Sequence[ScanRecord],
    network: SequenceReader,
    machine: Machine,
    *,
    folder: Path,
    preprocessing: str,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureInputs:
    """The same inputs with the features of the network's frozen part; what is not in the cache is computed now.

    Args:
        inputs: the scans, with their prepared slices.
        records: of the same scans, for where their slices lie.
        network: on the machine.
        machine: where.
        folder: of the prepared slices.
        preprocessing: digest of what is shown.
        progress: called with (done, of).
    """
    cache = FeatureCache(folder / FOLDER, features_digest(network.frozen, preprocessing))
    as_they_are = dataclasses.replace(inputs, augmentation=None)
    fill_features(cache, as_they_are, network.frozen, machine, progress=progress)
    return FeatureInputs(
        inputs.scans,
        inputs.cache,
        neighbours=inputs.neighbours,
        masks=False,
        workers=inputs.workers,
        features=cache,
        places=[places_of(one.geometry, len(scan.value)) for one, scan in zip(records, inputs.scans, strict=True)],
    )


def _side_by_side(scans: Sequence[Numbers], step: Sequence[Showing]) -> torch.Tensor:
    """(B, D, E) of what is shown of B scans, each whole (D, E); 0 where there is no slice."""
    longest = max(showing.stop - showing.start for showing in step)
    whole = np.zeros((len(scans), longest, scans[0].shape[1]), np.float32)
    for row, scan, showing in zip(whole, scans, step, strict=True):
        row[: showing.stop - showing.start] = scan[showing.start : showing.stop]
    return torch.from_numpy(whole)
