"""Arrays on disk: every value comes back, and a file that was touched is never read as if it were whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.catalogue.store import pack, read_array, read_slice, settle, write_new
from bregma.scan.errors import LibraryError


def stored(tmp_path: Path, values: np.ndarray) -> Path:
    path = tmp_path / "volumes" / "ab" / "abcd.hu"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, pack(values))
    return path


@pytest.mark.parametrize("dtype", [np.int16, np.uint8])
def test_extremes_of_the_type_come_back(tmp_path: Path, dtype: type) -> None:
    info = np.iinfo(dtype)
    values = np.array([[[info.min, info.max, 0], [1, info.max, info.min]], [[5, 6, 7], [8, 9, 10]]], dtype=dtype)
    path = stored(tmp_path, values)
    assert read_array(path).dtype == dtype
    np.testing.assert_array_equal(read_array(path), values)
    np.testing.assert_array_equal(read_slice(path, 1), values[1])


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40)),
    low=st.integers(-32768, 32767),
    span=st.integers(1, 65536),
    seed=st.integers(0, 1000),
)
def test_any_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], low: int, span: int, seed: int
) -> None:
    high = min(low + span, 32768)
    values = np.random.default_rng(seed).integers(low, high, shape).astype(np.int16)
    path = stored(tmp_path_factory.mktemp("any"), values)
    np.testing.assert_array_equal(read_array(path), values)
    for index in range(shape[0]):
        np.testing.assert_array_equal(read_slice(path, index), values[index])


def test_a_view_is_stored_as_it_looks(tmp_path: Path) -> None:
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)[:, ::-1, ::2]
    np.testing.assert_array_equal(read_array(stored(tmp_path, values)), values)


def test_every_flipped_byte_and_every_truncation_is_noticed(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-1024, 2000, (2, 6, 7)).astype(np.int16)
    path = stored(tmp_path, values)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(LibraryError, match=r"volumes/ab/abcd\.hu"):
            read_array(path)
        path.write_bytes(whole[:at])
        with pytest.raises(LibraryError):
            read_array(path)
        with pytest.raises(LibraryError):
            read_slice(path, 1)


def test_a_file_that_is_gone_is_an_error_of_the_library(tmp_path: Path) -> None:
    for read in (read_array, lambda path: read_slice(path, 0)):
        with pytest.raises(LibraryError, match="import its scan again"):
            read(tmp_path / "volumes" / "ab" / "gone.hu")


def test_there_is_no_slice_beyond_the_last(tmp_path: Path) -> None:
    path = stored(tmp_path, np.zeros((2, 3, 3), np.int16))
    for index in (-1, 2):
        with pytest.raises(IndexError, match="2 slices"):
            read_slice(path, index)


@pytest.mark.parametrize("values", [np.zeros((2, 2), np.int16), np.zeros((1, 2, 2), np.float32)])
def test_only_slices_of_whole_numbers_are_stored(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        pack(values)


def test_a_file_gets_its_name_and_its_folder_when_it_is_whole(tmp_path: Path) -> None:
    write_new(tmp_path / "draft", b"whole")
    final = tmp_path / "volumes" / "cd" / "cdef.hu"
    settle(tmp_path / "draft", final)
    assert final.read_bytes() == b"whole"
    assert not (tmp_path / "draft").exists()
