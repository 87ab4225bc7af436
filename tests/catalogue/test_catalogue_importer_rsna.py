"""RSNA 2019 as Kaggle hands it out: studies rebuilt, labels of slices, nothing dropped in silence."""

from __future__ import annotations

import csv
import gzip
import os
import re
import tracemalloc
from pathlib import Path

import pytest
from data_set_folders import FINDINGS, SLICES, rsna_image, write_rsna, write_rsna_table

from bregma.catalogue.importers.dicom_studies import files_below, parted, studies_of
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.rsna_table import read_slice_labels
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.catalogue.steps import Step
from bregma.io.pseudonym import pseudonym
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level

BLEED, NONE = "1,0,0,0,0,1", "0,0,0,0,0,0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two studies of eight slices in one folder, without a table."""
    return write_rsna(tmp_path / "rsna")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def test_studies_are_rebuilt_and_their_slices_labelled(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 3): BLEED, rsna_image(1, 0): NONE, rsna_image(1, 5): "1,,,,,"})
    report = import_data_set(library, folder, "rsna2019", workers=1)
    scans = {scan.series_uid: scan for scan in library.scans()}
    assert list(scans) == ["ID_0000000100", "ID_0000000101"]
    assert [one.sop_instance_uid for one in scans["ID_0000000101"].slices] == [rsna_image(1, i) for i in range(SLICES)]
    assert scans["ID_0000000100"].study_uid == "ID_0000000000"
    assert scans["ID_0000000100"].patient == pseudonym("ID_00000000")
    values, known = library.slice_targets("ID_0000000100", "subdural")
    assert known.tolist() == [index == 3 for index in range(SLICES)]
    assert values[3] == 1.0
    assert library.labels("ID_0000000101")[-1] == Label(
        "ID_0000000101", Level.SLICE, rsna_image(1, 5), "any", 1.0, "dataset:rsna2019"
    )
    assert library.slice_targets("ID_0000000101", "epidural")[1].tolist() == [True, *[False] * (SLICES - 1)]
    assert (report.stored, report.already, report.slices, report.rows, report.taken) == (2, 0, 16, 3, 13)
    assert report.labels[Level.SLICE, "any", True] == 2
    assert (report.labelled[Level.SLICE], report.unlabelled) == (3, 13)
    assert "2 scans of 16 slices: 2 stored" in report.summary()
    assert "slice any: 2 present, 1 absent" in report.summary()


def test_a_second_import_changes_nothing(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 3): BLEED})
    import_data_set(library, folder, "rsna2019", workers=1)
    before = library.labels("ID_0000000100")
    again = import_data_set(library, folder, "rsna2019", workers=1)
    assert (again.stored, again.already, again.taken, again.duplicates) == (0, 2, 0, 6)
    assert library.labels("ID_0000000100") == before


def grouped(folder: Path) -> list[list[str]]:
    """The files of each study, as `studies_of` returns them when it has looked at all."""
    looking = studies_of(folder, files_below(folder).dicom)
    while True:
        try:
            next(looking)
        except StopIteration as end:
            return end.value


def test_progress_speaks_of_the_headers_first(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregma.catalogue.importers.dicom_studies.LOOKED_EVERY", 6)
    write_rsna_table(folder, {rsna_image(0, 3): BLEED})
    told: list[tuple[str, int, int]] = []
    import_data_set(
        library,
        folder,
        "rsna2019",
        workers=1,
        looking=lambda *now: told.append(("header", *now)),
        progress=lambda *now: told.append(("scan", *now)),
    )
    headers = [("header", 6, 16), ("header", 12, 16), ("header", 16, 16)]
    assert told == [*headers, ("scan", 1, 2), ("scan", 2, 2)]


def test_progress_speaks_of_the_whole(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 3): BLEED})
    told: list[tuple[int, int]] = []
    import_data_set(library, folder, "rsna2019", workers=1, progress=lambda *now: told.append(now))
    assert told == [(1, 2), (2, 2)]


def test_an_image_named_twice_is_counted_and_a_contradiction_is_not_taken(library: Library, folder: Path) -> None:
    twice, torn = rsna_image(0, 0), rsna_image(0, 1)
    write_rsna_table(
        folder,
        {twice: BLEED, torn: BLEED},
        extra=[
            *(f"{twice}_{name},{value}" for name, value in zip(FINDINGS, BLEED.split(","), strict=True)),
            f"{torn}_subdural,0",
            f"{torn}_subdural,1",
        ],
    )
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert report.duplicates == 6
    assert [str(conflict) for conflict in report.conflicts.first] == [
        f"stage_2_train.csv row 20, column 'Label': 0 here, 1 before, of 'subdural' in image {torn}"
    ]
    terms = {label.term: label.value for label in library.labels("ID_0000000100") if label.part == torn}
    assert terms == {"any": 1.0, "epidural": 0.0, "intraparenchymal": 0.0, "intraventricular": 0.0, "subarachnoid": 0.0}


def test_any_below_a_subtype_is_a_conflict_with_its_row(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 0): NONE, rsna_image(0, 1): "0,0,0,0,0,1"})
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert [str(conflict) for conflict in report.conflicts.first] == [
        "stage_2_train.csv row 8, column 'any': 'any' is 0, but 'subdural' is 1"
    ]
    assert {label.part for label in library.labels("ID_0000000100")} == {rsna_image(0, 0)}


def test_any_that_no_subtype_explains_is_a_conflict_and_one_of_unknown_subtype_is_not(
    library: Library, folder: Path
) -> None:
    """RSNA 2019 made `any` of the five: it is their OR, both ways."""
    write_rsna_table(folder, {rsna_image(0, 0): "1,0,0,0,0,0", rsna_image(0, 1): "1,0,0,,0,0", rsna_image(0, 2): BLEED})
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert [str(conflict) for conflict in report.conflicts.first] == [
        "stage_2_train.csv row 2, column 'any': 'any' is 1, but all five subtypes are 0"
    ]
    assert report.rows == 3
    assert {label.part for label in library.labels("ID_0000000100")} == {rsna_image(0, 1), rsna_image(0, 2)}


def test_a_scan_with_the_pixels_of_another_is_counted_and_kept(library: Library, folder: Path) -> None:
    """Both drawn studies are of one head; a second import finds the same one copy."""
    write_rsna_table(folder, {rsna_image(0, 0): NONE})
    for _ in range(2):
        report = import_data_set(library, folder, "rsna2019", workers=1)
        assert (report.stored + report.already, report.copies) == (2, 1)
        assert "1 scan with the very pixels of another one, kept" in report.summary()


def test_labels_without_an_image_are_counted_and_named(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 0): NONE, **{f"ID_{index:09x}": NONE for index in range(900, 930)}})
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert (report.rows, report.not_found.count) == (31, 30)
    assert "row 8, column 'ID': there is no readable image ID_000000384" in report.summary()
    assert "and 10 more" in report.summary()


def test_a_truncated_file_costs_one_slice_and_its_label(library: Library, folder: Path, tmp_path: Path) -> None:
    victim = folder / "stage_2_train" / f"{rsna_image(0, 3)}.dcm"
    victim.write_bytes(victim.read_bytes()[:-100])
    text = folder / "stage_2_train" / "notes.dcm"
    text.write_text("no DICOM at all")
    write_rsna_table(folder, {rsna_image(0, 3): BLEED, rsna_image(0, 4): BLEED})
    (folder / "stage_2_train" / "gone.dcm").symlink_to(tmp_path / "gone")
    (folder / "stage_2_train" / ".hidden.dcm").write_text("")
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert report.refused == {"truncated_pixels": 1, "not_dicom": 1, "unreadable_file": 1}
    assert re.search(r"\n    truncated_pixels: .* \[.*\.dcm\]\n", report.summary())
    assert (report.stored, report.slices, report.labelled[Level.SLICE], report.not_found.count) == (2, 15, 1, 1)
    assert "unreadable_slice" in {remark.code for remark in library.scan("ID_0000000100").warnings}


def test_a_file_cut_off_in_its_header_goes_with_its_series(folder: Path) -> None:
    victim = folder / "stage_2_train" / f"{rsna_image(1, 3)}.dcm"
    whole = victim.read_bytes()
    victim.write_bytes(whole[: whole.index(b"ID_0000000101") + 40])  # what follows the series' UID is lost
    studies = grouped(folder)
    assert [len(study) for study in studies] == [SLICES, SLICES]
    assert f"stage_2_train/{victim.name}" in studies[1]


def test_links_are_followed_and_no_folder_is_visited_twice(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "linked"
    elsewhere.mkdir()
    (elsewhere / "train").symlink_to(folder / "stage_2_train")
    (elsewhere / "again").symlink_to(folder / "stage_2_train")
    (folder / "stage_2_train" / "loop").symlink_to(elsewhere)
    (folder / "stage_2_train" / ".cache").mkdir()
    (folder / "stage_2_train" / ".cache" / "x.dcm").write_text("")
    assert len(files_below(elsewhere).dicom) == 2 * SLICES


def test_a_folder_that_cannot_be_listed_is_said(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rsna_table(folder, {rsna_image(0, 3): BLEED})
    (folder / "locked").mkdir()
    listed = os.scandir

    def scandir(place: str | Path) -> object:
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert (report.stored, report.refused) == (2, {"unreadable_folder": 1})


def test_an_archive_is_not_passed_over_in_silence(library: Library, folder: Path) -> None:
    write_rsna_table(folder, {rsna_image(0, 3): BLEED})
    (folder / "more.zip").write_bytes(b"PK")
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert [str(problem) for problem in report.wrong.first] == [
        "more.zip: the archive is not looked into; unpack it and import again"
    ]


@pytest.mark.parametrize("moment", [Step.RENAMED, Step.COMMITTED, Step.LABELS_ADDED, Step.LABELS_COMMITTED])
def test_what_was_stopped_goes_on(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: Step
) -> None:
    monkeypatch.setattr("bregma.catalogue.importers.dicom_studies.PART_FILES", SLICES)
    write_rsna_table(folder, {rsna_image(study, 3): BLEED for study in range(2)})

    def stop(step: Step) -> None:
        if step is moment:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            import_data_set(library, folder, "rsna2019", workers=1, on_step=stop)
        if moment in (Step.RENAMED, Step.LABELS_ADDED):
            break  # it would stop there every time
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert report.stored + report.already == 2
    for study in range(2):
        labels = library.labels(f"ID_{study + 256:010x}")
        assert [(label.part, label.term, label.value) for label in labels] == [
            (rsna_image(study, 3), name, float(value)) for name, value in zip(FINDINGS, BLEED.split(","), strict=True)
        ]


def test_parts_are_whole_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregma.catalogue.importers.dicom_studies.PART_FILES", 5)
    assert list(parted([["a"] * 3, ["b"] * 2, ["c"], ["d"] * 9, ["e"]])) == [
        ["a"] * 3 + ["b"] * 2,
        ["c"],
        ["d"] * 9,
        ["e"],
    ]


def test_the_wide_table_says_the_same(library: Library, folder: Path) -> None:
    with gzip.open(folder / "labels.csv.gz", "wt") as file:
        file.write(f"sop_id,subdural,{','.join(FINDINGS[:5])}\n{rsna_image(0, 2)},1,1,0,0,,0\n")
    with gzip.open(folder / "labels.csv.gz", "at") as file:
        file.write("ID_0,0,0,0,0,0,0\n")
    (folder / "stage_2_sample_submission.csv").write_text("ID,Label\nID_1_any,0.5\n")
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert {label.term: label.value for label in library.labels("ID_0000000100")} == {
        "any": 1.0,
        "epidural": 0.0,
        "intraparenchymal": 0.0,
        "subarachnoid": 0.0,
        "subdural": 1.0,
    }
    assert report.refused == {"not_an_image": 1}
    assert "labels.csv.gz row 3, column 'sop_id': there is no readable image ID_0" in report.summary()


@pytest.mark.parametrize(
    ("lines", "row", "column", "words"),
    [
        ("ID,Label\nID_1_any,2", 2, "Label", "'2' is neither 0 nor 1"),
        ("ID,Label\nID_1_any,0\nID_1_subdral,1", 3, "ID", "did you mean 'subdural'"),
        ("ID,Label\nID_1_any,0\nID_1_sub", 3, "Label", "1 cells"),
        ("ID,Label\n1.2.3,0", 2, "ID", "no ID_<image>_<finding>"),
        ("", 1, "ID", "the table is empty; expected 'ID,Label'"),
        ("id,label\nID_1_any,0", 1, "ID", "the header is 'id,label'; expected 'ID,Label'"),
        ("ID;Label\nID_1_any;0", 1, "ID", "the header is 'ID;Label'; expected 'ID,Label'"),
        ("sop_id,any\nID_1,0", 1, "epidural", "missing"),
        (f"sop_id,{','.join(FINDINGS)},more\n", 1, "more", "no such column"),
        (f"sop_id,{','.join(FINDINGS)},any\n", 1, "any", "2 times"),
        (f"sop_id,{','.join(FINDINGS)}\nID_1,0,0,0,0,0,0.5", 2, "subdural", "'0.5'"),
        (f"sop_id,{','.join(FINDINGS)}\nID_1,0", 2, "subdural", "2 cells"),
        (f"sop_id,{','.join(FINDINGS)}\n,0,0,0,0,0,0", 2, "sop_id", "blank"),
    ],
)
def test_a_wrong_cell_stops_before_anything_is_stored(
    library: Library, folder: Path, lines: str, row: int, column: str, words: str
) -> None:
    (folder / "stage_2_train.csv").write_text(lines + "\n")
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, "rsna2019", workers=1)
    assert (caught.value.problems[0].row, caught.value.problems[0].column) == (row, column)
    assert words in caught.value.problems[0].reason
    assert library.scans() == []


def test_a_table_of_nonsense_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "stage_2_train.csv"
    path.write_text("ID,Label\n" + "ID_1_any,7\n" * 1000)
    with pytest.raises(LabelTableError, match="100 problems or more"):
        read_slice_labels(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("stage_2_train.csv", b"ID,Label\n\xff\xfe_any,1\n", "no UTF-8 CSV"),
        ("t.csv.gz", gzip.compress(b"ID,Label\n" + b"ID_1_any,0\n" * 900)[:-20], "ends early"),
        ("t.csv.gz", b"ID,Label\n", "damaged"),
    ],
    ids=["bytes", "cut off", "no gzip"],
)
def test_a_damaged_table_is_a_wrong_request(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match=words):
        read_slice_labels(tmp_path / name)
    with pytest.raises(RequestError, match="cannot be read"):
        read_slice_labels(tmp_path / "gone.csv")


def test_a_folder_of_another_kind_is_said_to_be_so(library: Library, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LayoutError, match=r"no rsna2019: there is no table of slice labels; expected DICOM files"):
        import_data_set(library, empty, "rsna2019")
    write_rsna_table(empty, {"ID_1": NONE})
    with pytest.raises(LayoutError, match="there is no DICOM file"):
        import_data_set(library, empty, "rsna2019")


def test_two_tables_are_one_too_many(library: Library, folder: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("ID,Label\n")
    with pytest.raises(LayoutError, match=r"2 tables of slice labels \(a.csv, b.csv\)"):
        import_data_set(library, folder, "rsna2019")


def test_an_image_costs_some_hundred_bytes_however_long_the_table(tmp_path: Path) -> None:
    path = write_rsna_table(tmp_path, {f"ID_{number:09x}": BLEED for number in range(4000)})
    tracemalloc.start()
    labels = read_slice_labels(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(labels) == 4000
    assert peak < 300 * len(labels) + 200_000


@pytest.mark.real_data
def test_the_real_table_is_read(real_ct: Path) -> None:
    labels = read_slice_labels(real_ct / "tables" / "rsna_slice_labels.csv.gz")
    assert (len(labels), labels.duplicates, labels.conflicts) == (164_339, 0, [])
    assert labels.take("ID_0002081b6") == (3, {**dict.fromkeys(FINDINGS, 0.0), "intraparenchymal": 1.0, "any": 1.0})


@pytest.mark.real_data
def test_real_slices_and_a_real_study_under_kaggles_table(library: Library, real_ct: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rsna"
    folder.mkdir()
    for name in ("rsna_slices", "rsna_study_unlabelled"):
        (folder / name).mkdir()
        for path in (real_ct / name).glob("*.dcm"):
            (folder / name / path.name).symlink_to(path)
    with (real_ct / "rsna_slices" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    write_rsna_table(folder, {row["sop_id"]: ",".join(row[name] for name in FINDINGS) for row in rows})
    report = import_data_set(library, folder, "rsna2019", workers=1)
    assert (report.stored, report.slices, report.taken, report.not_found.count) == (27, 58, 156, 0)
    assert report.labels[Level.SLICE, "any", True] == 11
    study = next(scan for scan in library.scans() if len(scan.slices) == 32)
    assert library.labels(study.series_uid) == []
    for row in rows:
        assert library.slice_targets(row["series_uid"], "subdural")[0].tolist() == [float(row["subdural"])]
    assert "ID_" not in {scan.patient[:3] for scan in library.scans()}
