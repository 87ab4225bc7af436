"""CQ500: every radiologist a source, the read of a study at each of its series, signs kept as labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest
from data_set_folders import SLICES, write_cq500, write_reads

from bregma.catalogue.importers.cq500_table import number_of, read_table
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level

NONE = "0" * 14
SUBDURAL_LEFT = "10010010000011"
"""ICH, SDH, left, mass effect and midline shift."""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One study of two series, in a folder as some mirrors have it."""
    return write_cq500(tmp_path / "cq500", [427], around="qct12/CQ500-CT-427")


def test_each_reader_is_a_source_at_each_series(library: Library, folder: Path) -> None:
    write_reads(folder, {"CQ500-CT-427": [SUBDURAL_LEFT, NONE, "1" + "-" * 13]})
    report = import_data_set(library, folder, "cq500", workers=1)
    assert (report.stored, report.slices, report.rows, report.taken) == (2, 2 * SLICES, 6, 2 * (14 + 14 + 1))
    for uid in ("1.2.826.427.0", "1.2.826.427.1"):
        labels = library.labels(uid)
        assert {label.level for label in labels} == {Level.SCAN}
        present = {(label.source, label.term) for label in labels if label.value}
        assert present == {
            ("reader:cq500-1", "any"),
            ("reader:cq500-1", "subdural"),
            ("reader:cq500-1", "bleed_left"),
            ("reader:cq500-1", "mass_effect"),
            ("reader:cq500-1", "midline_shift"),
            ("reader:cq500-3", "any"),
        }
        assert Label(uid, Level.SCAN, None, "midline_shift", 0.0, "reader:cq500-2") in labels
        assert library.scan_target(uid, "any") == pytest.approx(2 / 3)
        assert library.scan_target(uid, "epidural") == 0.0
    assert "scan midline_shift: 2 present, 2 absent" in report.summary()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("qct01/CQ500CT42 CQ500CT42/Unknown Study/CT Plain", 42),
        ("CQ500-CT-4 to CQ500-CT-9/cq500_ct_7", 7),  # the nearest folder says it
        ("CQ500/CT 7", None),
    ],
)
def test_a_file_belongs_to_the_study_in_the_nearest_name(name: str, number: int | None) -> None:
    assert number_of(name) == number


def test_a_second_import_changes_nothing(library: Library, folder: Path) -> None:
    write_reads(folder, {"CQ500-CT-427": [SUBDURAL_LEFT, NONE, NONE]})
    import_data_set(library, folder, "cq500", workers=1)
    again = import_data_set(library, folder, "cq500", workers=1)
    assert (again.already, again.taken, again.duplicates) == (2, 0, 2 * 3 * 14)


def test_a_refused_series_takes_no_read_and_the_others_do(library: Library, folder: Path) -> None:
    for path in folder.rglob("CT Plain/*.dcm"):
        image = pydicom.dcmread(path)
        image.SeriesDescription = "POST CONTRAST"
        image.save_as(path)
    write_reads(folder, {"CQ500-CT-427": [NONE, NONE, NONE]})
    report = import_data_set(library, folder, "cq500", workers=1)
    assert (report.stored, report.refused, report.of_refused) == (1, {"contrast": SLICES}, 3)
    assert (report.taken, report.not_found.count) == (42, 0)
    assert "3 rows about scans that were refused" in report.summary()


def test_what_has_no_counterpart_is_said(library: Library, folder: Path) -> None:
    (folder / "readme.txt").write_text("hello")
    (folder / "loose.dcm").write_bytes(b"")
    write_reads(folder, {"CQ500-CT-427": [NONE, NONE, NONE], "CQ500-CT-9": [NONE, NONE, NONE]})
    report = import_data_set(library, folder, "cq500", workers=1)
    assert [str(problem) for problem in report.not_found.first] == [
        "reads.csv row 3, column 'name': there is no folder CQ500CT9"
    ]
    assert report.refused == {"not_an_image": 2}


def test_a_study_nobody_read_stays_unlabelled(library: Library, folder: Path) -> None:
    write_reads(folder, {"CQ500-CT-9": [NONE, NONE, NONE]})
    report = import_data_set(library, folder, "cq500", workers=1)
    assert (report.stored, report.taken, report.unlabelled) == (2, 0, 2)
    assert "2 images or scans without a row, not labelled" in report.summary()
    assert library.scan_target("1.2.826.427.0", "any") is None


def test_studies_come_some_at_a_time(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregma.catalogue.importers.cq500.PART_FILES", 2 * SLICES)
    folder = write_cq500(tmp_path / "two", [1, 2])
    write_reads(folder, {"CQ500-CT-1": [NONE] * 3, "CQ500-CT-2": [SUBDURAL_LEFT] * 3})
    told: list[tuple[int, int]] = []
    report = import_data_set(library, folder, "cq500", workers=1, progress=lambda *now: told.append(now))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (report.stored, report.taken) == (4, 4 * 42)
    assert library.scan_target("1.2.826.1.1", "any") == 0.0
    assert library.scan_target("1.2.826.2.1", "any") == 1.0


def test_contradictions_and_studies_named_twice(tmp_path: Path) -> None:
    path = write_reads(
        tmp_path,
        {
            "CQ500-CT-1": ["0" + "1" + "0" * 12, NONE, NONE],
            "CQ500-CT-2": [NONE, NONE, NONE],
            "CQ500CT2": [NONE, NONE, SUBDURAL_LEFT],
            "CQ500-CT-3": [NONE, NONE, NONE],
            "CQ500CT3": [NONE, NONE, NONE],
        },
    )
    reads = read_table(path)
    assert [str(conflict) for conflict in reads.conflicts] == [
        "reads.csv row 2, column 'R1:ICH': 'any' is 0, but 'intraparenchymal' is 1",
        "reads.csv row 4, column 'name': the study is in row 3 too, with other reads; neither is taken",
    ]
    assert {number: [row.source for row in rows] for number, rows in reads.by_study.items()} == {
        1: ["reader:cq500-2", "reader:cq500-3"],
        3: ["reader:cq500-1", "reader:cq500-2", "reader:cq500-3"],
    }
    assert reads.duplicates == 42


@pytest.mark.parametrize(
    ("before", "after", "row", "column", "words"),
    [
        ("R2:MassEffect", "R2:MassEfect", 1, "R2:MassEfect", "did you mean 'R2:MassEffect'"),
        ("R3:ICH", "R2:ICH", 1, "R2:ICH", "2 times"),
        ("CQ500-CT-1,B1,1", "CQ500-CT-1,B1,2", 2, "R1:ICH", "'2' is neither 0 nor 1"),
        ("CQ500-CT-1,B1,1", "CQ500-CT-1,B1", 2, "R3:MidlineShift", "43 cells"),
        ("CQ500-CT-1,B1,1", "someone,B1,1", 2, "name", "'someone' is no name"),
    ],
)
def test_a_wrong_cell_stops_before_anything_is_stored(
    library: Library, folder: Path, before: str, after: str, row: int, column: str, words: str
) -> None:
    path = write_reads(folder, {"CQ500-CT-1": [SUBDURAL_LEFT, NONE, NONE]})
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, "cq500", workers=1)
    problem = caught.value.problems[0]
    assert (problem.row, problem.column) == (row, column)
    assert words in problem.reason
    assert library.scans() == []


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write_reads(tmp_path, {"CQ500-CT-1": [NONE, NONE, NONE]}, without="R3:EDH")
    with pytest.raises(LabelTableError, match="row 1, column 'R3:EDH': the column is missing"):
        read_table(path)


def test_a_folder_of_another_kind_is_said_to_be_so(library: Library, folder: Path) -> None:
    with pytest.raises(LayoutError, match=r"no cq500: there is no file reads.csv; expected folders CQ500CT0"):
        import_data_set(library, folder, "cq500")
    write_reads(folder, {"CQ500-CT-427": [NONE, NONE, NONE]})
    shutil.rmtree(folder / "qct12")
    with pytest.raises(LayoutError, match="no DICOM file lies in a folder of a study"):
        import_data_set(library, folder, "cq500")
    (folder / "reads.csv").write_bytes(b"name,\xff")
    with pytest.raises(RequestError, match="no UTF-8 CSV"):
        read_table(folder / "reads.csv")
    with pytest.raises(RequestError, match="cannot be read"):
        read_table(folder / "gone.csv")


@pytest.mark.real_data
def test_the_real_reads_meet_drawn_series(library: Library, real_ct: Path, tmp_path: Path) -> None:
    reads = read_table(real_ct / "tables" / "cq500_reads.csv")
    assert (len(reads.lines), reads.duplicates) == (491, 0)
    assert sum(len(rows) for rows in reads.by_study.values()) == 3 * 491 - 2
    folder = write_cq500(tmp_path / "cq500", [52, 427])
    shutil.copy(real_ct / "tables" / "cq500_reads.csv", folder / "reads.csv")
    report = import_data_set(library, folder, "cq500", workers=1)
    assert {conflict.column for conflict in report.conflicts.first} == {"R1:ICH"}
    assert (report.conflicts.count, report.not_found.count) == (2, 489)
    assert report.taken == 2 * 14 * (3 + 2)
    assert library.scan_target("1.2.826.427.0", "intraparenchymal") == 1.0
    assert {label.source for label in library.labels("1.2.826.52.0")} == {"reader:cq500-2", "reader:cq500-3"}
