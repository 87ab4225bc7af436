"""Sizes of drawn lesions, known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bregma.retrieval.measure import best_slice, entries_of, known_volume_ml, longest_mm
from bregma.scan.tumour import TumourScan, VoxelBox, tumours_of_map
from bregma.scan.volume import Geometry, Volume


def grid(slices: int, *, pixel_mm: tuple[float, float] = (1.0, 1.0), gap_mm: float = 5.0) -> Geometry:
    origins = np.array([[0.0, 0.0, gap_mm * index] for index in range(slices)])
    return Geometry(40, 40, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), pixel_mm)


def test_a_box_is_as_long_as_its_diagonal() -> None:
    mask = np.zeros((2, 40, 40), bool)
    mask[0, 10:13, 5:9] = True  # 3 rows and 4 columns
    mask[1, 10, 5] = True
    assert longest_mm(mask, grid(2)) == pytest.approx(5.0, rel=1e-4)
    assert longest_mm(mask, grid(2, pixel_mm=(4.0, 0.5))) == pytest.approx(math.hypot(12, 2), rel=1e-4)
    assert best_slice(mask) == 0
    assert best_slice(np.ones((5, 2, 2), bool)) == 2
    assert best_slice(np.ones((4, 2, 2), bool)) == 1
    assert known_volume_ml(mask, grid(2)) == pytest.approx(13 * 5 / 1000)


def test_a_disc_is_as_long_as_its_diameter() -> None:
    rows, columns = np.mgrid[:40, :40]
    mask = ((rows - 20) ** 2 + (columns - 20) ** 2 <= 15**2)[None]
    assert longest_mm(mask, grid(1)) == pytest.approx(31, abs=0.5)


def test_what_cannot_be_measured_is_unknown() -> None:
    mask = np.ones((1, 40, 40), bool)
    assert known_volume_ml(mask, grid(1)) is None
    assert known_volume_ml(mask, None) is None
    assert longest_mm(mask, None) is None


def test_a_scan_gives_an_entry_for_each_tumour() -> None:
    numbers = np.zeros((3, 40, 40), np.uint8)
    numbers[1, 4:8, 4:8] = 2
    numbers[2, 4:6, 4:8] = 2
    numbers[2, 20, 20] = 5
    volume = Volume(np.zeros((3, 40, 40), np.int16), grid(3))
    tumours = tumours_of_map(numbers, {2: {"type": "glioma"}})
    first, second = entries_of(TumourScan("1.2", "p", volume, numbers, tumours, "20200101"), modality="MR")
    assert (first.key, first.patient, first.date, first.labels) == (("1.2", 2), "p", "20200101", {"type": "glioma"})
    assert (first.box, first.best_slice) == (VoxelBox((1, 4, 4), (3, 8, 8)), 1)
    assert first.volume_ml == pytest.approx(24 * 5 / 1000)
    assert (second.number, second.labels, second.best_slice) == (5, {}, 2)
