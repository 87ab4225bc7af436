"""Regions as a network learns from them: features of both views, computed once, and what is known of each region.

Letters: N regions, M their versions (as they are, and changed ones of rare places), F features of one path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from bregma.models.neighbours import Codes, Vectors
from bregma.networks.relation_network import Pool5
from bregma.preprocessing.augment import AugmentationSettings, draw_augmentation, move
from bregma.preprocessing.pipeline import place
from bregma.preprocessing.region_views import RegionSettings, RegionViews, view_region
from bregma.scan.errors import RequestError
from bregma.scan.slice_region import SliceRegion
from bregma.scan.terms import ANATOMY
from bregma.scan.volume import Volume
from bregma.training.feature_cache import FeatureCache

AT_ONCE = 32
"""Views that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanRegions:
    """The regions of one scan.

    Attributes:
        series_uid: of the scan.
        patient: pseudonym.
        volume: (D, H, W) HU, called only when features are not in the cache.
        regions: with a place each.
    """

    series_uid: str
    patient: str
    volume: Callable[[], Volume]
    regions: Sequence[SliceRegion]


@dataclass(frozen=True, slots=True)
class RegionCase:
    """What is known of one region, without its pixels.

    Attributes:
        series_uid: of its scan.
        patient: pseudonym.
        slice: index of its slice, foot to head.
        lesion: the lesion it belongs to.
        place: a name from ANATOMY.
    """

    series_uid: str
    patient: str
    slice: int
    lesion: str
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class RegionSet:
    """Regions with their features.

    Attributes:
        cases: N.
        features: (M, 2, F) float32, local and whole.
        owner: (M,) the region of each version; version n < N is region n as it is.
    """

    cases: tuple[RegionCase, ...]
    features: Vectors
    owner: Codes

    @property
    def places(self) -> Codes:
        """(N,) index into ANATOMY."""
        return np.array([ANATOMY.index(case.place) for case in self.cases], np.intp)

    @property
    def plain(self) -> Vectors:
        """(N, 2, F) of the regions as they are."""
        return self.features[: len(self.cases)]


@dataclass(frozen=True, slots=True)
class Versions:
    """Changed versions of regions, so that a rare place can be shown more often (section 3.4).

    Attributes:
        settings: how much may change, in both views alike.
        count: changed versions of a region, at most.
        wanted: versions that a place should have in all; a place that has as many regions gets none.
        seed: of the changes.
    """

    settings: AugmentationSettings
    count: int
    wanted: int
    seed: int = 0

    def per_region(self, regions: int) -> int:
        """Changed versions of each region of a place that has so many."""
        return min(self.count, max(0, -(-self.wanted // max(regions, 1)) - 1))


def make_region_set(
    scans: Iterable[ScanRegions],
    eyes: Pool5,
    settings: RegionSettings,
    *,
    cache: FeatureCache,
    versions: Versions | None = None,
    progress: Callable[[int], None] | None = None,
    device: torch.device | None = None,
) -> RegionSet:
    """Features of every region, from the cache where they are in it.

    Args:
        scans: a scan's pixels are asked for only when its features are not in the cache.
        eyes: the frozen network.
        settings: how regions are shown.
        cache: of this network and these settings.
        versions: of the training part; None for the regions as they are.
        progress: called with the scans done.
        device: where the eyes are; None for the CPU.

    Raises:
        RequestError: there is no region with a place.
    """
    known = [_with_places(scan) for scan in scans]
    common = np.bincount([ANATOMY.index(str(one.place)) for scan in known for one in scan.regions], minlength=15)
    plain: list[Vectors] = []
    changed: list[Vectors] = []
    owner: list[int] = []
    cases: list[RegionCase] = []
    for number, scan in enumerate(known, start=1):
        counts = [
            versions.per_region(int(common[ANATOMY.index(str(one.place))])) if versions else 0 for one in scan.regions
        ]
        seen = _seen(scan, counts, eyes, settings, cache, versions, device)
        for region, rows in zip(scan.regions, _split(seen, counts), strict=True):
            owner += [len(cases)] * (len(rows) - 1)
            cases.append(RegionCase(scan.series_uid, scan.patient, region.index, region.lesion, str(region.place)))
            plain.append(rows[0])
            changed += list(rows[1:])
        if progress is not None:
            progress(number)
    if not cases:
        raise RequestError("no region has a known place; import labels with a place for the lesions (docs/labels.md)")
    features = np.stack([*plain, *changed])
    return RegionSet(tuple(cases), features, np.concatenate([np.arange(len(cases)), np.array(owner, np.intp)]))


def look(eyes: Pool5, views: Sequence[RegionViews], *, device: torch.device | None = None) -> Vectors:
    """(N, 2, F) features of both views, by eyes on a device; None for the CPU."""
    parts = []
    with torch.inference_mode():
        for first in range(0, len(views), AT_ONCE):
            some = views[first : first + AT_ONCE]
            pair = [np.stack([getattr(one, name) for one in some])[:, None] for name in ("local", "whole")]
            parts.append(torch.stack([eyes(torch.from_numpy(one).to(device)) for one in pair], dim=1).cpu().numpy())
    return np.concatenate(parts)


def changed_views(views: RegionViews, versions: Versions, key: Sequence[int]) -> RegionViews:
    """The same region turned, mirrored and enlarged a little, in both views alike."""
    record = draw_augmentation(np.random.default_rng([versions.seed, *key]), versions.settings, size=1)
    return RegionViews(move(views.local, record), move(views.whole, record), views.square)


def _with_places(scan: ScanRegions) -> ScanRegions:
    return ScanRegions(
        scan.series_uid, scan.patient, scan.volume, [one for one in scan.regions if one.place is not None]
    )


def _seen(
    scan: ScanRegions,
    counts: Sequence[int],
    eyes: Pool5,
    settings: RegionSettings,
    cache: FeatureCache,
    versions: Versions | None,
    device: torch.device | None,
) -> Vectors:
    """(versions of all regions of the scan, 2, F), each region as it is first."""
    key, rows = _key(scan, counts, versions), len(counts) + sum(counts)
    if rows == 0:
        return np.zeros((0, 2, eyes.features), np.float32)
    try:
        return cache.get(key, rows).reshape(rows, 2, -1)
    except LookupError:
        volume = scan.volume()
        placement, views = place(volume, settings.slices), []
        for number, (region, count) in enumerate(zip(scan.regions, counts, strict=True)):
            as_it_is = view_region(volume.values[region.index], region.mask, placement, settings)
            views.append(as_it_is)
            if versions is not None:
                views += [changed_views(as_it_is, versions, (region.index, number, one)) for one in range(count)]
        seen = look(eyes, views, device=device)
        cache.add(key, seen.reshape(rows, -1))
        return seen


def _split(seen: Vectors, counts: Sequence[int]) -> list[Vectors]:
    edges = np.cumsum([0, *(1 + count for count in counts)])
    return [seen[first:last] for first, last in pairwise(edges)]


def _key(scan: ScanRegions, counts: Sequence[int], versions: Versions | None) -> str:
    """Changes with the scan, with every pixel of its regions and with what is done to them."""
    words = hashlib.sha256(f"{scan.series_uid} {list(counts)} {versions if sum(counts) else None}".encode())
    for region in scan.regions:
        words.update(f"{region.index} {region.mask.shape}".encode())
        words.update(np.packbits(region.mask).tobytes())
    return words.hexdigest()


def patient_numbers(*sets: RegionSet) -> list[NDArray[np.intp]]:
    """Per set (N,) patient codes, the same for the same patient in all of them."""
    numbers: dict[str, int] = {}
    return [np.array([numbers.setdefault(case.patient, len(numbers)) for case in one.cases], np.intp) for one in sets]
