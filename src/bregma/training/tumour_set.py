"""Scans with tumours, prepared once: what patches are cut from.

Prepared scans lie in a folder and are read from there piece by piece, so that memory does not grow with their number.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bregma.preprocessing.tumour_mirror import left_right_axis
from bregma.preprocessing.tumour_view import PreparedMr, TumourView, prepare_mr, prepared_box, prepared_map
from bregma.scan.tumour import TumourMap, TumourScan, VoxelBox
from bregma.training.slice_cache import write_parts


@dataclass(frozen=True, slots=True, eq=False)
class TumourCase:
    """A prepared scan and its tumours.

    Attributes:
        series_uid: of the scan.
        patient: pseudonym.
        values: (D, H, W) float16 or float32, about 0 to 1; may lie on disk.
        map: (D, H, W) uint8, a tumour's number inside it.
        boxes: of its tumours, in prepared voxels.
        labels: of its tumours, criterion -> term; an unknown one is not in it.
        left_right: the axis along which left and right are exchanged; None when nobody knows.
    """

    series_uid: str
    patient: str
    values: NDArray[np.floating]
    map: TumourMap
    boxes: tuple[VoxelBox, ...]
    labels: tuple[Mapping[str, str], ...]
    left_right: int | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(D, H, W)."""
        slices, rows, columns = self.values.shape
        return slices, rows, columns


def make_case(scan: TumourScan, view: TumourView, *, folder: Path | None = None) -> TumourCase:
    """Prepare a scan; a prepared one that lies in the folder is taken from there.

    Args:
        scan: with its tumours.
        view: how it is shown.
        folder: where prepared scans are kept; None keeps them in memory.

    Raises:
        RefusedError: a value is no number.
    """
    prepared, numbers = _prepared(scan, view) if folder is None else _kept(scan, view, folder)
    return TumourCase(
        scan.series_uid,
        scan.patient,
        prepared.values,
        numbers,
        tuple(prepared_box(tumour.box, prepared) for tumour in scan.tumours),
        tuple(tumour.labels for tumour in scan.tumours),
        left_right_axis(scan.volume.geometry),
    )


def view_digest(view: TumourView) -> str:
    """SHA-256 over a view."""
    return hashlib.sha256(json.dumps(view.to_dict(), sort_keys=True).encode()).hexdigest()


def scan_digest(scan: TumourScan) -> str:
    """SHA-256 over which scan it is, where its tumours lie and what is known of them."""
    known = [[one.number, one.box.start, one.box.stop, sorted(one.labels.items())] for one in scan.tumours]
    words = json.dumps([scan.series_uid, scan.patient, known])
    return hashlib.sha256(words.encode() + scan.map.tobytes()).hexdigest()


def _prepared(scan: TumourScan, view: TumourView) -> tuple[PreparedMr, TumourMap]:
    prepared = prepare_mr(scan.volume, view)
    return prepared, prepared_map(scan.map, prepared)


def _kept(scan: TumourScan, view: TumourView, folder: Path) -> tuple[PreparedMr, TumourMap]:
    """The prepared scan on disk, values as float16: half as large, and still finer than any MR value is."""
    content = scan.volume.values.tobytes() + scan.map.tobytes()
    name = hashlib.sha256(scan.series_uid.encode() + content).hexdigest()[:32]
    within = folder / f"tumours-{view_digest(view)[:16]}"
    values, numbers = within / f"{name}.values.npy", within / f"{name}.map.npy"
    if not (values.exists() and numbers.exists()):
        within.mkdir(parents=True, exist_ok=True)
        prepared, drawn = _prepared(scan, view)
        write_parts(numbers, [_npy(drawn)])
        write_parts(values, [_npy(prepared.values.astype(np.float16))])
    kept = np.load(values, mmap_mode="r", allow_pickle=False)
    slices, rows, columns = (stored / length for stored, length in zip(scan.map.shape, kept.shape, strict=True))
    return PreparedMr(kept, (slices, rows, columns)), np.load(numbers, mmap_mode="r", allow_pickle=False)


def _npy(array: NDArray[np.generic]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()
