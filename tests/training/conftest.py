"""A library small enough to train on in seconds: ten drawn heads of 32 x 32 pixels that a child could sort."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bregma.catalogue.records import ScanRecord
from bregma.catalogue.targets import Statements
from bregma.scan.study import Slice
from bregma.scan.volume import Geometry, Volume
from bregma.training.recipe import Recipe, load_recipe

SLICES, SIDE = 5, 32
ALL_FINDINGS = 63

TINY = {
    "preprocessing.pixel_mm": 8,
    "network.growth": 2,
    "network.layers": 1,
    "network.hidden": 3,
    "network.branch": 2,
    "optimizer.epochs": 2,
    "loop.save_every": 2,
}


class DrawnLibrary:
    """What training asks of a library, without a database: squares of 60 HU in a disc of 30 HU are blood."""

    def __init__(self, root: Path, count: int = 10) -> None:
        self.layout = SimpleNamespace(root=root)
        self._bleeds = {f"1.2.{number}": number % 2 == 1 for number in range(count)}

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        uids = list(self._bleeds)
        chosen = uids[: len(uids) * 6 // 10] if part == "train" else uids[len(uids) * 6 // 10 :]
        return [self._record(uid) for uid in chosen if split == "default"]

    def volume(self, series_uid: str) -> Volume:
        rng = np.random.default_rng(int(series_uid[4:]))
        rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
        disc = np.where(np.hypot(rows, columns) < 13, 30, -1000)
        values = np.repeat(disc[None], SLICES, axis=0) + rng.integers(-3, 4, (SLICES, SIDE, SIDE))
        values[self._mask(series_uid)] = 70
        return Volume(values.astype(np.int16), self._record(series_uid).geometry)

    def mask(self, series_uid: str, finding: str = "any") -> Any:
        return self._mask(series_uid)

    def sources(self) -> list[str]:
        return ["phantom"]

    def statements(self, series_uid: str) -> Statements:
        """Somebody drew every finding on every slice: the squares, or nothing."""
        present = np.where(self._mask(series_uid).any(axis=(1, 2)), ALL_FINDINGS, 0).astype(np.uint8)
        drawn = ("phantom", np.full(SLICES, ALL_FINDINGS, np.uint8), present)
        return Statements(tuple(f"{series_uid}.{index}" for index in range(SLICES)), (), (drawn,))

    def _mask(self, series_uid: str) -> Any:
        mask = np.zeros((SLICES, SIDE, SIDE), dtype=np.bool_)
        mask[1:4, 10:18, 12:20] = self._bleeds[series_uid]
        return mask

    def _record(self, series_uid: str) -> ScanRecord:
        origins = np.stack([np.full(SLICES, -124.0), np.full(SLICES, -124.0), 5.0 * np.arange(SLICES)], axis=1)
        geometry = Geometry(SIDE, SIDE, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (8.0, 8.0))
        slices = tuple(Slice(i, f"{i}.dcm", None, f"{series_uid}.{i}", 5.0 * i, 5.0) for i in range(SLICES))
        facts: dict[str, str | float] = {"ManufacturerModelName": "Phantom"}
        return ScanRecord(series_uid, series_uid, series_uid, "CT", slices, (SLICES, SIDE, SIDE), geometry, facts)


@pytest.fixture
def drawn_library(tmp_path: Path) -> DrawnLibrary:
    return DrawnLibrary(tmp_path)


@pytest.fixture
def tiny_recipe() -> Recipe:
    """RADnet, all parts of it, at 32 x 32 pixels."""
    return load_recipe("radnet", TINY)
