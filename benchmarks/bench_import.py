"""Import into a library: studies per minute with two workers, and memory over many scans.

The input is one study of 32 slices of 512 x 512 under many UIDs, written as DICOM files first. The peer is the loop
that people write: pydicom in one process, float rescale, one .npy per series, no checks, no database.
Memory is measured over 1,000 (or BREGMA_BENCH_SCANS) smaller scans: how much the importing process has grown by.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import generate_uid

from bregma.catalogue.ingest import import_scans, store_found
from bregma.catalogue.library import Library
from bregma.io.candidate import Candidate, Discovery
from bregma.phantom.studies import write_studies
from bregma.scan.study import Series, Slice, Source
from bregma.scan.volume import Geometry, Scan, Volume

ROOT = Path(os.environ.get("BREGMA_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
STUDY = ROOT / "ct" / "rsna_study_unlabelled"
STUDIES, GOAL_PER_MINUTE = 40, 60.0
SCANS = int(os.environ.get("BREGMA_BENCH_SCANS", "1000"))
SIZE = int(os.environ.get("BREGMA_BENCH_SIZE", "64"))
GOAL_GROWTH_MB = 32.0


def main() -> None:
    warnings.filterwarnings("ignore", message="Invalid value for VR UI")  # the RSNA data set's own ids
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_input(folder / "in")
        with Library.create(folder / "lib") as library:
            start = time.perf_counter()
            report = import_scans(library, folder / "in", workers=2)
            ours = 60.0 * STUDIES / (time.perf_counter() - start)
        if len(report.stored) != STUDIES:
            raise AssertionError(f"{len(report.stored)} of {STUDIES} studies stored: {report.refused[:1]}")
        with Library.open(folder / "lib") as library:
            start = time.perf_counter()
            again = import_scans(library, folder / "in", workers=2)
            known = 60.0 * STUDIES / (time.perf_counter() - start)
        if len(again.already) != STUDIES:
            raise AssertionError(f"{len(again.already)} of {STUDIES} studies known at the second import")
        peer = _peer(folder)
    print(
        f"import, {STUDIES} studies of 32 x 512 x 512, two workers: {ours:.0f} studies a minute "
        f"(goal >= {GOAL_PER_MINUTE:.0f}), {ours / peer:.1f}x pydicom and np.save in one process ({peer:.0f}); "
        f"again {known:.0f} a minute"
    )
    _memory()


def _memory() -> None:
    told: list[float] = []

    def progress(done: int, total: int) -> None:
        if done % (total // 10) == 0:
            told.append(_resident_mb())

    candidates = tuple(Candidate(Path(), "dicom", f"2.25.{n}", "", "", ()) for n in range(SCANS))
    with tempfile.TemporaryDirectory() as name, Library.create(Path(name) / "lib") as library:
        found = Discovery(Path(), candidates, ())
        report = store_found(library, found, partial(_made_up, SIZE), workers=2, progress=progress)
    if len(report.stored) != SCANS:
        raise AssertionError(f"{len(report.stored)} of {SCANS} scans stored: {report.refused[:1]}")
    growth = told[-1] - told[0]
    print(
        f"import, memory of the importing process over {SCANS} scans: {told[0]:.0f} MB after a tenth, "
        f"{told[-1]:.0f} MB at the end, {growth:+.1f} MB (goal <= {GOAL_GROWTH_MB:.0f}); "
        f"largest worker ever {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3:.0f} MB"
    )


def _made_up(size: int, candidate: Candidate) -> Scan:
    """32 slices that no other candidate has."""
    values = np.random.default_rng(int(candidate.series_uid[5:])).integers(-1024, 1000, (32, size, size))
    origins = np.arange(32.0)[:, None] * np.array([0.0, 0.0, 5.0])
    geometry = Geometry(size, size, origins, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (0.5, 0.5))
    uid = candidate.series_uid
    slices = tuple(Slice(i, f"{i}.dcm", None, f"{uid}.{i}", 5.0 * i, 5.0) for i in range(32))
    series = Series(f"patient {uid}", f"{uid}.1", uid, "CT")
    return Scan(series, Source(Path(), (), "dicom"), slices, Volume(values.astype(np.int16), geometry))


def _write_input(folder: Path) -> None:
    """One study under many UIDs: the real one, or a phantom where there is none."""
    source = STUDY
    if not STUDY.is_dir():
        write_studies(folder.parent / "phantom", count=1, seed=0)
        source = folder.parent / "phantom" / "scans"
    slices = [pydicom.dcmread(path) for path in sorted(source.rglob("*.dcm"))]
    for number in range(STUDIES):
        study, series, target = generate_uid(), generate_uid(), folder / f"{number:04}"
        target.mkdir(parents=True)
        for index, one in enumerate(slices):
            one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID = f"bench-{number}", study, series
            one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            one.save_as(target / f"{index:03}.dcm")


def _peer(folder: Path) -> float:
    """Studies a minute of the plain loop, over a quarter of them."""
    studies = sorted((folder / "in").iterdir())[: max(STUDIES // 4, 1)]
    start = time.perf_counter()
    for study in studies:
        slices = [pydicom.dcmread(path) for path in study.iterdir()]
        slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
        volume = np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices])
        np.save(folder / f"{study.name}.npy", volume.astype(np.int16))
    return 60.0 * len(studies) / (time.perf_counter() - start)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
