"""A NIfTI head to checked HU in LPS: ours against nibabel's own loader with the same turn and rounding, in one run.

nibabel maps the plain file into memory and copies int16; it checks no values, no affine and no sizes. Ours reads the
whole file, and most of its time goes into the digest of the content that the series UID is made from.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from bregma.io.files import list_entries
from bregma.io.nifti import load_nifti

ROUNDS = 7
SHAPE = (512, 512, 32)


def load_ours(path: Path) -> np.ndarray:
    (entry,) = list_entries(path)[0]
    return load_nifti(entry, path).volume.values


def load_nibabel(path: Path) -> np.ndarray:
    image = nib.as_closest_canonical(nib.load(path))
    return np.ascontiguousarray(np.asanyarray(image.dataobj).transpose(2, 1, 0)[:, ::-1, ::-1])


def milliseconds(work: Callable[[Path], object], path: Path) -> float:
    start = time.perf_counter()
    work(path)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    rng = np.random.default_rng(0)
    head = np.full(SHAPE, -1000, dtype=np.int16)
    head[100:400, 80:430] = rng.normal(30, 5, (300, 350, 32)).astype(np.int16)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("head.nii", "head.nii.gz"):
            path = Path(folder) / name
            nib.save(nib.Nifti1Image(head, np.diag([-0.5, -0.5, 5.0, 1.0])), path)
            if not np.array_equal(load_ours(path), load_nibabel(path)):
                raise SystemExit("the two readers disagree about the values")
            pairs = [(milliseconds(load_ours, path), milliseconds(load_nibabel, path)) for _ in range(ROUNDS)]
            ours, theirs = (min(times) for times in zip(*pairs, strict=True))
            print(f"nifti: {name} 32 x 512 x 512 {ours:.0f} ms, nibabel {theirs:.0f} ms, ratio {theirs / ours:.1f}x")


if __name__ == "__main__":
    main()
