"""The real RSNA 2019 scans: parts alike in all six findings, no patient in two of them."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from bregma.catalogue.stratify import Patients, divide, gaps
from bregma.scan.terms import FINDINGS

GOAL_POINTS = 0.2
NAMES = [term.name for term in FINDINGS]


@pytest.fixture(scope="module")
def rows(real_ct: Path) -> list[dict[str, str]]:
    with gzip.open(real_ct / "tables" / "rsna_scan_labels.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


@pytest.mark.real_data
@pytest.mark.parametrize(
    "shares", [(0.085, 0.015, 0.9), (0.85, 0.15), (0.8, 0.1, 0.1)], ids=["10 % subset, 85:15", "85:15", "80:10:10"]
)
def test_the_real_scans_come_within_the_goal(rows: list[dict[str, str]], shares: tuple[float, ...]) -> None:
    names = sorted({row["PatientID"] for row in rows})
    assert (len(rows), len(names)) == (15_586, 13_642)
    number = {name: index for index, name in enumerate(names)}
    patient = np.array([number[row["PatientID"]] for row in rows])
    labels = np.array([[int(row[name]) for name in NAMES] for row in rows])
    count = np.bincount(patient)
    positive = np.zeros((len(names), 6), dtype=np.int64)
    np.add.at(positive, patient, labels)
    patients = Patients(positive, np.repeat(count[:, None], 6, axis=1), count)

    part = divide(patients, shares, np.random.default_rng(0))
    assert gaps(patients.totals(part, len(shares))).max() <= GOAL_POINTS

    side = part[patient]  # counted again, scan by scan
    prevalence = np.stack([labels[side == p].mean(axis=0) for p in range(len(shares))])
    assert (100 * (prevalence.max(axis=0) - prevalence.min(axis=0))).max() <= GOAL_POINTS
    groups = [{row["PatientID"] for row, at in zip(rows, side, strict=True) if at == p} for p in range(len(shares))]
    assert sum(map(len, groups)) == len(set().union(*groups)) == len(names)
    assert np.array([len(group) for group in groups]) == pytest.approx(len(names) * np.array(shares), abs=1)
