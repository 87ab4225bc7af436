"""Folder of DICOM to checked HU volume: ours against SimpleITK's series reader, in one run.

SimpleITK lists the files with its own GetGDCMSeriesFileNames and keeps its image (no copy to numpy); it checks no gaps,
tilt, padding, duplicates or values. Both are timed warm, in process, turn about; the best of the rounds counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK

from bregma.io.find import find_scans
from bregma.scan.volume import Scan

SHARED = Path(os.environ.get("BREGMA_SHARED", Path(__file__).resolve().parents[2] / "shared"))
STUDY = SHARED / "data/ct/rsna_study_unlabelled"
ROUNDS = 40


def load_ours(folder: Path) -> np.ndarray:
    return next(one.volume.values for one in find_scans(folder) if isinstance(one, Scan))


def load_simpleitk(folder: Path) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def seconds(work: Callable[[Path], object]) -> float:
    start = time.perf_counter()
    work(STUDY)
    return time.perf_counter() - start


def main() -> None:
    if not STUDY.is_dir():
        print("load: the real scans are not beside the checkout (../shared/data/ct); skipped")
        return
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # it warns of the tilt, once per round
    if not np.array_equal(load_ours(STUDY), SimpleITK.GetArrayFromImage(load_simpleitk(STUDY))):
        raise SystemExit("the two readers disagree about the values")
    pairs = [(seconds(load_ours), seconds(load_simpleitk)) for _ in range(ROUNDS)]
    ours, theirs = (1000 * min(times) for times in zip(*pairs, strict=True))
    print(f"load: 32 x 512 x 512 folder -> checked HU {ours:.1f} ms (goal 6.0)")
    print(f"load: SimpleITK series reader {theirs:.1f} ms, ratio {theirs / ours:.1f}x (goal 3.0x)")


if __name__ == "__main__":
    main()
