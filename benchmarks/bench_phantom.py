"""How long a phantom takes: a whole head, a small one for tests, and its DICOM files."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bregma.phantom import Scanner, draw, sample_head, sample_scanner, write_dicom

GOAL_SECONDS = 3.0
"""The agreed limit for a 32-slice 512 x 512 head on one core."""


def main() -> None:
    import cv2

    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    head = sample_head(rng, bleeds=["subdural"], scanner=sample_scanner(rng))
    phantom = draw(head)
    whole = _seconds(lambda: draw(head), repeat=3)
    name, ratio = "phantom, 32 x 512 x 512, one bleed", GOAL_SECONDS / whole
    print(f"{name}: {whole:.2f} s on one core (limit {GOAL_SECONDS} s, {ratio:.1f}x)")
    small = sample_head(rng, bleeds=["subdural"], scanner=Scanner(size=96, slices=8, spacing_mm=18.0))
    print(f"phantom, 8 x 96 x 96, one bleed: {_seconds(lambda: draw(small), repeat=5) * 1000:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        writing = _seconds(lambda: write_dicom(phantom, Path(folder)), repeat=3)
        print(f"phantom, 32 DICOM files: {writing * 1000:.0f} ms")


def _seconds(work: Callable[[], object], *, repeat: int) -> float:
    """Least processor time of a few runs: what one core needs, whoever else is on the machine."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
