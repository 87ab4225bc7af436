"""CT-ICH as volumes: masks and a table of slices, and what happens where the two disagree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from nifti_data_sets import (
    CT_ICH_COLUMNS,
    bleeding,
    blood,
    ct_ich_rows,
    healthy,
    write_ct_ich,
    write_ct_ich_table,
    write_mask,
    write_scan,
)

from bregma.catalogue.importers.ct_ich import NAME
from bregma.catalogue.importers.ct_ich_table import read_said
from bregma.catalogue.importers.named import named_uid
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.scan.labels import Label, Level
from bregma.scan.terms import SUBTYPES

UID = named_uid(NAME, "series", "049")
NO_BLEED = CT_ICH_COLUMNS.index("No_Hemorrhage")
SUBDURAL = CT_ICH_COLUMNS.index("Subdural")

Rows = list[Sequence[object]]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def changed(rows: Rows, changes: dict[int, dict[int, object]]) -> Rows:
    """Rows with other cells: number of the slice -> place of the cell -> content."""
    return [tuple(changes.get(int(str(row[1])), {}).get(place, cell) for place, cell in enumerate(row)) for row in rows]


def slices_with_labels(library: Library) -> list[int]:
    return sorted({int(one.part or "") for one in library.labels(UID)})


@pytest.mark.parametrize("axes", ["LAS", "RPI", "LPS"])
def test_table_and_mask_meet_on_the_right_slice_however_the_file_counts(
    library: Library, tmp_path: Path, axes: str
) -> None:
    phantom = bleeding()
    report = import_data_set(library, write_ct_ich(tmp_path / "in", {49: phantom}, axes), NAME, workers=1)
    assert (report.stored, report.masks) == (1, 1)
    assert (report.conflicts.count, report.wrong.count, report.not_found.count) == (0, 0, 0)
    np.testing.assert_array_equal(library.volume(UID).values, phantom.volume.values)
    np.testing.assert_array_equal(library.mask(UID), blood(phantom))
    for name in SUBTYPES:
        value, known = library.slice_targets(UID, name)
        np.testing.assert_array_equal(value, phantom.masks[name].any(axis=(1, 2)))
        assert known.all()
    fractured = {one.part for one in library.labels(UID) if one.term == "fracture" and one.value == 1.0}
    assert fractured == {"7" if axes == "RPI" else "2"}  # the third slice of the file
    assert library.scan_target(UID, "any") == 1.0


def test_a_second_import_changes_nothing(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: bleeding(), 50: healthy()})
    first = import_data_set(library, folder, NAME, workers=1)
    before = library.labels(UID)
    again = import_data_set(library, folder, NAME, workers=1)
    assert (again.stored, again.already, again.taken, again.masks) == (0, 2, 0, 0)
    assert again.duplicates == first.taken + first.masks
    assert library.labels(UID) == before


def test_a_blank_cell_says_nothing(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy()})
    blanks = dict.fromkeys(range(2, 9), "")
    rows = changed(ct_ich_rows(49, healthy()), {4: blanks, 5: {SUBDURAL: "", 8: ""}})
    write_ct_ich_table(folder, [*rows, ("",) * 9])
    (folder / "masks" / "049.nii").unlink()
    import_data_set(library, folder, NAME, workers=1)
    assert slices_with_labels(library) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert not library.slice_targets(UID, "any")[1][3]
    said = {one.term for one in library.labels(UID) if one.part == "4"}
    assert said == {"any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid"}


def test_the_outlines_win_over_the_table_slice_by_slice(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_ct_ich(tmp_path / "in", {49: phantom})
    seen = blood(phantom).any(axis=(1, 2))
    assert list(np.flatnonzero(seen)) == [3, 4, 5, 6, 7, 8]
    # slice 9 (index 8) is said to be without blood, slice 1 (index 0) to have some
    rows = changed(ct_ich_rows(49, phantom), {9: {SUBDURAL: 0, NO_BLEED: 1}, 1: {SUBDURAL: 1, NO_BLEED: 0}})
    write_ct_ich_table(folder, rows)
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.conflicts.first] == [
        "hemorrhage_diagnosis_raw_ct.csv row 2, column 'No_Hemorrhage': the table says blood on slice 1, the outlines "
        "show no blood; the outlines are kept",
        "hemorrhage_diagnosis_raw_ct.csv row 10, column 'No_Hemorrhage': the table says no blood on slice 9, the "
        "outlines show blood; the outlines are kept",
    ]
    assert slices_with_labels(library) == [1, 2, 3, 4, 5, 6, 7, 9]
    value, known = library.slice_targets(UID, "any")
    assert known.all()
    np.testing.assert_array_equal(value, seen)
    assert library.slice_targets(UID, "subdural")[1].tolist() == [True] * 8 + [False, True]


def test_a_table_that_counts_other_slices_is_not_believed_at_all(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_ct_ich(tmp_path / "in", {49: phantom})
    shifted = [(49, (int(str(row[1])) + 2) % 10 + 1, *row[2:]) for row in ct_ich_rows(49, phantom)]
    write_ct_ich_table(folder, shifted)
    report = import_data_set(library, folder, NAME, workers=1)
    assert report.conflicts.count == 7  # three slices too early, three too late, and the table as a whole
    assert "disagree on 6 slices of this scan and agree on blood in 3" in report.conflicts.first[-1].reason
    assert "its other 4 rows cannot be believed" in report.conflicts.first[-1].reason
    assert library.labels(UID) == []
    np.testing.assert_array_equal(library.slice_targets(UID, "any")[0], blood(phantom).any(axis=(1, 2)))


def test_rows_that_contradict_themselves_are_conflicts(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_ct_ich(tmp_path / "in", {49: phantom})
    rows = changed(ct_ich_rows(49, phantom), {5: {NO_BLEED: 1}, 2: {NO_BLEED: 0}})
    write_ct_ich_table(folder, rows)
    report = import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.reason) for one in report.conflicts.first] == [
        (3, "it is 0, and no subtype is marked"),
        (6, "it is 1, and 'intraparenchymal' is marked all the same"),
    ]
    assert slices_with_labels(library) == [0, 2, 3, 5, 6, 7, 8, 9]


def test_rows_for_no_slice_and_no_volume_are_reported(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_ct_ich(tmp_path / "in", {49: phantom})
    rows = ct_ich_rows(49, phantom)
    zero, eleventh = ((49, number, *rows[0][2:]) for number in (0, 11))
    write_ct_ich_table(folder, [*rows, zero, eleventh, *ct_ich_rows(70, healthy())])
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one).partition("csv ")[2] for one in report.not_found.first] == [
        "row 12, column 'SliceNumber': ct_scans/049.nii has 10 slices, and no slice 0",
        "row 13, column 'SliceNumber': ct_scans/049.nii has 10 slices, and no slice 11",
        "row 14, column 'PatientNumber': there is no volume of patient 70 (10 rows)",
    ]
    assert slices_with_labels(library) == list(range(10))


def test_the_same_slice_twice_with_other_words_is_a_conflict(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy()})
    rows = ct_ich_rows(49, healthy())
    write_ct_ich_table(folder, [*rows, (*rows[3][:8], 1), rows[5]])
    report = import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column) for one in report.conflicts.first] == [(12, "fracture")]
    assert Label(UID, Level.SLICE, "3", "any", 0.0, "dataset:ct_ich") in library.labels(UID)


def test_wrong_cells_stop_the_import_with_row_and_column(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy()})
    rows = changed(ct_ich_rows(49, healthy()), {2: {SUBDURAL: "yes"}, 3: {NO_BLEED: 2}, 4: {1: "4a"}, 5: {0: "-49"}})
    write_ct_ich_table(folder, rows)
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column, one.reason) for one in caught.value.problems] == [
        (3, "Subdural", "'yes' is neither 0 nor 1 (leave it blank if unknown)"),
        (4, "No_Hemorrhage", "'2' is neither 0 nor 1 (leave it blank if unknown)"),
        (5, "SliceNumber", "'4a' is no whole number"),
        (6, "PatientNumber", "'-49' is no whole number"),
    ]
    assert library.scans() == []


def test_a_table_of_other_columns_is_refused(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy()})
    columns = ("PatientNo", *CT_ICH_COLUMNS[1:])
    write_ct_ich_table(folder, ct_ich_rows(49, healthy()), columns)
    with pytest.raises(
        LabelTableError, match="row 1, column 'PatientNumber': the column is missing; did you mean 'Pat"
    ):
        import_data_set(library, folder, NAME, workers=1)


def test_masks_that_do_not_fit_leave_the_rest(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    folder = write_ct_ich(tmp_path / "in", {49: phantom, 50: phantom, 51: phantom, 52: phantom})
    write_mask(folder / "masks" / "049.nii", phantom, blood(phantom)[:8].astype(np.uint8))
    (folder / "masks" / "050.nii").write_bytes(b"not a mask")
    write_mask(folder / "masks" / "051.nii", phantom, blood(phantom)[::-1].astype(np.uint8), affine=False)
    (folder / "masks" / "052.nii").unlink()
    write_mask(folder / "masks" / "099.nii", phantom, blood(phantom).astype(np.uint8))
    report = import_data_set(library, folder, NAME, workers=1)
    said = {problem.table: problem.reason for problem in report.wrong.first}
    assert set(said) == {"masks/049.nii", "masks/050.nii", "masks/051.nii", "ct_scans/052.nii"}
    assert "shape (8, 64, 64)" in said["masks/049.nii"]
    assert "copy the scan's affine" in said["masks/051.nii"]
    assert [one.table for one in report.not_found.first] == ["masks/099.nii"]
    assert (report.stored, report.masks, report.labelled[Level.SLICE]) == (4, 0, 40)
    assert report.conflicts.count == 0  # a mask that is not taken says nothing against the table


def test_a_volume_that_cannot_be_read_is_refused_with_its_rows(library: Library, tmp_path: Path) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy(), 50: bleeding()})
    (folder / "ct_scans" / "050.nii").write_bytes(b"x" * 400)
    write_scan(folder / "ct_scans" / "extra.nii", healthy(1))
    report = import_data_set(library, folder, NAME, workers=1)
    assert report.refused == {"not_nifti": 1}
    assert "the 10 rows about its slices are not taken" in report.wrong.first[-1].reason
    assert (report.stored, report.of_refused) == (2, 1)
    assert len(library.patients()) == 2


def test_a_volume_that_is_not_stored_slice_by_slice_keeps_its_mask_only(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    report = import_data_set(library, write_ct_ich(tmp_path / "in", {49: phantom}, "PSR"), NAME, workers=1)
    assert [one.reason for one in report.wrong.first] == [
        "the third axis of the volume does not run from slice to slice; the 10 rows about its slices are not taken"
    ]
    np.testing.assert_array_equal(library.mask(UID), blood(phantom))
    assert library.labels(UID) == []


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("ct_scans", "there is no folder 'ct_scans'"),
        ("masks", "there is no folder 'masks'"),
        ("hemorrhage_diagnosis_raw_ct.csv", "there is no table 'hemorrhage_diagnosis_raw_ct.csv'"),
    ],
)
def test_another_folder_is_one_clear_error(library: Library, tmp_path: Path, gone: str, words: str) -> None:
    folder = write_ct_ich(tmp_path / "in", {49: healthy()})
    (folder / gone).rename(tmp_path / "gone")
    with pytest.raises(LayoutError, match=f"no ct_ich: {words}"):
        import_data_set(library, folder, NAME)


@pytest.mark.real_data
def test_the_real_table_is_read_whole(real_ct: Path) -> None:
    said, conflicts = read_said(real_ct / "tables" / "ct_ich_slice_labels.csv", "PatientNumber", "SliceNumber")
    assert (len(said), sum(map(len, said.values())), conflicts) == (57, 1716, [])
    assert [one.number for one in said[76] if one.bleeds] == [10, *range(12, 25)]  # masks of 35 and 39 say otherwise
    assert sum(one.values["fracture"] for rows in said.values() for one in rows) == 130
