"""PHE-SICH-CT-IDS: drawn heads as PNG slices lying on their side, and the 26 real scans beside the checkout."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from nifti_data_sets import SLICES, bleeding, blood, healthy
from PIL import Image

from bregma.catalogue.importers.named import named_uid
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.phe_sich import NAME
from bregma.catalogue.importers.phe_sich_tables import read_boxes, read_slices
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.phantom.draw import Phantom
from bregma.scan.labels import Label, Level

COLUMNS = "slice_id,patient,slice_index,image,oedema_mask,oedema_mask_pixels,n_boxes,lesion_visible,suggested_split"
SOURCE = "dataset:phe_sich"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "lib")


def uid(patient: str) -> str:
    return named_uid(NAME, "series", patient)


def grey(phantom: Phantom, index: int) -> np.ndarray:
    """A slice through the window 40/80, face on top."""
    return np.clip(np.rint(phantom.volume.values[index] / 80 * 255), 0, 255).astype(np.uint8)


def write_set(folder: Path, scans: dict[str, Phantom]) -> Path:
    """Pictures with the face on the left, tables as the phantoms' truth has them, an oedema mask on slices of blood."""
    slices, boxes = [COLUMNS], ["slice_id,xmin,ymin,xmax,ymax"]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for patient, phantom in scans.items():
        seen = blood(phantom).any(axis=(1, 2))
        for index in range(SLICES):
            name = f"{patient}_{index:02d}"
            Image.fromarray(np.rot90(grey(phantom, index))).save(folder / "images" / f"{name}.png")
            slices.append(f"{name},{patient},{index},images/{name}.png,,0,{int(seen[index])},{int(seen[index])},train")
            if seen[index]:
                boxes.append(f"{name},10,20,30,40")
                Image.fromarray(np.rot90(blood(phantom)[index]) * np.uint8(255)).save(folder / "masks" / f"{name}.png")
    (folder / "slices.csv").write_text("\n".join(slices) + "\n")
    (folder / "boxes.csv").write_text("\n".join(boxes) + "\n")
    return folder


def rewrite(table: Path, change: dict[int, str], more: Sequence[str] = ()) -> None:
    """Replace lines by number (1 is the header) and add some."""
    lines = table.read_text().splitlines()
    for number, line in change.items():
        lines[number - 1] = line
    table.write_text("\n".join([*lines, *more]) + "\n")


def test_pictures_of_a_patient_are_one_scan_with_the_face_on_top(library: Library, tmp_path: Path) -> None:
    phantom = bleeding()
    report = import_data_set(library, write_set(tmp_path / "in", {"0001": phantom, "0006": healthy()}), NAME, workers=1)
    assert (report.stored, report.slices, report.masks, report.wrong.count) == (2, 20, 0, 0)
    shown = np.stack([grey(phantom, index) for index in range(SLICES)])
    np.testing.assert_array_equal(library.volume(uid("0001")).values, np.rint(shown / 255 * 80))
    record = library.scan(uid("0001"))
    assert record.geometry is None
    codes = {remark.code for remark in record.warnings}
    assert {"window_assumed", "display_values", "order_assumed", "no_orientation"} <= codes
    assert "modality_unknown" not in codes
    assert len(library.patients()) == 2


def test_a_visible_lesion_is_any_of_the_slice_and_a_box_is_a_clot_somewhere(library: Library, tmp_path: Path) -> None:
    import_data_set(library, write_set(tmp_path / "in", {"0001": bleeding(), "0006": healthy()}), NAME, workers=1)
    seen = blood(bleeding()).any(axis=(1, 2))
    value, known = library.slice_targets(uid("0001"), "any")
    assert known.all()
    np.testing.assert_array_equal(value, seen)
    assert library.scan_target(uid("0001"), "intraparenchymal") == 1.0
    _, known = library.slice_targets(uid("0001"), "intraparenchymal")
    np.testing.assert_array_equal(known, ~seen)  # absent where nothing is seen; on the others nobody says of what kind
    assert library.scan_target(uid("0006"), "intraparenchymal") == 0.0
    assert not [one for one in library.labels(uid("0001")) if one.level is Level.LESION]


def test_the_oedema_is_never_blood(library: Library, tmp_path: Path) -> None:
    report = import_data_set(library, write_set(tmp_path / "in", {"0001": bleeding()}), NAME, workers=1)
    assert report.refused == {"mask_picture": 6}
    assert library.masks(uid("0001")) == []
    (refusal,) = library.refusals()
    assert "oedema" in refusal.reason
    assert refusal.files[0] == "masks/0001_03.png"


def test_a_second_import_changes_nothing(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    first = import_data_set(library, folder, NAME, workers=1)
    before = library.labels(uid("0001"))
    again = import_data_set(library, folder, NAME, workers=1)
    assert (again.stored, again.already, again.taken, again.duplicates) == (0, 1, 0, first.taken)
    assert library.labels(uid("0001")) == before


def test_a_blank_cell_says_nothing(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    rewrite(folder / "slices.csv", {3: "0001_01,0001,1,,,,,,", 6: "0001_04,0001,4,,,,1,,"})
    import_data_set(library, folder, NAME, workers=1)
    known = library.slice_targets(uid("0001"), "any")[1]
    assert [index for index in range(SLICES) if not known[index]] == [1, 4]
    assert library.scan_target(uid("0001"), "intraparenchymal") == 1.0


def test_a_sidecar_beside_the_pictures_says_it_better(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    stated = {"window": {"center": 35, "width": 70}, "pixel_mm": 3.75, "slice_mm": 15, "order": "head_to_foot"}
    (folder / "images" / "scan.json").write_text(json.dumps(stated))
    import_data_set(library, folder, NAME, workers=1)
    record = library.scan(uid("0001"))
    assert record.geometry is not None
    assert record.shape == (10, 64, 64)
    assert "window_assumed" not in {remark.code for remark in record.warnings}
    assert record.slices[0].file == "images/0001_09.png"
    first = np.rot90(grey(bleeding(), 9)) / 255 * 70
    np.testing.assert_array_equal(library.volume(uid("0001")).values[0], np.rint(first))
    seen = blood(bleeding()).any(axis=(1, 2))
    np.testing.assert_array_equal(library.slice_targets(uid("0001"), "any")[0], seen[::-1])


def test_a_wrong_sidecar_is_said_of_each_scan(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding(), "0006": healthy()})
    (folder / "images" / "scan.json").write_text('{"rotat": 90}')
    report = import_data_set(library, folder, NAME, workers=1)
    assert report.stored == 0
    assert report.refused["bad_sidecar"] == 2 * (SLICES + 1)
    assert report.of_refused == 2 * SLICES + 1


def test_tables_that_contradict_each_other_are_conflicts(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    rewrite(
        folder / "slices.csv",
        {
            5: "0001_03,0001,3,,,,2,1,",  # one box, not two
            6: "0001_04,0001,4,,,,1,0,",  # a box where nothing is seen
            7: "0001_05,0006,5,,,,1,1,",  # a slice of another patient
        },
    )
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.conflicts.first] == [
        "slices.csv row 5, column 'n_boxes': it is 2, and boxes.csv has 1 of slice 0001_03",
        "slices.csv row 6, column 'lesion_visible': it is 0, and boxes.csv has 1 of slice 0001_04",
        "slices.csv row 7, column 'patient': it is '0006', and the slice is '0001_05'",
    ]
    known = library.slice_targets(uid("0001"), "any")[1]
    assert [index for index in range(SLICES) if not known[index]] == [3, 4, 5]


def test_slices_counted_otherwise_than_named_leave_the_scan_without_labels(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    rewrite(folder / "slices.csv", {4: "0001_02,0001,9,,,,0,0,"})
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.wrong.first] == [
        "slices.csv row 5, column 'slice_index': slice 0001_03 has 3, slice 0001_02 before it 9; "
        "no row about this scan is taken"
    ]
    assert (report.stored, library.labels(uid("0001"))) == (1, [])


def test_rows_without_a_picture_and_pictures_without_a_row(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding()})
    rewrite(folder / "slices.csv", {2: "0009_00,0009,0,,,,0,0,"})  # instead of the row about 0001_00
    rewrite(folder / "boxes.csv", {}, ["0044_07,1,1,2,2"])
    (folder / "images" / "overview.png").write_bytes((folder / "images" / "0001_00.png").read_bytes())
    (folder / "images" / "notes.txt").write_text("notes")
    report = import_data_set(library, folder, NAME, workers=1)
    assert [str(one) for one in report.not_found.first] == [
        "slices.csv row 2, column 'slice_id': there is no picture images/0009_00.png",
        "boxes.csv row 8, column 'slice_id': there is no picture images/0044_07.png",
    ]
    assert report.refused == {"mask_picture": 6, "not_an_image": 2}
    assert report.unlabelled == 1
    assert library.scan(uid("0001")).shape == (10, 64, 64)
    assert not library.slice_targets(uid("0001"), "any")[1][0]


def test_wrong_cells_stop_the_import_with_row_and_column(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": healthy()})
    rewrite(folder / "slices.csv", {2: "0001_00,0001,first,,,,0,0,", 3: "0001_01,0001,1,,,,0,perhaps,"})
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column) for one in caught.value.problems] == [(2, "slice_index"), (3, "lesion_visible")]
    rewrite(folder / "boxes.csv", {}, ["0001_00,30,20,10,40", "0001_00,10,20,30,"])
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column) for one in caught.value.problems] == [(2, "xmax"), (3, "ymax")]
    rewrite(folder / "boxes.csv", {2: "0001_00,10,20,11,21", 3: "0001_00,10,20,30,20"})  # a pixel is a box, a line none
    with pytest.raises(LabelTableError) as caught:
        import_data_set(library, folder, NAME, workers=1)
    assert [(one.row, one.column) for one in caught.value.problems] == [(3, "ymax")]
    assert library.scans() == []


def test_a_damaged_picture_costs_only_its_scan(library: Library, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "in", {"0001": bleeding(), "0006": healthy()})
    (folder / "images" / "0001_04.png").write_bytes(b"no picture")
    report = import_data_set(library, folder, NAME, workers=1)
    assert (report.stored, report.refused["bad_png"]) == (1, SLICES)
    assert library.labels(uid("0006"))[0] == Label(uid("0006"), Level.SLICE, "0", "any", 0.0, SOURCE)


@pytest.mark.parametrize("gone", ["images", "slices.csv", "boxes.csv"])
def test_another_folder_is_one_clear_error(library: Library, tmp_path: Path, gone: str) -> None:
    folder = write_set(tmp_path / "in", {"0001": healthy()})
    (folder / gone).rename(tmp_path / "gone")
    with pytest.raises(LayoutError, match=f"no phe_sich: there is no (folder|table) '{gone}'"):
        import_data_set(library, folder, NAME)


def linked(real: Path, folder: Path, patients: tuple[str, ...]) -> Path:
    """Some patients of the real set: links to their pictures, and the lines of the tables about them."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for path in (real / name).glob("*.png"):
            if path.name.startswith(patients):
                (folder / name / path.name).symlink_to(path)
    for name in ("slices.csv", "boxes.csv"):
        header, *lines = (real / name).read_text().splitlines()
        (folder / name).write_text("\n".join([header, *(one for one in lines if one.startswith(patients))]) + "\n")
    return folder


@pytest.mark.real_data
def test_the_real_tables_agree_with_each_other(real_ct: Path) -> None:
    boxes = read_boxes(real_ct / "phe_sich" / "boxes.csv")
    table = read_slices(real_ct / "phe_sich" / "slices.csv", boxes)
    assert (len(table.said), len(table.names), table.conflicts) == (26, 754, ())
    assert set(boxes) <= table.names


@pytest.mark.real_data
def test_real_scans(library: Library, real_ct: Path, tmp_path: Path) -> None:
    patients = ("0001", "0133")
    folder = linked(real_ct / "phe_sich", tmp_path / "in", patients)
    with (folder / "slices.csv").open() as file:
        rows = list(csv.DictReader(file))
    outlined = sum(int(row["oedema_mask_pixels"] or 0) > 0 for row in rows)
    report = import_data_set(library, folder, NAME, workers=1)
    assert (report.stored, report.slices, report.refused) == (2, len(rows), {"mask_picture": outlined})
    assert (report.conflicts.count, report.wrong.count, report.not_found.count, report.masks) == (0, 0, 0, 0)
    for patient in patients:
        said = sorted(
            (int(row["slice_index"]), float(row["lesion_visible"])) for row in rows if row["patient"] == patient
        )
        assert library.slice_targets(uid(patient), "any")[0].tolist() == [value for _, value in said]
        stored = np.asarray(Image.open(folder / "images" / f"{patient}_14.png"))
        shown = np.rint(np.rot90(stored, -1) / 255 * 80)
        np.testing.assert_array_equal(library.volume(uid(patient)).values[14], shown)
