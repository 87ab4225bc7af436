"""The tables of data sets: what is read of them, and what is wrong with others. Volumes some at a time."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import nibabel
import numpy as np
import pytest
from data_set_folders import write_rsna, write_rsna_table
from hypothesis import given
from hypothesis import strategies as st
from nifti_data_sets import bleeding, healthy, write_instance

from bregma.catalogue.importers import volume_files
from bregma.catalogue.importers.ct_ich_table import Said, weigh
from bregma.catalogue.importers.instance2022 import parts
from bregma.catalogue.importers.named import load_named, named_candidate, named_uid
from bregma.catalogue.importers.phe_sich import load_turned
from bregma.catalogue.importers.plain_table import Line, read_lines
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.importers.stored_order import StoredOrder
from bregma.catalogue.importers.volume_files import in_parts, scan_name
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.catalogue.staging import Load
from bregma.io.pseudonym import pseudonym
from bregma.scan.errors import RequestError


def test_a_table_is_read_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfa,more, b \r\n1,x,2\r\n,,\r\n\r\n3,,"4"\r\n')
    lines = read_lines(tmp_path / "t.csv", ("a", "b"))
    assert [(line.row, line.cells["a"], line.cells["b"]) for line in lines] == [(2, "1", "2"), (5, "3", "4")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n1\n", ["row 1, column 'b': the column is missing"]),
        ("a,b,b\n1,2,3\n", ["row 1, column 'b': the column is there 2 times"]),
        ("a,b\n1\n1,2,3\n1,2\n", ["row 2, column 'b': the row has 1 cells", "row 3, column 'b': the row has 3 cells"]),
        ("", ["row 1, column 'a': the column is missing; none is known", "column 'b': the column is missing"]),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_row_and_column(tmp_path: Path, text: str, said: list[str]) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(LabelTableError) as caught:
        read_lines(tmp_path / "t.csv", ("a", "b"))
    assert len(caught.value.problems) == len(said)
    for words in said:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"a,b\n\xff\xfe,1\n", "no UTF-8 CSV"), (b'a,b\n"1,2\n', "no UTF-8 CSV"), (None, "cannot be")],
)
def test_what_is_no_table_is_one_error(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(RequestError, match=words):
        read_lines(tmp_path / "t.csv", ("a", "b"))


def said(number: int, *, bleeds: bool | None) -> Said:
    values = {} if bleeds is None else {"any": float(bleeds)}
    return Said(Line(number + 1, {}, "t.csv"), number, values)


@pytest.mark.parametrize(
    ("table", "outlines", "kept", "conflicts"),
    [
        ("0110", "0110", [1, 2, 3, 4], 0),
        ("0111", "0110", [1, 2, 3], 1),  # two slices agree, one does not
        ("0100", "0110", [], 2),  # one agrees, one does not: no better than chance; the whole is a conflict too
        ("1100", "0011", [], 4),
        ("1?00", "1100", [1, 2, 3, 4], 0),  # nothing is said of the second
        ("1", "0", [], 1),
        ("0000", "", [1, 2, 3, 4], 0),  # there is no mask
    ],
)
def test_the_outlines_win(table: str, outlines: str, kept: list[int], conflicts: int) -> None:
    rows = [said(i, bleeds=None if cell == "?" else cell == "1") for i, cell in enumerate(table, start=1)]
    drawn = {i: cell == "1" for i, cell in enumerate(outlines, start=1)}
    believed, against = weigh(rows, drawn)
    assert [one.number for one in believed] == kept
    assert len(against) == conflicts


def test_subtypes_say_whether_there_is_blood() -> None:
    names = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
    line = Line(2, {}, "t.csv")
    assert Said(line, 1, {"subdural": 1.0}).bleeds is True
    assert Said(line, 1, dict.fromkeys(names, 0.0)).bleeds is False
    assert Said(line, 1, dict.fromkeys(names[:4], 0.0)).bleeds is None
    assert Said(line, 1, {"fracture": 1.0}).bleeds is None


def test_a_refused_scan_goes_under_the_name_that_its_data_set_gives_it(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)  # display values, no HU
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 5.0, 1.0])), tmp_path / "a.nii")
    candidate = named_candidate(tmp_path, "nifti", ("a.nii",), data_set="mine", scan="a", patient="a")
    scan = load_named(candidate)
    assert scan.refusal is not None
    assert scan.refusal.series_uid == scan.series.series_uid == named_uid("mine", "series", "a")
    assert scan.series.patient == pseudonym("mine a")


@given(st.integers(1, 300), st.booleans())
def test_every_number_has_a_slice_of_its_own(count: int, head_first: bool) -> None:
    order = StoredOrder(count, head_first=head_first)
    places = [order.index(number) for number in range(1, count + 1)]
    assert places == (list(range(count))[::-1] if head_first else list(range(count)))
    assert order.index(0) is order.index(count + 1) is None


@given(st.lists(st.integers(), max_size=200))
def test_parts_hold_every_item_once(items: list[int]) -> None:
    found = list(in_parts(items))
    assert [item for part in found for item in part] == items
    assert all(len(part) <= volume_files.PART for part in found)
    assert len(found) >= 1


@pytest.mark.parametrize(
    ("file", "name"),
    [("001.nii.gz", "001"), ("001.NII", "001"), ("a.b.nii", "a.b"), ("x/001.nii", None), ("001.nii.txt", None)],
)
def test_a_scan_is_named_by_its_file(file: str, name: str | None) -> None:
    assert scan_name(file) == name


@pytest.mark.parametrize("load", [load_named, load_turned])
def test_another_process_finds_what_opens_a_scan_by_its_name(load: Load) -> None:
    assert getattr(import_module(load.__module__), load.__qualname__) is load


def test_a_large_set_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_files, "PART", 2)
    folder = write_instance(tmp_path / "in", {"001": bleeding(), "002": healthy(), "003": healthy(1)})
    found = list(parts(folder))
    assert [len(part.found.candidates) for part in found] == [2, 1]
    assert [part.total for part in found] == [3, 3]
    told: list[tuple[int, int]] = []
    report = import_data_set(
        Library.create(tmp_path / "lib"),
        folder,
        "instance2022",
        workers=1,
        progress=lambda done, total: told.append((done, total)),
    )
    assert (report.stored, report.masks) == (3, 3)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_pipe_among_the_slices_of_rsna_is_not_opened(tmp_path: Path) -> None:
    folder = write_rsna(tmp_path / "in", studies=1)
    write_rsna_table(folder, {})
    os.mkfifo(folder / "pipe.dcm")
    report = import_data_set(Library.create(tmp_path / "lib"), folder, "rsna2019", workers=1)
    assert (report.stored, report.refused) == (1, {"not_a_regular_file": 1})
