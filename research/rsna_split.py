"""How alike the parts of a split of the real RSNA 2019 scans are: gaps in prevalence, patients shared, seconds.

    python -m research.rsna_split [TABLE]

TABLE is a CSV, gzip or not, with PatientID and one column per finding, one scan a row; without one, the 15,586 scans
beside the checkout (../shared/data/ct/tables/rsna_scan_labels.csv.gz), which are no part of the project.
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.stratify import TOLERANCE, Patients, divide, gaps
from bregma.scan.terms import FINDINGS

TABLE = Path(__file__).parents[2] / "shared" / "data" / "ct" / "tables" / "rsna_scan_labels.csv.gz"
NAMES = tuple(term.name for term in FINDINGS)
GOAL_POINTS = 0.2
SEEDS = range(5)

PLANS = {
    "10 % subset, 85:15": (0.085, 0.015, 0.9),
    "85:15": (0.85, 0.15),
    "80:10:10": (0.8, 0.1, 0.1),
    "five folds": (0.2,) * 5,
}
"""Shares of the patients; the last of the first plan is what the subset leaves out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one plan with one seed.

    Attributes:
        gaps: (K,) percentage points between the parts, what a subset leaves out being one of them.
        scans: of each part.
        shared: patients with scans in two parts, counted from the scans.
        seconds: of the division.
    """

    gaps: NDArray[np.float64]
    scans: tuple[int, ...]
    shared: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Scans:
    """The table: (S,) patient number of each scan, and (S, K) whether it has each finding."""

    patient: NDArray[np.int64]
    positive: NDArray[np.int64]

    def patients(self) -> Patients:
        """The scans of each patient, added up."""
        count = np.bincount(self.patient)
        positive = np.zeros((len(count), self.positive.shape[1]), dtype=np.int64)
        np.add.at(positive, self.patient, self.positive)
        return Patients(positive, np.repeat(count[:, None], positive.shape[1], axis=1), count)


def read_table(path: Path) -> Scans:
    """Every scan of the table; all six findings of all scans are known in it."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    number = {name: index for index, name in enumerate(sorted({row["PatientID"] for row in rows}))}
    positive = np.array([[int(row[name]) for name in NAMES] for row in rows], dtype=np.int64)
    return Scans(np.array([number[row["PatientID"]] for row in rows], dtype=np.int64), positive)


def run(scans: Scans, shares: tuple[float, ...], seed: int) -> Outcome:
    """Divide the patients once and count what came of it scan by scan."""
    start = time.perf_counter()
    part = divide(scans.patients(), shares, np.random.default_rng(seed))
    return _outcome(scans, part[scans.patient], len(shares), time.perf_counter() - start)


def run_at_random(scans: Scans, shares: tuple[float, ...], seed: int) -> Outcome:
    """The same by patient and by chance alone, to compare with."""
    part = np.random.default_rng(seed).choice(len(shares), size=int(scans.patient.max()) + 1, p=shares)
    return _outcome(scans, part[scans.patient], len(shares), 0.0)


def floor_points(scans: Scans, shares: tuple[float, ...]) -> float:
    """Percentage points below which whole scans let no split get, were every scan free to go anywhere.

    A part of n scans has whole positives, so its prevalence misses that of all scans by at least |round(p n) / n - p|,
    and then another part misses it the other way. n may vary by the tolerance of the splitter.
    """
    prevalence = scans.positive.mean(axis=0)
    floors = []
    for share in shares:
        wanted = share * len(scans.patient)
        sizes = np.arange(np.ceil((1 - TOLERANCE) * wanted), (1 + TOLERANCE) * wanted + 1e-9)
        missed = np.abs(np.rint(sizes[:, None] * prevalence) / sizes[:, None] - prevalence)
        floors.append(float(missed.max(axis=1).min()))
    return 100.0 * max(floors)


def _outcome(scans: Scans, part: NDArray[np.int64], parts: int, seconds: float) -> Outcome:
    """From the part of every scan, so that a mistake in the division of patients would show."""
    columns = np.concatenate([scans.positive, np.ones_like(scans.positive), np.ones((len(part), 1), np.int64)], axis=1)
    totals = np.zeros((parts, columns.shape[1]))
    np.add.at(totals, part, columns)
    sides = defaultdict[int, set[int]](set)
    for patient, side in zip(scans.patient.tolist(), part.tolist(), strict=True):
        sides[patient].add(side)
    shared = sum(len(where) > 1 for where in sides.values())
    return Outcome(gaps(totals), tuple(int(n) for n in totals[:, -1]), shared, seconds)


def main() -> None:
    """Print one Markdown table."""
    scans = read_table(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
    print(
        f"{len(scans.patient)} scans of {scans.patient.max() + 1} patients, seeds {SEEDS.start} to {SEEDS.stop - 1}\n"
    )
    print("| plan | smallest part | " + " | ".join(NAMES) + " | largest gap | floor | by chance | shared | seconds |")
    print("|---|---|" + "---|" * (len(NAMES) + 5))
    for plan, shares in PLANS.items():
        found = [run(scans, shares, seed) for seed in SEEDS]
        worst = np.max([one.gaps for one in found], axis=0)
        chance = [float(run_at_random(scans, shares, seed).gaps.max()) for seed in SEEDS]
        cells = [f"{min(min(one.scans) for one in found)} scans", *(f"{gap:.3f}" for gap in worst)]
        cells += [f"{worst.max():.3f}", f"{floor_points(scans, shares):.3f}", f"{np.mean(chance):.2f}"]
        cells += [str(sum(one.shared for one in found)), f"{max(one.seconds for one in found):.1f}"]
        print(f"| {plan} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
