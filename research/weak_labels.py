"""Weak against strong labels on drawn heads: the arms of Kodandarama et al., trained alike and measured alike.

    python -m research.weak_labels hide LIBRARY [--split compare]
    python -m research.weak_labels commands LIBRARY RUNS [--seeds 3] [--set key=value ...] > runs.txt
    xargs -d '\n' -P 2 -I {} sh -c {} < runs.txt
    bregma evaluate RUNS/*/package --library LIBRARY --split compare:test --group

`hide` takes a library in which everything is labelled and adds sources that know only a part of it; a recipe's
`labels.sources` then says whose labels an arm may learn from. Every arm sees as many slices and steps. The validation
part, which chooses the epoch, is labelled slice by slice for every arm alike.
"""

from __future__ import annotations

import argparse
import csv
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.records import ScanRecord
from bregma.scan.labels import Level
from bregma.scan.terms import FINDINGS

NAMES = tuple(term.name for term in FINDINGS)
SLICES, SCANS, ALL_SLICES, ALL_SCANS, VALIDATION = (
    f"weak:{word}" for word in ("slices", "scans", "all-slices", "all-scans", "validation")
)
LABELLED_SLICES, LABELLED_SCANS = 0.2, 0.5
"""Shares of the training patients whose slices, or only whose scans, are labelled; of the rest nothing is known."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of learning.

    Attributes:
        name: of the run folders.
        recipe: one of ours.
        sources: whose labels it may learn from.
        mix: scans per step with labelled slices, with only the scan labelled, and without a label.
    """

    name: str
    recipe: str
    sources: tuple[str, ...]
    mix: tuple[int, ...]


ARMS = (
    Arm("strong", "ich_slices", (ALL_SLICES,), (8, 0, 0)),
    Arm("scans_max", "ich_scans", (ALL_SCANS,), (0, 8, 0)),
    Arm("scans_mean", "ich_scans_mean", (ALL_SCANS,), (0, 8, 0)),
    Arm("part", "ich_slices", (SLICES,), (8, 0, 0)),
    Arm("mixed", "ich_mixed", (SLICES, SCANS), (3, 5, 0)),
    Arm("shuffled", "ich_heterogeneous", (SLICES, SCANS), (2, 4, 2)),
    Arm("literal", "ich_heterogeneous_literal", (SLICES, SCANS), (2, 4, 2)),
)
"""All slices; all scans, by maximum and mean; a fifth of the slices; that and half of the scans; and the others."""


def hide(library: Library, split: str) -> None:
    """Add the sources that know a part. Who knows what is drawn by patient, always the same way."""
    training = library.scans(split, "train")
    patients = sorted({record.patient for record in training})
    order = np.random.default_rng(0).permutation(patients).tolist()
    first, second = (round(share * len(order)) for share in (LABELLED_SLICES, LABELLED_SLICES + LABELLED_SCANS))
    few, more = set(order[:first]), set(order[first:second])
    known = {
        SLICES: [record for record in training if record.patient in few],
        SCANS: [record for record in training if record.patient in more],
        ALL_SLICES: training,
        ALL_SCANS: training,
        VALIDATION: library.scans(split, "validation"),
    }
    with TemporaryDirectory() as folder:
        table = Path(folder) / "weak.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["series_uid", "level", "part", *NAMES, "source"])
            for source, records in known.items():
                for record in records:
                    level = Level.SCAN if source in {SCANS, ALL_SCANS} else Level.SLICE
                    writer.writerows(_rows(library, record, level, source))
        import_labels(library, table)


def _rows(library: Library, record: ScanRecord, level: Level, source: str) -> Iterator[list[str]]:
    """What a source says of a scan, or of each of its slices."""
    per_finding = [library.slice_targets(record.series_uid, name, sources=["phantom"])[0] for name in NAMES]
    truth = np.stack(per_finding, axis=1)
    if level is Level.SCAN:
        yield [record.series_uid, level.value, "", *(f"{value:g}" for value in truth.max(axis=0)), source]
        return
    for one, values in zip(record.slices, truth, strict=True):
        part = one.sop_instance_uid or str(one.index)
        yield [record.series_uid, level.value, part, *(f"{value:g}" for value in values), source]


def commands(library: Path, runs: Path, *, split: str, seeds: int, steps: int, changes: list[str]) -> Iterator[str]:
    """One training command per arm and seed, seed by seed, each of as many steps."""
    with Library.open(library) as opened:
        training = len(opened.scans(split, "train"))
    for seed in range(seeds):
        for arm in ARMS:
            epoch = steps_per_epoch(arm, training)
            own = [
                f"labels.sources={[*arm.sources, VALIDATION]}",
                f"batches.scans={sum(arm.mix)}",
                f"batches.mix={list(arm.mix)}",
                f"optimizer.epochs={round(steps / epoch)}",
                f"loop.validate_every={max(1, round(steps / epoch / 4))}",
            ]
            settings = " ".join(f"--set {shlex.quote(change)}" for change in [*own, *changes])
            yield (
                f"bregma train {arm.recipe} --library {library} --run {runs / f'{arm.name}-{seed}'} "
                f"--split {split} --seed {seed} {settings}"
            )


def steps_per_epoch(arm: Arm, training: int) -> int:
    """Steps until each scan that the arm may learn from was shown once."""
    few, more = round(LABELLED_SLICES * training), round(LABELLED_SCANS * training)
    scans = {
        SLICES: (few, more, training - few - more),
        ALL_SLICES: (training, 0, 0),
        ALL_SCANS: (0, training, 0),
    }[arm.sources[0]]
    return max(-(-count // share) for count, share in zip(scans, arm.mix, strict=True) if share)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("hide", "commands"))
    parser.add_argument("library", type=Path)
    parser.add_argument("runs", type=Path, nargs="?", default=Path("runs"))
    parser.add_argument("--split", default="compare")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--set", action="append", default=[], help="a change for every arm")
    asked = parser.parse_args()
    if asked.task == "hide":
        with Library.open(asked.library) as library:
            hide(library, asked.split)
        return
    for line in commands(
        asked.library, asked.runs, split=asked.split, seeds=asked.seeds, steps=asked.steps, changes=asked.set
    ):
        print(line)


if __name__ == "__main__":
    main()
