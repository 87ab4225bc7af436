"""One head from its parameters: Hounsfield units, and the truth that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bregma.phantom.image import draw_image
from bregma.phantom.maps import make_maps
from bregma.phantom.parameters import HeadParameters
from bregma.phantom.placing import make_geometry, make_placing
from bregma.phantom.points import Field
from bregma.phantom.scanning import make_noise
from bregma.phantom.slab import find_levels
from bregma.phantom.truth import make_labels, slice_uids
from bregma.scan.labels import Label
from bregma.scan.regions import Mask
from bregma.scan.terms import SUBTYPES
from bregma.scan.volume import Geometry, Volume

SEEN_SHARE = 0.42
"""A pixel belongs to a bleed when this share of it is blood."""

LEAST_MM2 = 6.0
"""Blood that covers less than this in a slice is not drawn into the truth of that slice: nobody would see it."""


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A drawn scan and its truth.

    Attributes:
        volume: int16 HU and where they lie.
        masks: (D, H, W) by subtype, all five, empty where there is none.
        regions: (D, H, W) index into scan.terms.ANATOMY + 1, 0 where there is none.
        labels: six findings of the scan and of every slice, and two for every lesion; source "phantom".
        parameters: what it was drawn from.
    """

    volume: Volume
    masks: dict[str, Mask]
    regions: NDArray[np.uint8]
    labels: tuple[Label, ...]
    parameters: HeadParameters

    @property
    def geometry(self) -> Geometry:
        """Where the slices lie; a phantom always knows."""
        if self.volume.geometry is None:
            raise AssertionError("a phantom was made without geometry")
        return self.volume.geometry

    @property
    def series_uid(self) -> str:
        """Series Instance UID, from the parameters alone."""
        return self.parameters.uid("series")

    @property
    def slice_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs, foot to head."""
        return slice_uids(self.parameters)

    def to_patient(self, head_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS mm of (..., 3) landmarks in head frame mm."""
        return make_placing(self.parameters).to_patient(head_mm)


def draw(parameters: HeadParameters) -> Phantom:
    """Draw one head; the same parameters give the same bytes."""
    scanner = parameters.scanner
    geometry = make_geometry(scanner)
    maps, placing = make_maps(parameters.shape), make_placing(parameters)
    levels = find_levels(parameters, maps, placing)
    rng = np.random.default_rng(parameters.seed)
    values = np.empty(geometry.shape, dtype=np.int16)
    regions = np.zeros(geometry.shape, dtype=np.uint8)
    bleeds = np.zeros((len(parameters.bleeds), *geometry.shape), dtype=bool)
    for index in range(geometry.slices):
        image = draw_image(parameters, maps, placing, geometry, index, levels=levels)
        noise = make_noise(rng, scanner, _noise_hu(scanner.noise_hu, image.hu))
        values[index] = np.clip(np.rint(image.hu + noise), -1024, 3071)
        regions[index] = image.regions
        bleeds[:, index] = _see(image.blood, geometry.pixel_mm[0] * geometry.pixel_mm[1], geometry.shape[1:])
    masks = {
        name: _any_of(bleeds, [k for k, bleed in enumerate(parameters.bleeds) if bleed.subtype == name])
        for name in SUBTYPES
    }
    labels = make_labels(parameters, masks, bleeds)
    return Phantom(Volume(values, geometry), masks, regions, labels, parameters)


def _noise_hu(sigma: float, hu: Field) -> float:
    """Noise of a slice: more where the path through bone is long."""
    return sigma * (0.75 + 3.0 * min(float((hu > 300).mean()), 0.12))


def _see(blood: list[Field], pixel_mm2: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(B, H, W) the pixels of each bleed; a later one lies over an earlier one, and specks are left out."""
    seen = np.zeros((len(blood), *shape), dtype=bool)
    for k, share in enumerate(blood):
        seen[k] = share > SEEN_SHARE
        seen[:k] &= ~seen[k]
    seen[seen.sum(axis=(1, 2)) * pixel_mm2 < LEAST_MM2] = False
    return seen


def _any_of(bleeds: NDArray[np.bool_], which: list[int]) -> Mask:
    return np.asarray(bleeds[which].any(axis=0), dtype=bool)
