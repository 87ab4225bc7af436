"""Listing: folders, archives and media, whoever made them."""

from __future__ import annotations

import os
import pickle
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from bregma.io import entry as entry_module
from bregma.io import zip_entries
from bregma.io.files import list_entries, open_entry, root_of
from bregma.scan.errors import RefusedError, RequestError


def names(path: Path) -> list[str]:
    return [entry.name for entry in list_entries(path)[0]]


def codes(path: Path) -> list[str]:
    return sorted(refusal.code for refusal in list_entries(path)[1])


def make_zip(path: Path | BytesIO, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def zip_bytes(members: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    make_zip(stream, members)
    return stream.getvalue()


def test_a_folder_tree_is_sorted_and_relative(tmp_path: Path) -> None:
    for name in ("b/2.dcm", "a.dcm", "b/1.dcm", "c/d/e.dcm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    entries, refused = list_entries(tmp_path)
    assert [entry.name for entry in entries] == ["a.dcm", "b/1.dcm", "b/2.dcm", "c/d/e.dcm"]
    assert [entry.read() for entry in entries] == [b"a.dcm", b"b/1.dcm", b"b/2.dcm", b"c/d/e.dcm"]
    assert [entry.size for entry in entries] == [5, 7, 7, 9]
    assert not refused


def test_a_single_file_and_an_empty_folder(tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(b"x")
    assert names(file) == ["one.dcm"]
    assert root_of(file) == tmp_path
    assert root_of(tmp_path) == tmp_path
    (tmp_path / "empty").mkdir()
    assert list_entries(tmp_path / "empty") == ([], [])


@pytest.mark.parametrize("name", ["gone", "a\0b", "x" * 5000])
def test_nothing_there_is_a_wrong_request(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="check the path"):
        list_entries(tmp_path / name)


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.dcm").write_bytes(b"x")
    make_zip(tmp_path / "a.zip", {"__MACOSX/._1.dcm": b"x", ".hidden": b"x", "1.dcm": b"x"})
    assert list_entries(tmp_path)[1] == []
    assert names(tmp_path) == ["a.zip!/1.dcm"]


def test_a_link_to_its_own_folder_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(b"x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["a/1.dcm"]
    assert codes(tmp_path) == ["unreadable_file", "unreadable_file"]


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    assert names(tmp_path) == []
    assert codes(tmp_path) == ["not_a_regular_file"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything, where root runs the tests."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_file_without_permission_is_refused_when_read(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    (tmp_path / "a.dcm").chmod(0)
    entry = list_entries(tmp_path)[0][0]
    with as_nobody(), pytest.raises(RefusedError, match="cannot be read") as caught:
        entry.read()
    assert caught.value.code == "unreadable_file"


def test_a_file_that_went_away_is_refused_when_read(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"x")
    entry = list_entries(tmp_path)[0][0]
    (tmp_path / "a.dcm").unlink()
    with pytest.raises(RefusedError) as caught:
        entry.read()
    assert caught.value.code == "unreadable_file"


def test_a_file_larger_than_any_scan_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "huge.dcm").open("wb") as file:
        file.truncate(entry_module.MAX_FILE_BYTES + 1)
    assert codes(tmp_path) == ["file_too_large"]
    with pytest.raises(RefusedError) as caught:
        entry_module.entry_of_file(tmp_path / "huge.dcm", "huge.dcm", size=1).read()
    assert caught.value.code == "file_too_large"


def test_a_name_that_is_no_text_can_still_be_written_and_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.dcm")).write_bytes(b"x")
    (entry,) = list_entries(tmp_path)[0]
    assert entry.name == "a\\xff.dcm"
    assert entry.read() == b"x"
    assert open_entry(tmp_path, entry.name).read() == b"x"


def test_an_archive_gives_its_members(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"b/c.dcm": b"12", "d.dcm": b"3", "b/": b""})
    for path in (tmp_path / "a.zip", tmp_path):
        entries, refused = list_entries(path)
        assert [(entry.name, entry.size, entry.path) for entry in entries] == [
            ("a.zip!/b/c.dcm", 2, None),
            ("a.zip!/d.dcm", 1, None),
        ]
        assert [entry.read() for entry in entries] == [b"12", b"3"]
        assert not refused


def test_an_archive_without_the_suffix_is_opened_when_asked_for(tmp_path: Path) -> None:
    make_zip(tmp_path / "study.bin", {"c.dcm": b"12"})
    assert names(tmp_path / "study.bin") == ["study.bin!/c.dcm"]
    (tmp_path / "really_dicom.zip").write_bytes(b"\0" * 128 + b"DICM")
    assert names(tmp_path) == ["really_dicom.zip", "study.bin"]


def test_an_archive_in_an_archive_survives_the_way_to_another_process(tmp_path: Path) -> None:
    inner = zip_bytes({"x.dcm": b"hello"})
    make_zip(tmp_path / "a.zip", {"sub/b.zip": inner, "not.zip": b"plain"})
    entries, refused = list_entries(tmp_path)
    assert [entry.name for entry in entries] == ["a.zip!/not.zip", "a.zip!/sub/b.zip!/x.dcm"]
    assert not refused
    assert pickle.loads(pickle.dumps(entries[1])).read() == b"hello"
    assert open_entry(tmp_path, "a.zip!/sub/b.zip!/x.dcm").read() == b"hello"


def test_nesting_is_bounded(tmp_path: Path) -> None:
    content = zip_bytes({"x.dcm": b"hello"})
    for _ in range(zip_entries.MAX_DEPTH):
        content = zip_bytes({"inner.zip": content})
    (tmp_path / "a.zip").write_bytes(content)
    assert names(tmp_path) == []
    assert codes(tmp_path) == ["nested_too_deep"]


def test_a_name_that_leads_out_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"../../evil.dcm": b"x", "/abs.dcm": b"x", "C:\\w.dcm": b"x", "ok.dcm": b"y"})
    assert names(tmp_path) == ["a.zip!/ok.dcm"]
    assert codes(tmp_path) == ["unsafe_name"] * 3


def test_two_members_of_one_name_are_both_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.dcm", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.dcm", b"2")
    entries, _ = list_entries(tmp_path)
    assert [(entry.name, entry.read()) for entry in entries] == [("a.zip!/x.dcm", b"1"), ("a.zip!/x.dcm (2)", b"2")]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({"x.dcm": b"secret"}))
    content[6] |= 1
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(content))
    assert codes(tmp_path) == ["encrypted_archive"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packings_are_refused(tmp_path: Path, method: int) -> None:
    make_zip(tmp_path / "a.zip", {"x.dcm": b"x"}, method)
    assert codes(tmp_path) == ["archive_compression"]


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    whole = zip_bytes({"x.dcm": os.urandom(5000)})
    (tmp_path / "a.zip").write_bytes(whole[:3000])
    assert codes(tmp_path) == ["corrupt_archive"]


def test_a_damaged_member_is_refused_when_read(tmp_path: Path) -> None:
    whole = bytearray(zip_bytes({"x.dcm": os.urandom(5000), "y.dcm": b"fine"}))
    whole[1000] ^= 255
    (tmp_path / "a.zip").write_bytes(bytes(whole))
    broken, fine = list_entries(tmp_path)[0]
    with pytest.raises(RefusedError) as caught:
        broken.read()
    assert caught.value.code == "corrupt_archive"
    assert fine.read() == b"fine"


def test_a_member_that_unpacks_to_more_than_it_says_is_stopped(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({"x.dcm": b"\0" * 1_000_000}))
    directory = content.index(b"PK\x01\x02")
    for offset in (22, directory + 24):
        content[offset : offset + 4] = struct.pack("<I", 1000)
    (tmp_path / "a.zip").write_bytes(bytes(content))
    (entry,) = list_entries(tmp_path)[0]
    assert entry.size == 1000
    with pytest.raises(RefusedError) as caught:
        entry.read()
    assert caught.value.code == "corrupt_archive"


def test_a_member_that_says_it_is_enormous_is_refused_unread(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({"x.dcm": b"\0" * 1000}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 0xFFFFFFF0)
    (tmp_path / "a.zip").write_bytes(bytes(content))
    assert codes(tmp_path) == ["zip_bomb"]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {f"{i}.dcm": b"\0" * (16 << 20) for i in range(5)})
    start = time.perf_counter()
    assert codes(tmp_path) == ["zip_bomb"]
    assert time.perf_counter() - start < 1.0


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_entries, "MAX_MEMBERS", 3)
    make_zip(tmp_path / "a.zip", {f"{i}.dcm": b"x" for i in range(4)})
    assert codes(tmp_path) == ["zip_bomb"]


def test_a_large_archive_in_an_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_entries, "MAX_INNER_BYTES", 10)
    make_zip(tmp_path / "a.zip", {"b.zip": zip_bytes({"x.dcm": b"x"})})
    assert codes(tmp_path) == ["file_too_large"]


def test_a_damaged_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"b.zip": zip_bytes({"x.dcm": os.urandom(500)})[:300], "c.dcm": b"x"})
    assert names(tmp_path) == ["a.zip!/c.dcm"]
    assert codes(tmp_path) == ["corrupt_archive"]


def test_an_empty_archive_has_no_members(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {})
    assert list_entries(tmp_path) == ([], [])


def test_an_archive_that_went_away_is_refused_when_read(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"x.dcm": b"x"})
    sent = pickle.dumps(list_entries(tmp_path)[0][0])
    (tmp_path / "a.zip").unlink()
    with pytest.raises(RefusedError):
        pickle.loads(sent).read()


def test_an_entry_is_found_again_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.dcm").write_bytes(b"one")
    make_zip(tmp_path / "d" / "a.zip", {"x.dcm": b"two"})
    for entry in list_entries(tmp_path)[0]:
        assert open_entry(tmp_path, entry.name).read() == entry.read()
    assert open_entry(tmp_path / "d" / "a.zip", "a.zip!/x.dcm").read() == b"two"
    for name in ("d/2.dcm", "../d/1.dcm", "/etc/hostname", "d/a.zip!/y.dcm"):
        with pytest.raises(RefusedError):
            open_entry(tmp_path, name)


def dicomdir(folder: Path, files: list[object]) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    records = []
    for file in files:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        if file is not None:
            with pydicom.config.disable_value_validation():
                record.ReferencedFileID = file
        records.append(record)
    with pydicom.config.disable_value_validation():
        dataset.DirectoryRecordSequence = records
        pydicom.dcmwrite(folder / "DICOMDIR", dataset, enforce_file_format=True)


def test_a_medium_is_read_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "i1").write_bytes(b"1")
    (tmp_path / "TOP").write_bytes(b"2")
    dicomdir(tmp_path, [["DICOM", "I1"], "TOP", None])
    for path in (tmp_path, tmp_path / "DICOMDIR"):
        assert list_entries(path)[1] == []
        assert names(path) == ["TOP", "dicom/i1"]


def test_files_missing_from_a_medium_are_said(tmp_path: Path) -> None:
    dicomdir(tmp_path, [["DICOM", "I1"], ["DICOM", "I2"]])
    (refusal,) = list_entries(tmp_path)[1]
    assert refusal.code == "missing_file"
    assert refusal.files == ("DICOM/I1", "DICOM/I2")


def test_names_in_a_dicomdir_never_leave_the_medium(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    (tmp_path / "SECRET").write_bytes(b"x")
    dicomdir(medium, [["..", "SECRET"]])
    assert names(medium) == []
    assert codes(medium) == ["unsafe_name"]


def test_a_damaged_dicomdir_does_not_stop_the_medium(tmp_path: Path) -> None:
    dicomdir(tmp_path, [["I1"]])
    content = (tmp_path / "DICOMDIR").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(content[: content.index(b"1.2.840.10008.1.3.10") + 22] + b"\xff" * 200)
    (tmp_path / "I1").write_bytes(b"x")
    assert names(tmp_path) == ["I1"]
    assert codes(tmp_path) == ["bad_dicomdir"]


def test_a_file_only_called_dicomdir_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(b"no")
    assert names(tmp_path) == ["DICOMDIR"]


def test_a_dicomdir_in_an_archive_is_no_junk(tmp_path: Path) -> None:
    dicomdir(tmp_path, [["I1"]])
    make_zip(tmp_path / "a.zip", {"DICOMDIR": (tmp_path / "DICOMDIR").read_bytes(), "I1": b"x", "s/DICOMDIR": b"no"})
    assert names(tmp_path / "a.zip") == ["a.zip!/I1", "a.zip!/s/DICOMDIR"]


def test_listing_a_scan_takes_under_a_millisecond(tmp_path: Path) -> None:
    for i in range(32):
        (tmp_path / f"{i}.dcm").write_bytes(zlib.compress(b"x"))
    times = []
    for _ in range(9):
        start = time.perf_counter()
        list_entries(tmp_path)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.002
