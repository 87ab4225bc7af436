"""A library in memory around hand-made heads, so that an evaluation's answer is known beforehand.

The tiny network (tests/tiny_models.py) calls a slice positive exactly where it shows a bleed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bregma.catalogue.records import ScanRecord
from bregma.scan.errors import LibraryError
from bregma.scan.study import Slice
from bregma.scan.volume import Volume
from tiny_models import head_scan


@dataclass
class Head:
    """A scan in the library and what is said of it.

    Attributes:
        uid: Series Instance UID.
        bleeds: radius in mm by slice: what the network will see.
        truth: what is said of each slice; None is unknown.
        scan_truth: what is said of the scan.
        mask: (D, H, W) or None.
        part: of the split.
    """

    uid: str
    bleeds: dict[int, float] = field(default_factory=dict)
    truth: Sequence[float | None] = (0,) * 10
    scan_truth: float | None = 0.0
    mask: np.ndarray | None = None
    part: str = "test"
    patient: str = ""
    study: str = ""
    noise: int = 0
    damaged: bool = False

    def volume(self) -> Volume:
        volume = head_scan(slices=len(self.truth), bleeds=self.bleeds).volume
        values = volume.values.copy()
        values[:, 0, 0] = -1000 + (self.noise or zlib.crc32(self.uid.encode()) % 800)
        return Volume(values, volume.geometry)


class Memory:
    """What an evaluation asks of a library, answered from memory."""

    def __init__(self, *heads: Head) -> None:
        self.heads = {head.uid: head for head in heads}

    def scans(self, split: str | None = None, part: str | None = None) -> list[ScanRecord]:
        return [_record(head) for head in self.heads.values() if split is None or part in (None, head.part)]

    def volume(self, series_uid: str) -> Volume:
        head = self.heads[series_uid]
        if head.damaged:
            raise LibraryError(f"volume of series {series_uid} is damaged")
        return head.volume()

    def slice_values(self, series_uid: str, index: int) -> np.ndarray:
        return self.heads[series_uid].volume().values[index]

    def slice_targets(self, series_uid: str, finding: str, *, sources=None) -> tuple[np.ndarray, np.ndarray]:
        truth = self.heads[series_uid].truth
        known = np.array([value is not None for value in truth])
        return np.array([value or 0.0 for value in truth], dtype=np.float32), known

    def scan_target(self, series_uid: str, finding: str, *, sources=None) -> float | None:
        return self.heads[series_uid].scan_truth

    def mask(self, series_uid: str, finding: str = "any") -> np.ndarray | None:
        return self.heads[series_uid].mask

    def slice_mask_known(self, series_uid: str, finding: str = "any") -> np.ndarray:
        return np.array([value is not None for value in self.heads[series_uid].truth])


def bleeding(uid: str, first: int = 3, last: int = 6, **parts) -> Head:
    """A head that bleeds from slice `first` to before slice `last`, and is said to."""
    bleeds = dict.fromkeys(range(first, last), 12.0)
    truth = [float(index in bleeds) for index in range(10)]
    return Head(uid, bleeds, **{"truth": truth, "scan_truth": 1.0, **parts})


def blood_of(head: Head) -> np.ndarray:
    """(D, H, W) where a head has blood."""
    return head.volume().values == 75


def _record(head: Head) -> ScanRecord:
    scan = head_scan(slices=len(head.truth))
    slices = tuple(Slice(s.index, s.file, s.frame, f"{head.uid}.{s.index}", s.z_mm, s.gap_mm) for s in scan.slices)
    return ScanRecord(
        series_uid=head.uid,
        study_uid=head.study or f"study-{head.uid}",
        patient=head.patient or f"patient-{head.uid}",
        modality="CT",
        slices=slices,
        shape=scan.volume.values.shape,
        geometry=scan.volume.geometry,
    )
