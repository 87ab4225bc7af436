"""Indexes to search, and what a plain search of all of their entries answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.retrieval.entry import Entry
from bregma.retrieval.index import Index
from bregma.retrieval.where import Where
from bregma.scan.tumour import VoxelBox

DIGEST = "d" * 64
TYPES = ("metastasis", "meningioma", "schwannoma")
SIDES = ("left", "right")
Floats = NDArray[np.float32]


def entry(case: str, number: int = 1, *, patient: str = "p", **said: object) -> Entry:
    """An entry about which little is known."""
    box = VoxelBox((2, 3, 4), (5, 9, 11))
    return Entry(case=case, number=number, patient=patient, modality="MR", box=box, best_slice=3, **said)  # type: ignore[arg-type]


def entries(count: int, rng: np.random.Generator, *, patients: int = 0) -> list[Entry]:
    """Entries with random labels, sizes and dates, each of them unknown now and then."""
    found = []
    for number in range(count):
        labels = {"type": TYPES[rng.integers(3)], "side": SIDES[rng.integers(2)]}
        labels = {name: term for name, term in labels.items() if rng.random() < 0.9}
        size = float(np.float32(rng.lognormal())) if rng.random() < 0.9 else None
        date = f"20{rng.integers(10, 25):02d}0{rng.integers(1, 9)}11" if rng.random() < 0.9 else None
        who = f"p{rng.integers(patients or max(count // 2, 1))}"
        case = f"1.2.{number // 2}"
        found.append(entry(case, number % 2, patient=who, labels=labels, volume_ml=size, longest_mm=size, date=date))
    return found


def build(folder: Path, vectors: Floats, known: Sequence[Entry], form: str = "float32") -> Index:
    """An index of one segment."""
    index = Index.create(folder, digest=DIGEST, width=vectors.shape[1], form=form)
    index.add(vectors, known, digest=DIGEST)
    return index


def brute_force(
    vector: Floats,
    vectors: Floats,
    known: Sequence[Entry],
    *,
    patient: str | None = None,
    case: str | None = None,
    top: int = 10,
    where: Where | None = None,
    per_patient: bool = False,
) -> list[tuple[tuple[str, int], float]]:
    """(key, distance) of the answer, by measuring and sorting everything."""
    apart = np.sqrt(np.square(vectors.astype(np.float64) - vector.astype(np.float64)).sum(axis=1))
    ranked = sorted((float(apart[row]), one.key, one) for row, one in enumerate(known))
    answer: list[tuple[tuple[str, int], float]] = []
    seen: set[str] = set()
    for distance, key, one in ranked:
        if one.patient == patient or one.case == case or not (where or Where()).holds(one):
            continue
        if per_patient and one.patient in seen:
            continue
        seen.add(one.patient)
        answer.append((key, distance))
    return answer[:top]
