"""`bregma read` of one real scan as a whole process: seconds, peak memory, and where the time went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCAN = Path(__file__).parents[2] / "shared" / "data" / "ct" / "rsna_study_unlabelled"
GOAL_SECONDS, GOAL_GB, RUNS = 3.0, 1.0, 3


def main() -> None:
    from bregma.models.package import installed_packages

    packages = installed_packages()
    if not SCAN.is_dir() or not packages:
        print("read, whole process: skipped (needs the real scans beside the checkout and an installed package)")
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        runs = [_run(out) for _ in range(RUNS)]
        (scan,) = json.loads(out.read_text())["scans"]
    best, memory = min(run[0] for run in runs), max(run[1] for run in runs)
    seconds, names = scan["seconds"], ", ".join(package.name for package in packages)
    start = best - sum(seconds.values())
    parts = ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
    print(
        f"read {scan['geometry']['slices']} slices with {names}, whole process: "
        f"{best:.2f} s (goal {GOAL_SECONDS:.0f} s: start and write {start:.2f}, {parts}), "
        f"peak {memory:.2f} GB (goal {GOAL_GB:.0f} GB)"
    )


def _run(out: Path) -> tuple[float, float]:
    """Seconds and GB of one process."""
    start = time.perf_counter()
    command = [str(Path(sys.executable).with_name("bregma")), "read", str(SCAN), "--json", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"bregma read ended with exit code {process.returncode}; expected 0")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


if __name__ == "__main__":
    main()
