"""CT-ICH as single slices: drawn ones, and the twelve real ones beside the checkout."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest
from nifti_data_sets import bleeding, blood, write_ct_ich
from test_importers_nifti_masks import write_picture

from bregma.catalogue.importers.ct_ich import NAME
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.library import Library
from bregma.scan.terms import ANY

COLUMNS = (
    "patient,slice,image,mask,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,No_Hemorrhage,"
    "Fracture_Yes_No"
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def write_slices(folder: Path, said: dict[tuple[int, int], str]) -> Path:
    """image_049_04.dcm and its mask, slices of the bleeding phantom counted from 1, and what the table says of them."""
    phantom = bleeding()
    folder.mkdir()
    lines = [COLUMNS]
    for (patient, number), cells in said.items():
        name = f"{patient:03d}_{number:02d}.dcm"
        drawn = blood(phantom)[number - 1].T
        write_picture(folder / f"image_{name}", phantom.volume.values[number - 1].T)
        write_picture(folder / f"mask_{name}", np.where(drawn, 32767, -32768 if drawn.any() else 0))
        lines.append(f"{patient},{number},from/elsewhere/image_{name},from/elsewhere/mask_{name},{cells}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def slices_of(library: Library) -> dict[str, str]:
    """File -> series UID."""
    return {one.slices[0].file: one.series_uid for one in library.scans()}


def test_each_slice_is_a_scan_with_its_mask_and_labels(library: Library, tmp_path: Path) -> None:
    said = {(49, 5): "0,1,0,0,1,0,1", (49, 1): "0,0,0,0,0,1,0", (51, 8): "0,0,0,0,1,0,"}
    report = import_data_set(library, write_slices(tmp_path / "in", said), NAME, workers=1)
    assert (report.stored, report.masks, report.conflicts.count, report.wrong.count) == (3, 3, 0, 0)
    scans = slices_of(library)
    uid = scans["image_049_05.dcm"]
    np.testing.assert_array_equal(library.mask(uid)[0], blood(bleeding())[4].T)
    np.testing.assert_array_equal(library.volume(uid).values[0], bleeding().volume.values[4].T)
    assert library.slice_targets(uid, "intraparenchymal")[0][0] == 1.0
    assert library.slice_targets(uid, "epidural")[1][0]
    fractures = {file: [x.value for x in library.labels(uid) if x.term == "fracture"] for file, uid in scans.items()}
    assert fractures == {"image_049_05.dcm": [1.0], "image_049_01.dcm": [0.0], "image_051_08.dcm": []}
    assert library.scan_target(scans["image_049_01.dcm"], ANY) == 0.0
    assert sorted(map(len, library.patients().values())) == [1, 2]


def test_a_patient_is_the_same_in_both_layouts(library: Library, tmp_path: Path) -> None:
    import_data_set(library, write_slices(tmp_path / "in", {(49, 5): ",,,,,,"}), NAME, workers=1)
    import_data_set(library, write_ct_ich(tmp_path / "whole", {49: bleeding()}), NAME, workers=1)
    assert [len(series) for series in library.patients().values()] == [2]


def test_the_outline_wins_over_the_table(library: Library, tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "in", {(49, 5): "0,0,0,0,0,1,0", (49, 1): "0,0,0,0,1,0,0"})
    report = import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column) for one in report.conflicts.first] == [(2, "No_Hemorrhage"), (3, "No_Hemorrhage")]
    scans = slices_of(library)
    assert [library.labels(uid) for uid in scans.values()] == [[], []]
    assert library.slice_targets(scans["image_049_05.dcm"], ANY)[0][0] == 1.0
    assert library.slice_targets(scans["image_049_01.dcm"], ANY)[0][0] == 0.0


def test_what_is_missing_is_said_and_the_rest_is_taken(library: Library, tmp_path: Path) -> None:
    cells = "0,1,0,0,0,0,0"
    folder = write_slices(tmp_path / "in", {(49, n): cells for n in (4, 5, 6, 7)})
    (folder / "image_049_04.dcm").unlink()
    (folder / "mask_049_05.dcm").unlink()
    write_picture(folder / "mask_049_06.dcm", np.arange(4096).reshape(64, 64))
    write_picture(folder / "image_050_01.dcm", bleeding().volume.values[0])
    (folder / "notes.txt").write_text("notes")
    table = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(table.replace("from/elsewhere/mask_049_07.dcm", ""))
    (folder / "mask_049_07.dcm").unlink()
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.not_found.first] == [
        "labels.csv row 2, column 'image': there is no DICOM image 'image_049_04.dcm' that can be read"
    ]
    assert [str(one) for one in report.wrong.first] == [
        "labels.csv row 3, column 'mask': there is no DICOM image 'mask_049_05.dcm' that can be read",
        "labels.csv row 4, column 'mask': the mask holds 1 slice of 4096 values, up to 4095; expected one slice of "
        "two values",
    ]
    assert report.refused == {"not_an_image": 1}
    assert (report.stored, report.masks, report.taken, report.unlabelled) == (4, 0, 3 * 7, 1)


@pytest.mark.real_data
def test_the_real_slices(library: Library, real_ct: Path) -> None:
    folder = real_ct / "ct_ich_slices"
    with (folder / "labels.csv").open() as file:
        rows = {Path(row["image"]).name: row for row in csv.DictReader(file)}
    report = import_data_set(library, folder, NAME, workers=1)
    assert (report.stored, report.masks, report.conflicts.count, report.wrong.count) == (12, 12, 0, 0)
    assert len(library.patients()) == 8
    for file, uid in slices_of(library).items():
        row = rows[file]
        drawn = library.mask(uid)[0]
        assert np.count_nonzero(drawn) == int(row["mask_pixels"])
        np.testing.assert_array_equal(drawn, pydicom.dcmread(folder / Path(row["mask"]).name).pixel_array > 0)
        pixels = pydicom.dcmread(folder / file).pixel_array
        np.testing.assert_array_equal(library.volume(uid).values[0][drawn], pixels[drawn])
        assert library.slice_targets(uid, ANY)[0][0] == 1.0
        for column in ("Epidural", "Subdural", "Subarachnoid", "Intraventricular", "Intraparenchymal"):
            value, known = library.slice_targets(uid, column.lower())
            assert known[0] == bool(row[column])
            assert not known[0] or value[0] == float(row[column])
    again = import_data_set(library, folder, NAME, workers=1)
    assert (again.stored, again.already, again.taken, again.masks) == (0, 12, 0, 0)
