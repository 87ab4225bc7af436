"""kill -9 at every labelled step: what was reported is there, no half file is used, and going on ends the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from catalogue_scans import find, load, values_of, write_labels, write_scan
from sqlalchemy import select

from bregma.catalogue.ingest import store_found
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.steps import Step
from bregma.catalogue.tables import Table

FORK = multiprocessing.get_context("fork")
LABEL_STEPS = (
    Step.TABLE_READ,
    Step.MASKS_WRITTEN,
    Step.LABELS_ADDED,
    Step.MASK_RENAMED,
    Step.LABELS_COMMITTED,
)
IMPORT_STEPS = [step for step in Step if step not in LABEL_STEPS]
UNSTABLE = {"id", "series_id", "study_id", "patient_id", "stored", "refused", "created"}


class Killer:
    """Kills its process with SIGKILL the n-th time that a step is taken."""

    def __init__(self, at: Step, times: int) -> None:
        self.at = at
        self.times = times

    def __call__(self, step: Step) -> None:
        self.times -= step is self.at
        if self.times == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(run: Callable[[], None]) -> bool:
    """Run something in a process of its own; whether it was killed."""
    process = FORK.Process(target=run)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def contents(library: Library) -> dict[str, object]:
    """Everything in a library but row numbers and times: rows of each table, and its files with their bytes."""
    found: dict[str, object] = {}
    with library.engine.connect() as connection:
        for table in Table.metadata.sorted_tables:
            if table.name != "library":
                columns = [column for column in table.c if column.name not in UNSTABLE]
                found[table.name] = sorted(str(tuple(row)) for row in connection.execute(select(*columns)))
    root = library.layout.root
    for folder in ("volumes", "masks", "incoming"):
        found[folder] = {
            str(path.relative_to(root)): path.read_bytes() for path in root.glob(f"{folder}/**/*") if path.is_file()
        }
    return found


def import_all(root: Path, folder: Path, log: Path, on_step: Callable[[Step], None]) -> None:
    """Import, and write down how many scans were reported as soon as they are."""
    with Library.open(root) as library:
        store_found(
            library,
            find(folder),
            load,
            workers=1,
            progress=lambda done, _: (log.write_text(str(done)), None)[1],
            on_step=on_step,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        write_scan(tmp_path / "in", str(number), number)
    (tmp_path / "in" / "3.npy").write_bytes(b"")
    (tmp_path / "in" / "letter.txt").write_text("dear")
    return tmp_path / "in"


@pytest.fixture
def unbroken(tmp_path: Path, folder: Path) -> dict[str, object]:
    with Library.create(tmp_path / "unbroken") as library:
        store_found(library, find(folder), load, workers=1)
        return contents(library)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", IMPORT_STEPS)
def test_an_import_killed_at_any_step_loses_nothing(
    tmp_path: Path, folder: Path, unbroken: dict[str, object], step: Step, times: int
) -> None:
    root, log = tmp_path / "lib", tmp_path / "reported"
    Library.create(root).close()
    log.write_text("0")
    died = killed(partial(import_all, root, folder, log, Killer(step, times)))
    assert died or (times == 2 and step in (Step.SWEPT, Step.REFUSED))
    with Library.open(root) as library:
        stored = [scan.series_uid for scan in library.scans()]
        assert stored[: min(int(log.read_text()), 3)] == [f"1.2.{n}" for n in range(min(int(log.read_text()), 3))]
        for uid in stored:
            np.testing.assert_array_equal(library.volume(uid).values, values_of(int(uid[-1])))
        report = store_found(library, find(folder), load, workers=1)
        assert report.already == stored
        assert sorted(report.stored + stored) == ["1.2.0", "1.2.1", "1.2.2"]
        assert contents(library) == unbroken


def label_all(root: Path, table: Path, on_step: Callable[[Step], None]) -> None:
    with Library.open(root) as library:
        import_labels(library, table, on_step=on_step)


@pytest.mark.parametrize("step", LABEL_STEPS)
def test_a_label_import_killed_at_any_step_is_all_or_nothing(tmp_path: Path, folder: Path, step: Step) -> None:
    table = write_labels(tmp_path / "said", find(folder))
    for name in ("unbroken", "lib"):
        with Library.create(tmp_path / name) as library:
            store_found(library, find(folder), load, workers=1)
            before = contents(library)
    with Library.open(tmp_path / "unbroken") as library:
        import_labels(library, table)
        unbroken = contents(library)
    assert killed(partial(label_all, tmp_path / "lib", table, Killer(step, 1)))
    with Library.open(tmp_path / "lib") as library:
        rows = {name: contents(library)[name] for name in ("label", "mask")}
        whole = unbroken if step is Step.LABELS_COMMITTED else before
        assert rows == {name: whole[name] for name in ("label", "mask")}
        import_labels(library, table)
        assert contents(library) == unbroken


PROGRAM = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from catalogue_scans import find, load
from bregma.catalogue.ingest import store_found
from bregma.catalogue.library import Library

def report(done, total):
    print(done, flush=True)
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    store_found(Library.open(Path({root!r})), find(Path({folder!r})), load, workers=2, progress=report)
"""


@pytest.mark.slow
def test_no_worker_outlives_a_killed_import(tmp_path: Path) -> None:
    folder, root = tmp_path / "in", tmp_path / "lib"
    for number in range(8):
        write_scan(folder, str(number), number)
    Library.create(root).close()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(tests=str(Path(__file__).parent), root=str(root), folder=str(folder)))
    ended = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False, timeout=120)
    # subprocess.run returns only when nobody holds its pipes any more, the workers included
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["1", "2", "3"]
    time.sleep(0.1)
    with Library.open(root) as library:
        assert {"1.2.0", "1.2.1", "1.2.2"} <= {scan.series_uid for scan in library.scans()}
        report = store_found(library, find(folder), load, workers=1)
        assert len(report.stored) + len(report.already) == 8
        for number in range(8):
            np.testing.assert_array_equal(library.volume(f"1.2.{number}").values, values_of(number))
