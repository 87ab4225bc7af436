"""From a library to batches: scans are prepared once into the cache, then only read, varied and put side by side.

Letters: B scans, D slices, C channels, S prepared size, K findings, N real slices of a batch.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.networks.batch import Batch
from bregma.preprocessing.augment import AugmentationSettings, apply_to_grey, display_tables, draw_augmentation
from bregma.preprocessing.neighbours import with_neighbours
from bregma.preprocessing.pipeline import prepare, prepare_mask
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Image, Window
from bregma.scan.regions import Mask
from bregma.scan.terms import ANY
from bregma.training.partial import Partial, Targets
from bregma.training.sampling import Showing, TrainingScan
from bregma.training.slice_cache import SliceCache, from_grey
from bregma.training.slice_file import Grey

Progress = Callable[[int, int], None]


def fill_cache(
    library: Library,
    records: Sequence[ScanRecord],
    cache: SliceCache,
    settings: Preprocessing,
    *,
    masks: bool = True,
    progress: Progress | None = None,
) -> None:
    """Prepare every scan that is not in the cache yet, or is there with another mask than the library has now.

    Args:
        library: where the volumes and masks are.
        records: which scans.
        cache: of these settings.
        settings: windows, pixel size and field of view.
        masks: whether masks are wanted; without, a scan in the cache is good whatever its mask.
        progress: called with (done, of).
    """
    for done, record in enumerate(records, start=1):
        mask = library.mask(record.series_uid, ANY) if masks else None
        drawn = digest_of_mask(mask) if masks else ""
        if record.series_uid not in cache or (masks and cache.read(record.series_uid, 0, 0).mask_digest != drawn):
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
        masks: whether the targets hold masks; without, none are read.
        workers: threads that make batches ahead.
        windows: of the channels; wanted only where showings may be displayed pictures.
    """

    scans: Sequence[TrainingScan]
    cache: SliceCache
    augmentation: AugmentationSettings | None = None
    neighbours: int = 0
    masks: bool = True
    workers: int = 1
    windows: tuple[Window, ...] = ()

    def batch(self, step: Sequence[Showing]) -> tuple[Batch, Targets]:
        """The scans of one step side by side, filled up to the longest, and what is known about them."""
        longest, findings = max(one.stop - one.start for one in step), self.scans[step[0].scan].value.shape[1]
        images, masks = self._images(step, longest)
        is_slice = np.zeros((len(step), longest), np.bool_)
        value = np.zeros((len(step), longest, findings), np.float32)
        known = np.zeros((len(step), longest, findings), np.bool_)
        scan_value, scan_known = np.zeros((len(step), findings), np.float32), np.zeros((len(step), findings), np.bool_)
        for row, showing in enumerate(step):
            scan, count = self.scans[showing.scan], showing.stop - showing.start
            is_slice[row, :count] = True
            value[row, :count] = scan.value[showing.start : showing.stop]
            known[row, :count] = scan.known[showing.start : showing.stop]
            scan_value[row], scan_known[row] = self._of_scan(showing)
        targets = Targets(
            slices=Partial(torch.from_numpy(value), torch.from_numpy(known)),
            scans=Partial(torch.from_numpy(scan_value), torch.from_numpy(scan_known)),
            masks=None if masks is None else self._masks(step, masks),
        )
        return Batch(torch.from_numpy(images), torch.from_numpy(is_slice)), targets

    def batches(self, steps: Sequence[Sequence[Showing]]) -> Iterator[tuple[Batch, Targets]]:
        """`batch` of one step after the other, made ahead by other threads while the last one is looked at.

        Which thread makes a batch changes nothing in it, so the place in the data stays (epoch, step).
        """
        with ThreadPoolExecutor(self.workers, thread_name_prefix="inputs") as pool:
            ahead: deque[Future[tuple[Batch, Targets]]] = deque()
            try:
                for step in steps:
                    ahead.append(pool.submit(self.batch, step))
                    if len(ahead) > self.workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def whole(self, index: int) -> tuple[Batch, Targets]:
        """One scan as it is, all slices."""
        return self.batch([Showing(index, 0, len(self.scans[index].value), seed=0)])

    def images(self, index: int) -> Image:
        """(D, C, S, S) of one scan as it is, all slices."""
        step = [Showing(index, 0, len(self.scans[index].value), seed=0)]
        whole: Image = Inputs._images(self, step, step[0].stop)[0][0]
        return whole

    def _images(self, step: Sequence[Showing], longest: int) -> tuple[Image, Image | None]:
        """(B, D, C, S, S) images and (N, S, S) masks of one step; both are 0 where nothing is shown.

        One scan after the other: its grey is still near the processor when it becomes floats at its place.
        """
        channels, size = self.cache.read(self.scans[step[0].scan].series_uid, 0, 0).images.shape[1:3]
        images = np.empty((len(step), longest, channels * (2 * self.neighbours + 1), size, size), np.float32)
        masks = np.zeros((sum(one.stop - one.start for one in step), size, size), np.float32) if self.masks else None
        first = 0
        for row, showing in zip(images, step, strict=True):
            grey, mask = self._show(showing)
            from_grey(grey, row[: len(grey)])
            row[len(grey) :] = 0
            if masks is not None and mask is not None:
                from_grey(mask, masks[first : first + len(mask)])
            first += len(grey)
        return images, masks

    def _of_scan(self, showing: Showing) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(K,) presence in the scan, and whether it is known of what is shown: a finding may lie outside a piece."""
        scan = self.scans[showing.scan]
        whole = showing.stop - showing.start == len(scan.value)
        return scan.scan_value, scan.scan_known & (whole | (scan.scan_value == 0))

    def _masks(self, step: Sequence[Showing], masks: Image) -> Partial:
        """(N, 1, S, S) masks of what is shown; an unknown one is 0, and its slice is not known."""
        drawn = np.concatenate([self.scans[one.scan].mask_known[one.start : one.stop] for one in step])
        return Partial(torch.from_numpy(masks)[:, None], torch.from_numpy(drawn)[:, None, None, None])

    def _show(self, showing: Showing) -> tuple[Grey, Grey | None]:
        """(D, C, S, S) images and (D, S, S) masks as they are shown, in grey; None where nobody drew."""
        scan, around = self.scans[showing.scan], self.neighbours
        first, last = max(0, showing.start - around), min(showing.stop + around, len(scan.value))
        cached = self.cache.read(scan.series_uid, first, last, mask=self.masks)
        inner = slice(showing.start - first, showing.stop - first)
        images, masks = cached.images, None if cached.mask is None else cached.mask[inner]
        if self.augmentation is not None:
            record = draw_augmentation(np.random.default_rng(showing.seed), self.augmentation, size=images.shape[-1])
            if record.displayed:
                images = _as_displayed(images, self.windows)
            images, masks = apply_to_grey(images, masks, record)
        return with_neighbours(images, around)[inner], masks


def _as_displayed(images: Grey, windows: tuple[Window, ...]) -> Grey:
    """(D, C, S, S) as if only the first channel had been saved."""
    return np.stack([table[images[:, 0]] for table in display_tables(windows)], axis=1)
