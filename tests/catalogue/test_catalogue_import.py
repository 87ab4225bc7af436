"""Import: once, whole, with every refusal kept; the originals stay as they are."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from catalogue_scans import find, load, values_of, write_scan
from sqlalchemy import select
from sqlalchemy.orm import Session

from bregma.catalogue.ingest import import_scans, store_found
from bregma.catalogue.library import Library
from bregma.catalogue.tables import RefusalRow, SeriesRow
from bregma.catalogue.workers import Work, in_order
from bregma.io.candidate import Candidate, Discovery
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal
from bregma.scan.volume import Scan


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        write_scan(tmp_path / "in", str(number), number)
    return tmp_path / "in"


def fail_on_two(candidate: Candidate) -> Scan:
    if candidate.series_uid == "1.2.2":
        raise ZeroDivisionError
    return load(candidate)


def die_on_two(candidate: Candidate) -> Scan:
    if candidate.series_uid == "1.2.2":
        os.kill(os.getpid(), signal.SIGKILL)
    return load(candidate)


def signals_held(_item: int) -> set[int]:
    """What waits in the worker that runs this."""
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def test_workers_are_born_deaf_to_ctrl_c_and_the_parent_is_not() -> None:
    work: Work[int, set[int]] = Work(lambda _item: None, signals_held, signals_held)
    assert [signal.SIGINT in held for held in in_order([1, 2], work, workers=2)] == [True, True]
    assert signal.SIGINT not in signals_held(0)


def never(candidate: Candidate) -> Scan:
    raise AssertionError(candidate)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_scan_is_stored_in_order_with_its_values(library: Library, folder: Path, workers: int) -> None:
    told: list[tuple[int, int]] = []
    report = store_found(
        library, find(folder), load, workers=workers, progress=lambda done, total: told.append((done, total))
    )
    assert report.stored == [f"1.2.{number}" for number in range(5)]
    assert (report.already, report.refused) == ([], [])
    assert told == [(done, 5) for done in range(1, 6)]
    for number in range(5):
        np.testing.assert_array_equal(library.volume(f"1.2.{number}").values, values_of(number))
    assert not list(library.layout.incoming.iterdir())


def test_the_same_again_is_known_without_reading_it(library: Library, folder: Path) -> None:
    store_found(library, find(folder), load, workers=1)
    report = store_found(library, find(folder), never, workers=1)
    assert (report.stored, report.already) == ([], [f"1.2.{number}" for number in range(5)])


def test_the_same_from_another_place_is_known_by_its_content(library: Library, folder: Path, tmp_path: Path) -> None:
    store_found(library, find(folder), load, workers=1)
    shutil.copytree(folder, tmp_path / "copy")
    report = store_found(library, find(tmp_path / "copy"), load, workers=1)
    assert (report.stored, len(report.already), report.refused) == ([], 5, [])
    assert len(library.scans()) == 5


def test_other_pixels_under_a_known_uid_are_refused_and_overwrite_nothing(library: Library, folder: Path) -> None:
    store_found(library, find(folder), load, workers=1)
    write_scan(folder, "3", 33)
    report = store_found(library, find(folder), load, workers=1)
    assert [refusal.code for refusal in report.refused] == ["other_content"]
    assert report.refused[0].series_uid == "1.2.3"
    assert report.refused[0].files == ("3.npy",)
    np.testing.assert_array_equal(library.volume("1.2.3").values, values_of(3))
    assert [refusal.code for refusal in library.refusals() if refusal.code != "scout"] == ["other_content"]


def test_a_study_stays_with_its_patient(library: Library, folder: Path) -> None:
    write_scan(folder, "8", 8, patient="patient-0", study="1.1.0")
    write_scan(folder, "9", 9, patient="somebody else", study="1.1.0")
    report = store_found(library, find(folder), load, workers=1)
    assert "1.2.8" in report.stored
    assert [(refusal.code, refusal.series_uid) for refusal in report.refused] == [("other_patient", "1.2.9")]
    assert library.patients()["patient-0"] == ["1.2.0", "1.2.8"]


def test_every_refusal_is_a_row_once(library: Library, folder: Path) -> None:
    (folder / "letter.txt").write_text("dear")
    (folder / "6.npy").write_bytes(b"")
    write_scan(folder, "7", 7)
    np.save(folder / "7.npy", np.zeros((2, 3, 4), np.int16))
    for _ in range(2):
        report = store_found(library, find(folder), load, workers=1)
        codes = [refusal.code for refusal in report.refused]
        assert codes == ["not_an_image", "truncated_pixels", "blank_image", "scout"]
    with Session(library.engine) as session:
        kept = session.scalars(select(RefusalRow.code).order_by(RefusalRow.id)).all()
    assert sorted(kept) == sorted([*codes, *["scout"] * 5])
    assert {(one.code, one.series_uid) for one in library.refusals()} == {
        (one.code, one.series_uid) for one in (*report.refused, *report.excluded)
    }
    assert len(library.scans()) == 5


def test_files_left_out_of_a_stored_scan_are_told_and_kept(library: Library, folder: Path) -> None:
    expected = [Refusal("scout", "a scout", ("scout.dcm",), f"1.2.{number}") for number in range(5)]
    for _ in range(2):
        report = store_found(library, find(folder), load, workers=1)
        assert report.refused == []
        assert report.excluded == expected
        assert library.refusals() == expected
    assert library.scan("1.2.3").excluded == (expected[3],)


def test_a_fault_of_ours_is_one_refusal_not_the_end(library: Library, folder: Path) -> None:
    report = store_found(library, find(folder), fail_on_two, workers=1)
    assert len(report.stored) == 4
    assert [(refusal.code, refusal.series_uid) for refusal in report.refused] == [("reader_failed", "1.2.2")]
    assert "ZeroDivisionError" in report.refused[0].reason


def test_two_scans_of_the_same_files_are_two(library: Library, folder: Path) -> None:
    first = find(folder).candidates[0]
    second = replace(first, series_uid="1.2.0#2")
    for expected in (["1.2.0", "1.2.0#2"], []):
        report = store_found(library, Discovery(folder, (first, second), ()), load, workers=1)
        assert report.stored == expected


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_scan(library: Library, folder: Path) -> None:
    candidates = tuple(one for one in find(folder).candidates if one.series_uid in ("1.2.1", "1.2.2"))
    report = store_found(library, Discovery(folder, candidates, ()), die_on_two, workers=2)
    assert report.stored == ["1.2.1"]
    assert [(refusal.code, refusal.series_uid) for refusal in report.refused] == [("reader_crashed", "1.2.2")]


def test_a_lost_volume_is_stored_again(library: Library, folder: Path) -> None:
    store_found(library, find(folder), load, workers=1)
    with Session(library.engine) as session:
        digest = session.scalar(select(SeriesRow.volume).where(SeriesRow.series_uid == "1.2.2"))
    assert digest is not None
    library.layout.volume(digest).unlink()
    report = store_found(library, find(folder), load, workers=1)
    assert (report.stored, len(report.already)) == ([], 5)
    np.testing.assert_array_equal(library.volume("1.2.2").values, values_of(2))


def test_leftovers_are_swept_unless_somebody_else_is_writing(library: Library, folder: Path) -> None:
    from bregma.catalogue.sweeping import writing

    store_found(library, find(folder), load, workers=1)
    kept = sorted(library.layout.root.glob("volumes/??/*"))

    def litter() -> list[Path]:
        paths = [library.layout.new_file(), library.layout.volume("f" * 64), library.layout.mask("e" * 64)]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"half")
        return paths

    with writing(library):
        paths = litter()
        with writing(library) as swept:
            assert swept == 0
        assert all(path.exists() for path in paths)
    with writing(library) as swept:
        assert swept == 3
    assert not any(path.exists() for path in paths)
    assert sorted(library.layout.root.glob("volumes/??/*")) == kept


def test_two_imports_at_once_store_each_scan_once(library: Library, folder: Path) -> None:
    for number in range(5, 20):
        write_scan(folder, str(number), number)
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(3)

    def run() -> None:
        ready.wait()
        with Library.open(library.layout.root) as own:
            report = store_found(own, find(folder), load, workers=1)
            assert len(report.stored) + len(report.already) == 20

    library.close()
    runs = [fork.Process(target=run) for _ in range(3)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert [one.exitcode for one in runs] == [0, 0, 0]
    assert sorted(scan.series_uid for scan in library.scans()) == sorted(f"1.2.{number}" for number in range(20))
    for number in range(20):
        np.testing.assert_array_equal(library.volume(f"1.2.{number}").values, values_of(number))


def test_few_scans_are_in_flight(library: Library, folder: Path) -> None:
    from bregma.catalogue.workers import AHEAD, Work, in_order

    taken = []

    def items() -> object:
        for number in range(30):
            taken.append(number)
            yield number

    work = Work(ready=lambda _: None, do=abs, crashed=abs)
    for done, result in enumerate(in_order(items(), work, workers=2), start=1):
        assert result == done - 1
        assert len(taken) <= done + 2 * AHEAD


def test_no_workers_is_a_wrong_request(library: Library, folder: Path) -> None:
    with pytest.raises(RequestError, match="workers is 0"):
        store_found(library, find(folder), load, workers=0)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.real_data
def test_a_real_study_comes_in_as_it_is_read(library: Library, real_ct: Path, tmp_path: Path) -> None:
    from bregma.io.find import find_scans

    path = real_ct / "rsna_study_unlabelled"
    before = snapshot(path)
    report = import_scans(library, path, workers=1)
    (uid,) = report.stored
    (scan,) = [one for one in find_scans(path) if isinstance(one, Scan)]
    volume = library.volume(uid)
    np.testing.assert_array_equal(volume.values, scan.volume.values)
    assert volume.geometry is not None
    assert volume.geometry.tilt_degrees == pytest.approx(11, abs=1)
    assert library.scan(uid).slices == scan.slices
    (row,) = library.layout.root.glob("volumes/??/*")
    assert row.stat().st_size <= 0.4 * volume.values.nbytes
    assert import_scans(library, path, workers=1).already == [uid]
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for file in sorted(path.rglob("*.dcm")):
            archive.write(file, file.name)
    assert import_scans(library, tmp_path / "study.zip", workers=1).already == [uid]
    assert snapshot(path) == before


def test_its_codes_are_in_the_table_of_codes() -> None:
    from bregma.catalogue.ingest import CODES as HERE
    from bregma.io.codes import LIBRARY

    assert HERE == LIBRARY
