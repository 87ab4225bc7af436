"""Whether a long run over single slices survives kill -9, bit for bit, and whether its memory stays flat.

    python -m research.kill9 FOLDER [--slices 20000] [--kills 3] [--epochs 1]

Draws 32 phantoms of 32 slices at 64 pixels and makes scans of their own of them, each with other noise, until there are
so many slices to learn from; drawing each anew would take half an hour. Trains a small network slice by slice: once
unbroken, once killed so often at random steps and begun anew, once on a quarter of the slices. Every run is its own
process; its peak memory is what the kernel says of it (ru_maxrss). FOLDER may be used again: what was drawn stays.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.catalogue.targets import Statements
from bregma.phantom.studies import write_studies
from bregma.scan.volume import Volume
from bregma.training.checkpoint import BEST, LAST, restore_state, restore_weights
from bregma.training.loop import Job, fit, make_optimizer
from bregma.training.recipe import Recipe, load_recipe
from bregma.training.train import Run, prepare_job

HEADS, SLICES, SIZE, VALIDATION = 32, 32, 64, 4
SMALL = [
    "preprocessing.pixel_mm=4",
    "network.growth=2",
    "network.layers=1",
    "network.attention=false",
    "network.sequence=false",
    "loss.segmentation=[]",
    'batches.unit="slice"',
    "batches.scans=32",
    "batches.balance=false",
    "loop.save_every=40",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run.

    Attributes:
        run: its folder.
        kills: times that it was killed.
        seconds: on the clock, all its processes together.
        peak_mib: most memory of any of its processes.
        steps: of the whole run.
    """

    run: Path
    kills: int
    seconds: float
    peak_mib: float
    steps: int


def draw(folder: Path) -> None:
    """A library with phantoms, all of whose slices are labelled."""
    write_studies(folder / "heads", count=HEADS, seed=0, positive_share=0.5, size=SIZE, slices=SLICES, workers=1)
    with Library.open_or_create(folder / "library") as library:
        import_scans(library, folder / "heads" / "scans", workers=1)
        import_labels(library, folder / "heads" / "labels.csv")


class ManyScans:
    """A library's scans many times over: each copy has its own UID and its own noise of 2 HU.

    Args:
        library: of which the last scans are for validation, once, and the others for training.
        slices: at least so many for training.
    """

    def __init__(self, library: Library, slices: int) -> None:
        self.layout = library.layout
        self._library, records = library, library.scans()
        copies = -(-slices // ((len(records) - VALIDATION) * SLICES))
        training = [_copy_of(one, number) for number in range(copies) for one in records[:-VALIDATION]]
        self._parts = {"train": training, "validation": [_copy_of(one, 0) for one in records[-VALIDATION:]]}

    def scans(self, _split: str, part: str) -> list[ScanRecord]:
        """The scans of a part."""
        return self._parts[part]

    def volume(self, series_uid: str) -> Volume:
        """The head with this copy's noise."""
        uid, _, copy = series_uid.rpartition("/")
        whole = self._library.volume(uid)
        rng = np.random.default_rng([int(copy), zlib.crc32(uid.encode())])
        return Volume(whole.values + rng.integers(-2, 3, whole.values.shape, np.int16), whole.geometry)

    def statements(self, series_uid: str) -> Statements:
        """What was said of the head."""
        return self._library.statements(series_uid.rpartition("/")[0])


def _copy_of(record: ScanRecord, number: int) -> ScanRecord:
    return replace(record, series_uid=f"{record.series_uid}/{number}")


def recipe_of(epochs: int) -> Recipe:
    """A small network that sees slice by slice."""
    return load_recipe("densenet40", [*SMALL, f"optimizer.epochs={epochs}"])


def job_of(library: Library, run: Path, slices: int, epochs: int) -> Job:
    """The run as `bregma train` would make it; prints "done of" after each step."""
    run.mkdir(parents=True, exist_ok=True)
    scans: Any = ManyScans(library, slices)
    return prepare_job(recipe_of(epochs), scans, Run(run, device="cpu", threads=1), progress=lambda *at: print(*at))


def train_here(folder: Path, run: Path, slices: int, epochs: int) -> None:
    """Train in this process, a line at a time for whoever reads its output."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with Library.open(folder / "library") as library:
        fit(job_of(library, run, slices, epochs))


def train_in_child(folder: Path, run: Path, slices: int, epochs: int, kills: int) -> Outcome:
    """Train in processes of their own, of which the first ones are killed at random steps."""
    rng, started, peak, steps, killed = random.Random(1), time.monotonic(), 0.0, 0, 0  # noqa: S311
    command = [sys.executable, "-m", "research.kill9", str(folder), "--child", str(run), str(slices), str(epochs)]
    while True:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        patience = rng.randrange(30, 150) if killed < kills else 0
        for seen, line in enumerate(child.stdout or (), start=1):
            steps = int(line.split()[1])
            if seen == patience:
                child.send_signal(signal.SIGKILL)
        _, status, usage = os.wait4(child.pid, 0)
        peak = max(peak, usage.ru_maxrss / 1024)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    if os.waitstatus_to_exitcode(status) or killed < kills:
        raise SystemExit(f"{run.name}: ended with status {status} after {killed} kills; {kills} were wanted")
    return Outcome(run, killed, time.monotonic() - started, peak, steps)


def same_weights(folder: Path, first: Path, second: Path, slices: int, epochs: int) -> bool:
    """Whether two runs ended in the same bits: weights, optimiser's state and the best epoch's weights."""
    found = []
    with Library.open(folder / "library") as library:
        for run in (first, second):
            job = job_of(library, run, slices, epochs)
            optimizer = make_optimizer(job)
            restore_state(run / LAST, network=job.network, optimizer=optimizer)
            last = {key: value.clone() for key, value in job.network.state_dict().items()}
            moments = [state["momentum_buffer"].clone() for state in optimizer.state.values()]
            restore_weights(run / BEST, job.network)
            found.append([*last.values(), *moments, *job.network.state_dict().values()])
    return len(found[0]) == len(found[1]) and all(torch.equal(*pair) for pair in zip(*found, strict=True))


def main() -> None:
    """Draw, train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slices", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--child", nargs=3, metavar=("RUN", "SLICES", "EPOCHS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        train_here(asked.folder, Path(asked.child[0]), int(asked.child[1]), int(asked.child[2]))
        return
    draw(asked.folder)
    runs = Path(asked.folder, "runs", time.strftime("%Y%m%d-%H%M%S"))
    plans = (("quarter", asked.slices // 4, 0), ("unbroken", asked.slices, 0), ("broken", asked.slices, asked.kills))
    outcomes = {
        name: train_in_child(asked.folder, runs / name, slices, asked.epochs, kills) for name, slices, kills in plans
    }
    for name, one in outcomes.items():
        print(f"{name}: {one.steps} steps, killed {one.kills} times, {one.seconds:.0f} s, peak {one.peak_mib:.0f} MiB")
    same = same_weights(asked.folder, outcomes["unbroken"].run, outcomes["broken"].run, asked.slices, asked.epochs)
    ratio = outcomes["unbroken"].peak_mib / outcomes["quarter"].peak_mib
    print(json.dumps({"same_weights": same, "peak_ratio_to_a_quarter": round(ratio, 3)}))
    if not same:
        raise SystemExit("the weights differ")


if __name__ == "__main__":
    main()
