"""From a library to batches: scans are prepared once into the cache, then only read, varied and put side by side.

Letters: B scans, D slices, C channels, S prepared size, K findings, N real slices of a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.networks.batch import Batch
from bregma.preprocessing.augment import AugmentationSettings, apply_augmentation, draw_augmentation
from bregma.preprocessing.neighbours import with_neighbours
from bregma.preprocessing.pipeline import prepare, prepare_mask
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Image
from bregma.scan.regions import Mask
from bregma.scan.terms import ANY
from bregma.training.cache import SliceCache, from_grey
from bregma.training.losses import Partial, Targets
from bregma.training.sampling import Showing, TrainingScan

Progress = Callable[[int, int], None]


def fill_cache(
    library: Library,
    records: Sequence[ScanRecord],
    cache: SliceCache,
    settings: Preprocessing,
    *,
    progress: Progress | None = None,
) -> None:
    """Prepare every scan that is not in the cache yet, or is there with another mask than the library has now.

    Args:
        library: where the volumes and masks are.
        records: which scans.
        cache: of these settings.
        settings: windows, pixel size and field of view.
        progress: called with (done, of).
    """
    for done, record in enumerate(records, start=1):
        mask = library.mask(record.series_uid, ANY)
        drawn = digest_of_mask(mask)
        if record.series_uid not in cache or cache.get(record.series_uid).mask_digest != drawn:
            prepared = prepare(library.volume(record.series_uid), settings)
            cover = None if mask is None else prepare_mask(mask, prepared.placement)
            cache.add(record.series_uid, prepared.images, cover, mask_digest=drawn)
        if progress is not None:
            progress(done, len(records))


def digest_of_mask(mask: Mask | None) -> str:
    """SHA-256 over shape and pixels of a (D, H, W) mask; "unknown" when nobody drew one."""
    if mask is None:
        return "unknown"
    return hashlib.sha256(repr(mask.shape).encode() + np.packbits(mask).tobytes()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Batches of one part of a split.

    Attributes:
        scans: what is known about each.
        cache: their prepared slices.
        augmentation: how much a showing may differ from the scan; None shows it as it is.
        neighbours: slices on either side that are shown as further channels.
    """

    scans: Sequence[TrainingScan]
    cache: SliceCache
    augmentation: AugmentationSettings | None = None
    neighbours: int = 0

    def batch(self, step: Sequence[Showing]) -> tuple[Batch, Targets]:
        """The scans of one step side by side, filled up to the longest, and what is known about them."""
        shown = [self._show(showing) for showing in step]
        longest = max(len(images) for images, _ in shown)
        first = shown[0][0]
        images = np.zeros((len(step), longest, *first.shape[1:]), np.float32)
        is_slice = np.zeros((len(step), longest), np.bool_)
        findings = self.scans[step[0].scan].value.shape[1]
        value = np.zeros((len(step), longest, findings), np.float32)
        known = np.zeros((len(step), longest, findings), np.bool_)
        scan_value, scan_known = np.zeros((len(step), findings), np.float32), np.zeros((len(step), findings), np.bool_)
        for row, (showing, (slices, _)) in enumerate(zip(step, shown, strict=True)):
            scan, count = self.scans[showing.scan], len(slices)
            images[row, :count], is_slice[row, :count] = slices, True
            value[row, :count] = scan.value[showing.start : showing.stop]
            known[row, :count] = scan.known[showing.start : showing.stop]
            scan_value[row], scan_known[row] = self._of_scan(showing)
        drawn = np.concatenate([self.scans[one.scan].mask_known[one.start : one.stop] for one in step])
        masks = np.concatenate([mask for _, mask in shown])[:, None]
        targets = Targets(
            slices=Partial(torch.from_numpy(value), torch.from_numpy(known)),
            scans=Partial(torch.from_numpy(scan_value), torch.from_numpy(scan_known)),
            masks=Partial(torch.from_numpy(masks), torch.from_numpy(drawn)[:, None, None, None]),
        )
        return Batch(torch.from_numpy(images), torch.from_numpy(is_slice)), targets

    def whole(self, index: int) -> tuple[Batch, Targets]:
        """One scan as it is, all slices."""
        return self.batch([Showing(index, 0, len(self.scans[index].value), seed=0)])

    def _of_scan(self, showing: Showing) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(K,) presence in the scan, and whether it is known of what is shown: a finding may lie outside a piece."""
        scan = self.scans[showing.scan]
        whole = showing.stop - showing.start == len(scan.value)
        return scan.scan_value, scan.scan_known & (whole | (scan.scan_value == 0))

    def _show(self, showing: Showing) -> tuple[Image, Image]:
        """(D, C, S, S) images and (D, S, S) masks; an unknown mask is 0, and its slices are not known."""
        cached = self.cache.get(self.scans[showing.scan].series_uid)
        first = max(0, showing.start - self.neighbours)
        seen = cached.images[first : showing.stop + self.neighbours]
        around = with_neighbours(from_grey(seen, np.empty(seen.shape, np.float32)), self.neighbours)
        images = around[showing.start - first : showing.stop - first]
        grey = cached.images[showing.start : showing.stop]
        masks = np.zeros((len(grey), *grey.shape[2:]), np.float32)
        if cached.mask is not None:
            from_grey(cached.mask[showing.start : showing.stop], masks)
        if self.augmentation is None:
            return images, masks
        rng = np.random.default_rng(showing.seed)
        record = draw_augmentation(rng, self.augmentation, size=grey.shape[-1])
        varied, moved = apply_augmentation(images, masks, record)
        return varied, masks if moved is None else moved
