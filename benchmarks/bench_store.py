"""The pixel store on real HU: size, a slice, a volume; against .npy and per-slice zlib, in one run, warm."""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bregma.catalogue.store import pack, read_array, read_slice
from bregma.io.find import find_scans
from bregma.scan.volume import Scan

ROOT = Path(os.environ.get("BREGMA_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
STUDY = ROOT / "ct" / "rsna_study_unlabelled"
GOAL_SHARE, GOAL_SLICE_MS, GOAL_MB_S = 0.40, 0.5, 500.0


def main() -> None:
    if not STUDY.is_dir():
        print(f"no real scan at {STUDY}; set BREGMA_REAL_DATA")
        return
    (scan,) = [one for one in find_scans(STUDY) if isinstance(one, Scan)]
    values = scan.volume.values
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, npy, zipped = folder / "scan.hu", folder / "scan.npy", folder / "scan.z"
        write_s = _best(lambda: ours.write_bytes(pack(values)), 3)
        np.save(npy, values)
        parts = [zlib.compress(one.tobytes(), 6) for one in values]
        zipped.write_bytes(b"".join(parts))
        starts = np.cumsum([0, *map(len, parts)])

        def zlib_slice(index: int) -> np.ndarray:
            with zipped.open("rb") as file:
                file.seek(int(starts[index]))
                data = zlib.decompress(file.read(len(parts[index])))
            return np.frombuffer(data, np.int16).reshape(values.shape[1:])

        for index in (0, 17):
            if not (
                np.array_equal(read_slice(ours, index), values[index]) and np.array_equal(read_array(ours), values)
            ):
                raise AssertionError("the store changed a value")
        middle = len(values) // 2
        slice_ms = {
            "ours": 1e3 * _best(lambda: read_slice(ours, middle), 50),
            "npy": 1e3 * _best(lambda: np.load(npy, mmap_mode="r")[middle].copy(), 50),
            "zlib": 1e3 * _best(lambda: zlib_slice(middle), 50),
        }
        rate = {
            "ours": values.nbytes / 1e6 / _best(lambda: read_array(ours), 7),
            "npy": values.nbytes / 1e6 / _best(lambda: np.load(npy), 7),
            "zlib": values.nbytes / 1e6 / _best(lambda: [zlib_slice(index) for index in range(len(values))], 3),
        }
        share = {
            kind: path.stat().st_size / values.nbytes for kind, path in (("ours", ours), ("npy", npy), ("zlib", zipped))
        }
    print(f"store, share of {values.nbytes / 1e6:.1f} MB raw HU: {_line(share, '{:.1%}')} (goal <= {GOAL_SHARE:.0%})")
    print(
        f"store, one slice, checked: {_line(slice_ms, '{:.2f} ms')} (goal <= {GOAL_SLICE_MS} ms), "
        f"{slice_ms['zlib'] / slice_ms['ours']:.1f}x faster than zlib"
    )
    print(
        f"store, a volume, checked: {_line(rate, '{:.0f} MB/s')} (goal >= {GOAL_MB_S:.0f}), "
        f"{rate['ours'] / rate['zlib']:.1f}x zlib"
    )
    print(f"store, packing and writing: {values.nbytes / 1e6 / write_s:.0f} MB/s on one core")


def _line(figures: dict[str, float], form: str) -> str:
    return ", ".join(f"{name} {form.format(value)}" for name, value in figures.items())


def _best(run: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
