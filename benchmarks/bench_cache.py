"""Training input from the cache: shuffled slices as float batches, against one float .npy per slice, in one run.

Both warm (page cache), one process, the same slices in the same order. Rounds alternate; the best counts.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bregma.training.slice_cache import SliceCache

SCANS, SLICES, SIZE, BATCH = 16, 32, 256, 32
ROUNDS = 7
GOAL = 5000.0


def fill(cache: SliceCache, folder: Path) -> list[tuple[str, int]]:
    rng = np.random.default_rng(0)
    places = []
    for scan in range(SCANS):
        images = rng.random((SLICES, 1, SIZE, SIZE), dtype=np.float32)
        cache.add(f"1.2.{scan}", images, None)
        for index, image in enumerate(images):
            np.save(folder / f"1.2.{scan}_{index}.npy", image)
            places.append((f"1.2.{scan}", index))
    rng.shuffle(places)
    return [(str(uid), int(index)) for uid, index in places]


def from_cache(cache: SliceCache, places: list[tuple[str, int]]) -> float:
    return sum(float(batch[0, 0, 0, 0]) for batch in cache.batches(places, BATCH))


def from_npy(folder: Path, places: list[tuple[str, int]]) -> float:
    total = 0.0
    for first in range(0, len(places), BATCH):
        batch = np.stack([np.load(folder / f"{uid}_{index}.npy") for uid, index in places[first : first + BATCH]])
        total += float(batch[0, 0, 0, 0])
    return total


def whole_scans(cache: SliceCache) -> None:
    for scan in range(SCANS):
        cache.get(f"1.2.{scan}").float_images()


def rate(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return SCANS * SLICES / (time.perf_counter() - start)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = SliceCache(folder / "cache", "bench")
        places = fill(cache, folder)
        if abs(from_cache(cache, places) - from_npy(folder, places)) > len(places) / 255:
            raise SystemExit("the cache and the .npy files hold other slices")
        rounds = [
            (
                rate(lambda: from_cache(cache, places)),
                rate(lambda: from_npy(folder, places)),
                rate(lambda: whole_scans(cache)),
            )
            for _ in range(ROUNDS)
        ]
        ours, theirs, scans = (max(rates) for rates in zip(*rounds, strict=True))
        size = cache.path("1.2.0").stat().st_size / SLICES
    print(f"cache: {ours:,.0f} shuffled {SIZE} x {SIZE} slices/s as float32 batches (goal {GOAL:,.0f})")
    print(f"cache: whole scans {scans:,.0f} slices/s")
    print(f"cache: one float32 .npy per slice, np.load and np.stack {theirs:,.0f} slices/s, ratio {ours / theirs:.1f}x")
    print(f"cache: {size / 1024:.0f} KiB per slice and window; stored CT has 512 KiB per slice")


if __name__ == "__main__":
    main()
