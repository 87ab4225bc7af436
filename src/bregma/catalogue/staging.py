"""From a candidate to a finished file in `incoming`, in a worker process.

A worker reads, checks and compresses; it never touches the database. One scan is in its memory at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bregma.catalogue.layout import Layout
from bregma.catalogue.steps import OnStep, Step, pass_by
from bregma.catalogue.store import pack, write_new
from bregma.io.candidate import Candidate
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Remark, Series, Slice
from bregma.scan.volume import Geometry, Scan

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """A scan whose pixels lie in `incoming`, on the disk, waiting for their row.

    Attributes:
        series: identifiers and facts.
        media: "dicom", "nifti" or "png".
        slices: foot to head.
        shape: (D, H, W).
        geometry: where the pixels lie.
        warnings: remarks.
        excluded: files of the series outside the volume.
        content: digest of what the scan is, wherever its files lie.
        stamp: digest of where its files lay, their sizes and times.
        temporary: the file in `incoming`.
        volume: digest of that file.
        size: its bytes.
    """

    series: Series
    media: str
    slices: tuple[Slice, ...]
    shape: tuple[int, int, int]
    geometry: Geometry | None
    warnings: tuple[Remark, ...]
    excluded: tuple[Refusal, ...]
    content: str
    stamp: str
    temporary: Path
    volume: str
    size: int


Load = Callable[[Candidate], Scan]
Refused = tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Staging:
    """What a worker is told once.

    Attributes:
        layout: of the library.
        load: opens a candidate; raises RefusedError.
        on_step: called at each step.
    """

    layout: Layout
    load: Load
    on_step: OnStep = pass_by

    def __call__(self, candidate: Candidate) -> Staged | Refused:
        """Stage one candidate, or say why not."""
        stamp = stamp_of(candidate)
        try:
            scan = self.load(candidate)
        except RefusedError as error:
            return refused(candidate, error.code, error.reason)
        except Exception as error:  # noqa: BLE001  one scan must not end an import of thousands
            _log.debug("series %s failed to load", candidate.series_uid, exc_info=True)
            reason = f"reading the series failed with {type(error).__name__}, which is a fault of Bregma: report it"
            return refused(candidate, "reader_failed", reason)
        self.on_step(Step.LOADED)
        if scan.refusal is not None:
            return (scan.refusal, *scan.excluded)
        return self._write(scan, stamp)

    def _write(self, scan: Scan, stamp: str) -> Staged:
        data = pack(scan.volume.values)
        self.on_step(Step.COMPRESSED)
        temporary = self.layout.new_file()
        write_new(temporary, data)
        self.on_step(Step.WRITTEN)
        return Staged(
            series=scan.series,
            media=scan.source.media,
            slices=scan.slices,
            shape=scan.volume.values.shape,
            geometry=scan.volume.geometry,
            warnings=scan.warnings,
            excluded=scan.excluded,
            content=content_of(scan),
            stamp=stamp,
            temporary=temporary,
            volume=hashlib.sha256(data).hexdigest(),
            size=len(data),
        )


def refused(candidate: Candidate, code: str, reason: str) -> Refused:
    """A candidate that is not taken, with the files that were set aside before."""
    return Refusal(code, reason, candidate.files, candidate.series_uid or None), *candidate.excluded


def other_content(staged: Staged) -> Refusal:
    """Why a series is not taken whose UID the library has with other pixels."""
    reason = (
        f"series {staged.series.series_uid} is in the library with other content; the stored one was kept: "
        "give changed pixels a series UID of their own"
    )
    return _refusal_of(staged, "other_content", reason)


def other_patient(staged: Staged) -> Refusal:
    """Why a series is not taken whose study the library has under another patient."""
    reason = (
        f"study {staged.series.study_uid} is in the library under another patient: correct the files, since a split "
        "by patient would tear the study apart"
    )
    return _refusal_of(staged, "other_patient", reason)


def _refusal_of(staged: Staged, code: str, reason: str) -> Refusal:
    files = tuple(sorted({one.file for one in staged.slices}))
    return replace(Refusal(code, reason), files=files, series_uid=staged.series.series_uid)


def content_of(scan: Scan) -> str:
    """SHA-256 of what a scan is: whose, its slices' UIDs, their place (to 1 um) and their values."""
    geometry = scan.volume.geometry
    origins = None if geometry is None else (geometry.origins.round(3) + 0.0).tolist()
    about = {
        "patient": scan.series.patient,
        "study": scan.series.study_uid,
        "slices": [one.sop_instance_uid for one in scan.slices],
        "geometry": geometry_fields(geometry),
        "origins": origins,
        "shape": list(scan.volume.values.shape),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(scan.volume.values.tobytes())
    return digest.hexdigest()


def geometry_fields(geometry: Geometry | None) -> dict[str, Any] | None:
    """What the series row keeps of a geometry; the origins go to the slices."""
    if geometry is None:
        return None
    return {
        "along_row": geometry.along_row.tolist(),
        "along_column": geometry.along_column.tolist(),
        "pixel_mm": [float(mm) for mm in geometry.pixel_mm],
    }


def stamp_of(candidate: Candidate) -> str:
    """SHA-256 of which scan a candidate is, where its files lie, how large they are and when they were written."""
    digest = hashlib.sha256(candidate.series_uid.encode())  # one file may hold two scans
    seen: dict[Path, tuple[int, int]] = {}
    for name in sorted(candidate.files):
        path = candidate.root / name.split("!/", 1)[0]
        if path not in seen:
            seen[path] = _size_and_time(path, candidate.root)
        digest.update(json.dumps([str(candidate.root.absolute()), name, *seen[path]]).encode())
    return digest.hexdigest()


def _size_and_time(path: Path, root: Path) -> tuple[int, int]:
    """Of a file; of the root when the root is itself the file or archive; zeros when it has gone meanwhile."""
    for one in (path, root):
        try:
            status = one.stat()
        except OSError:
            continue
        return status.st_size, status.st_mtime_ns
    return 0, 0
