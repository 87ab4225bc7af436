"""The library folder: made whole or not at all, and tied to its database."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from catalogue_scans import find, load, values_of, write_scan

from bregma.catalogue.database import sqlite_url
from bregma.catalogue.ingest import store_found
from bregma.catalogue.library import Library
from bregma.scan.errors import LibraryError, RequestError


def library_with(tmp_path: Path, *numbers: int) -> Library:
    for number in numbers:
        write_scan(tmp_path / "in", str(number), number)
    library = Library.create(tmp_path / "lib")
    store_found(library, find(tmp_path / "in"), load, workers=1)
    return library


def test_a_scan_comes_back_as_it_was_loaded(tmp_path: Path) -> None:
    library = library_with(tmp_path, 7)
    scan = load(find(tmp_path / "in").candidates[0])
    record = library.scan("1.2.7")
    assert record == library.scans()[0] or record.slices == library.scans()[0].slices
    assert record.slices == scan.slices
    assert (record.study_uid, record.patient, record.modality) == ("1.1.7", "patient-7", "CT")
    assert record.facts == scan.series.facts
    assert record.warnings == scan.warnings
    assert record.excluded == scan.excluded
    assert record.shape == scan.volume.values.shape
    volume = library.volume("1.2.7")
    np.testing.assert_array_equal(volume.values, values_of(7))
    np.testing.assert_array_equal(library.slice_values("1.2.7", 2), values_of(7)[2])
    assert volume.geometry is not None
    assert scan.volume.geometry is not None
    np.testing.assert_array_equal(volume.geometry.origins, scan.volume.geometry.origins)
    np.testing.assert_array_equal(volume.geometry.along_row, scan.volume.geometry.along_row)
    np.testing.assert_array_equal(volume.geometry.along_column, scan.volume.geometry.along_column)
    assert volume.geometry.pixel_mm == (0.5, 0.75)


def test_a_scan_without_positions_has_none(tmp_path: Path) -> None:
    write_scan(tmp_path / "in", "0", 0, geometry=False)
    library = library_with(tmp_path)
    assert library.volume("1.2.0").geometry is None
    assert [one.z_mm for one in library.scan("1.2.0").slices] == [None] * 3


def test_an_unknown_series_is_a_wrong_request(tmp_path: Path) -> None:
    library = library_with(tmp_path)
    for ask in (library.scan, library.volume, library.labels, library.mask, library.masks, library.slice_mask_known):
        with pytest.raises(RequestError, match=r"9\.9"):
            ask("9.9")


def test_an_unknown_finding_is_a_wrong_request_with_a_suggestion(tmp_path: Path) -> None:
    library = library_with(tmp_path, 1)
    with pytest.raises(RequestError, match="did you mean 'subdural'"):
        library.slice_targets("1.2.1", "subdurall")
    with pytest.raises(RequestError, match="did you mean 'subdural'"):
        library.scan_targets("subdurall")


def test_nothing_is_known_of_a_scan_nobody_spoke_of(tmp_path: Path) -> None:
    library = library_with(tmp_path, 1)
    value, known = library.slice_targets("1.2.1", "any")
    assert value.dtype == np.float32
    assert value.tolist() == [0, 0, 0]
    assert known.tolist() == [False] * 3
    assert library.scan_target("1.2.1", "any") is None
    assert library.scan_targets("any") == {"1.2.1": None}
    assert library.mask("1.2.1") is None
    assert library.labels("1.2.1") == []


def test_a_folder_with_something_else_in_it_does_not_become_a_library(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RequestError, match="not an empty folder"):
        Library.create(tmp_path)
    with pytest.raises(RequestError, match="not a library"):
        Library.open(tmp_path)


def test_a_library_is_made_once(tmp_path: Path) -> None:
    with Library.open_or_create(tmp_path / "lib") as first, Library.open_or_create(tmp_path / "lib") as again:
        assert first.layout.id == again.layout.id
    with pytest.raises(RequestError, match="already"):
        Library.create(tmp_path / "lib")


def test_folder_and_database_belong_together(tmp_path: Path) -> None:
    Library.create(tmp_path / "a").close()
    Library.create(tmp_path / "b").close()
    with pytest.raises(LibraryError, match="check the URL"):
        Library.open(tmp_path / "a", sqlite_url(tmp_path / "b"))
    with pytest.raises(RequestError, match="another library"):
        Library.create(tmp_path / "c", sqlite_url(tmp_path / "b"))


def test_a_database_elsewhere_must_be_given(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    url = sqlite_url(tmp_path / "db")
    Library.create(tmp_path / "lib", url).close()
    Library.open(tmp_path / "lib", url).close()
    with pytest.raises(LibraryError, match="give the URL"):
        Library.open(tmp_path / "lib")


def test_a_library_of_another_format_is_left_alone(tmp_path: Path) -> None:
    Library.create(tmp_path / "lib").close()
    (tmp_path / "lib" / "library.json").write_text(json.dumps({"format": 2, "id": "x"}))
    with pytest.raises(LibraryError, match="format 1"):
        Library.open(tmp_path / "lib")


def test_a_damaged_database_is_an_error_of_the_library(tmp_path: Path) -> None:
    Library.create(tmp_path / "lib").close()
    (tmp_path / "lib" / "catalogue.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LibraryError, match="cannot be read"):
        Library.open(tmp_path / "lib")


def test_a_volume_that_does_not_fit_its_rows_is_an_error(tmp_path: Path) -> None:
    from bregma.catalogue.store import pack

    library = library_with(tmp_path, 1)
    (path,) = (tmp_path / "lib" / "volumes").glob("??/*")
    path.write_bytes(pack(np.zeros((3, 8, 9), np.int16)))
    with pytest.raises(LibraryError, match="changed by hand"):
        library.volume("1.2.1")


def test_a_library_whose_making_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    Library.create(tmp_path / "lib").close()
    (tmp_path / "lib" / "library.json").unlink()
    with Library.open_or_create(tmp_path / "lib") as library:
        assert library.scans() == []
    Library.open(tmp_path / "lib").close()
