"""HU volume to three windows at 256 px: ours against the usual loop over slices, in one run.

The loop windows each slice in float and then resizes it to 256 x 256, by cv2 (linear, no head to centre on, no
millimetres) or by scipy's zoom. Rounds alternate; the best counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from scipy import ndimage

from bregma.preprocessing.pipeline import Preprocessing, place, prepare, prepare_mask, restore
from bregma.preprocessing.window import PRESETS
from bregma.scan.volume import Geometry, Volume

WINDOWS = (PRESETS["brain"], PRESETS["subdural"], PRESETS["soft_tissue"])
GOAL_MS = 8.0
ROUNDS = 30
SLOW_ROUNDS = 2


def head() -> Volume:
    """32 x 512 x 512 int16, pixels of a real scan (0.488 mm), a noisy ellipse off the middle."""
    row, column = np.mgrid[:512, :512].astype(np.float32)
    away = np.hypot((row - 273) / 200, (column - 262) / 158)
    plane = np.where(away < 0.93, 35, np.where(away < 1, 1000, -1000))
    noise = np.random.default_rng(0).normal(0, 5, (32, 512, 512))
    values = (plane + noise).astype(np.int16)
    origins = np.array([[0.0, 0.0, 5.0 * index] for index in range(32)])
    return Volume(values, Geometry(512, 512, origins, np.eye(3)[0], np.eye(3)[1], (0.48828125, 0.48828125)))


def slice_loop(volume: Volume, resize: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    slices = []
    for hu in volume.values:
        shown = [np.clip((hu.astype(np.float32) - w.low) / w.width, 0, 1) for w in WINDOWS]
        slices.append(np.stack([resize(channel) for channel in shown]))
    return np.stack(slices).astype(np.float32)


def best_ms(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: 1000 * min(taken) for name, taken in times.items()}


def main() -> None:
    volume, settings = head(), Preprocessing(WINDOWS)
    placement = place(volume, settings)
    maps = prepare(volume, settings).images[:, 0]
    mask = volume.values > 40
    fast = best_ms(
        {
            "ours": lambda: prepare(volume, settings),
            "cv2": lambda: slice_loop(volume, lambda plane: cv2.resize(plane, (256, 256))),
            "centre": lambda: place(volume, settings),
            "mask": lambda: prepare_mask(mask, placement),
            "restore": lambda: restore(maps, placement),
        },
        ROUNDS,
    )
    zoom = best_ms({"zoom": lambda: slice_loop(volume, lambda plane: ndimage.zoom(plane, 0.5, order=1))}, SLOW_ROUNDS)
    ours, loop, slow = fast["ours"], fast["cv2"], zoom["zoom"]
    print(f"prepare: 32 x 512 x 512 -> three windows at 256 px {ours:.1f} ms (goal {GOAL_MS:.1f})")
    print(f"prepare: of which finding the head's middle {fast['centre']:.1f} ms")
    print(f"prepare: slice loop, float windows and cv2.resize {loop:.1f} ms, ratio {loop / ours:.1f}x")
    print(f"prepare: slice loop, float windows and scipy zoom {slow:.1f} ms, ratio {slow / ours:.1f}x")
    print(f"prepare: a mask to prepared slices {fast['mask']:.1f} ms, a map back to 512 x 512 {fast['restore']:.1f} ms")


if __name__ == "__main__":
    main()
