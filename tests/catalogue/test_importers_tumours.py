"""Data sets of tumours, drawn small in the layouts in which they are handed out, and the real ones where they are."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
from PIL import Image

from bregma.catalogue.importers.data_set_report import DataSetReport
from bregma.catalogue.importers.part import LayoutError
from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.library import Library
from bregma.catalogue.tumours import load_tumour_scan, tumour_scans
from bregma.scan.tumour import TumourScan

REAL = Path(os.environ.get("BREGMA_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "mri"
SHAPE = (5, 16, 20)
OUTLINE = np.zeros(SHAPE, np.uint8)
OUTLINE[1:3, 4:8, 12:17] = 1
AFFINE = np.diag([-1.0, -1.0, 6.0, 1.0])


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library") as opened:
        yield opened


def values(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, SHAPE).astype(np.uint8)


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), AFFINE), path)


def taken(library: Library, folder: Path, name: str) -> tuple[DataSetReport, list[TumourScan]]:
    report = import_data_set(library, folder, name, workers=1)
    return report, [load_tumour_scan(library, uid) for uid in tumour_scans(library)]


def test_lgg_has_a_side_and_a_lobe_and_no_millimetres(library: Library, tmp_path: Path) -> None:
    lines = ["patient,t1c,flair,mask,slices,tumour_type,histology,side,lobe,spacing_known"]
    for number, side in enumerate(("left", "right")):
        write(tmp_path / "lgg" / f"P{number}_t1c.nii.gz", values(number))
        write(tmp_path / "lgg" / f"P{number}_mask.nii.gz", OUTLINE)
        lines.append(f"P{number},P{number}_t1c.nii.gz,x,P{number}_mask.nii.gz,5,glioma_lgg,x,{side},frontal,no")
    (tmp_path / "lgg" / "volumes.csv").write_text("\n".join(lines) + "\n")
    report, scans = taken(library, tmp_path / "lgg", "lgg")
    assert (report.stored, report.masks, report.taken, report.wrong.count) == (2, 2, 6, 0)
    assert {scan.tumours[0].labels["side"] for scan in scans} == {"left", "right"}
    for scan in scans:
        assert scan.volume.geometry is None
        np.testing.assert_array_equal(scan.map, OUTLINE)
        assert scan.tumours[0].labels["area"] == "frontal region"
        assert scan.tumours[0].labels["type"] == "glioma"
        assert (scan.tumours[0].box.start, scan.tumours[0].box.stop) == ((1, 4, 12), (3, 8, 17))
    again = import_data_set(library, tmp_path / "lgg", "lgg", workers=1)
    assert (again.stored, again.already, again.taken, again.masks) == (0, 2, 0, 0)


def test_brats_is_found_by_its_names(library: Library, tmp_path: Path) -> None:
    parts = OUTLINE * 4
    parts[1, 4, 12], parts[4, 10:13, 2:5] = 1, 2  # necrosis; oedema, which is not the tumour
    scores = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for name, link, t1c in (
        ("BraTS20_Training_001", "_", "t1ce"),
        ("BraTS-GLI-00002-000", "-", "t1c"),
        ("BraTS-GLI-00002-001", "-", "t1c"),
        ("BraTS-MET-00003-000", "-", "t1c"),
    ):
        write(tmp_path / "brats" / name / f"{name}{link}{t1c}.nii.gz", scores + len(name))
        write(tmp_path / "brats" / name / f"{name}{link}flair.nii.gz", scores)
        write(tmp_path / "brats" / name / f"{name}{link}seg.nii.gz", parts)
    write(tmp_path / "brats" / "BraTS-GLI-9-000" / "BraTS-GLI-9-000-t1c.nii.gz", scores * 2)
    report, scans = taken(library, tmp_path / "brats", "brats")
    assert (report.stored, report.masks) == (5, 4)
    assert "no BraTS-GLI-9-000-seg" in str(report.wrong.first[0])
    assert Counter(scan.tumours[0].labels.get("type") for scan in scans) == {"glioma": 3, None: 1}
    assert len({scan.patient for scan in scans}) == 3  # two visits of one patient
    for scan in scans:
        np.testing.assert_array_equal(scan.map, OUTLINE)
        assert scan.volume.geometry is not None
    facts = library.scan(scans[0].series_uid).facts
    own = float(facts["ValueSlope"]) * scans[0].volume.values + float(facts["ValueIntercept"])
    assert abs(own - own.min() - (scores - scores.min())).max() < 1e-3


def test_brats_with_a_table(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "b" / "x_t1c.nii.gz", values(1))
    write(tmp_path / "b" / "x_labels.nii.gz", OUTLINE * 3)
    (tmp_path / "b" / "volumes.csv").write_text(
        "patient,t1c,labels,tumour_type,spacing_known\nx,x_t1c.nii.gz,x_labels.nii.gz,glioma,yes (1 mm)\n"
    )
    _, scans = taken(library, tmp_path / "b", "brats")
    np.testing.assert_array_equal(scans[0].map, OUTLINE)
    assert scans[0].volume.geometry is not None


def test_ones_own_table_has_several_tumours_in_a_scan(library: Library, tmp_path: Path) -> None:
    numbers = OUTLINE.copy()
    numbers[4, 10:12, 2:5] = 7
    write(tmp_path / "own" / "a.nii", values(0))
    write(tmp_path / "own" / "a_map.nii", numbers)
    write(tmp_path / "own" / "b.nii", values(1))
    (tmp_path / "own" / "tumours.csv").write_text(
        "scan,outline,patient,study,date,number,type,side\na.nii,a_map.nii,p,1,2024-01-31,1,metastasis,left\n"
        "a.nii,a_map.nii,p,1,2024-01-31,7,,right\nb.nii,,p,2,,,,\n"
    )
    report, (scan,) = taken(library, tmp_path / "own", "tumours")
    assert (report.stored, report.masks, report.taken) == (2, 1, 3)
    assert {one.number: dict(one.labels) for one in scan.tumours} == {
        1: {"type": "metastasis", "side": "left"},
        7: {"side": "right"},
    }
    assert scan.date == "20240131"
    assert len(library.patients()) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",m.nii,p,,,", r"row 2, column 'scan': it is blank"),
        ("a.nii,m.nii,,,,", "'patient': it is blank"),
        ("a.nii,m.nii,p,blob,,", "no type of a tumour"),
        ("a.nii,m.nii,p,,0,", "no tumour's number"),
        ("a.nii,m.nii,p,,,31.1.2024", "expected YYYYMMDD"),
        ("../a.nii,m.nii,p,,,", "leads out"),
        ("a.nii,m.nii,p,,1,\na.nii,m.nii,q,,2,", "'q' here, 'p' in row 2"),
        ("a.nii,m.nii,p,,1,\na.nii,m.nii,p,,1,", "has a row before"),
    ],
)
def test_wrong_tables_are_told_before_anything_is_stored(
    library: Library, tmp_path: Path, line: str, words: str
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tumours.csv").write_text(f"scan,outline,patient,type,number,date\n{line}\n")
    with pytest.raises(LabelTableError, match=words):
        taken(library, tmp_path / "own", "tumours")


def test_a_missing_file_costs_its_row_alone(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "own" / "a.nii", values(0))
    (tmp_path / "own" / "tumours.csv").write_text("scan,patient,outline\na.nii,p,\ngone.nii,q,gone_too.nii\n")
    report, scans = taken(library, tmp_path / "own", "tumours")
    assert (report.stored, len(scans), report.wrong.count) == (1, 0, 2)
    assert "tumours.csv row 3, column 'scan': there is no file 'gone.nii'" in str(report.wrong.first[0])


@pytest.mark.parametrize("name", ["lgg", "brats", "tumours", "figshare_t1c", "figshare_t1c_stacks"])
def test_another_folder_is_told(library: Library, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError, match=name):
        taken(library, tmp_path / "empty", name)


def figshare(folder: Path, *lines: str) -> Path:
    """Four slices of two patients; two of one study and plane."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in (3, 4, 9, 12):
        Image.fromarray(values(number)[0]).save(folder / "images" / f"{number:04d}.jpg", quality=95)
        Image.fromarray(OUTLINE[1] * 255).save(folder / "masks" / f"{number:04d}.png")
    rows = lines or (
        "3,images/0003.jpg,masks/0003.png,F1,F1-S1,glioma,axial,0.49,7.0",
        "4,images/0004.jpg,masks/0004.png,F1,F1-S1,glioma,axial,0.49,7.0",
        "9,images/0009.jpg,masks/0009.png,F1,F1-S1,glioma,sagittal,0.49,7.0",
        "12,images/0012.jpg,masks/0012.png,F2,F2-S1,pituitary,axial,,",
    )
    header = "slice_id,image,mask,patient,study,tumour_type,plane,pixel_mm,slice_step_mm"
    (folder / "slices.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_figshare_slices_are_scans_of_one_slice(library: Library, tmp_path: Path) -> None:
    report, scans = taken(library, figshare(tmp_path / "f"), "figshare_t1c")
    assert (report.stored, report.slices, report.masks, report.taken) == (4, 4, 4, 4)
    assert Counter(scan.tumours[0].labels["type"] for scan in scans) == {"glioma": 3, "pituitary": 1}
    assert len({scan.patient for scan in scans}) == 2
    for scan in scans:
        np.testing.assert_array_equal(scan.map, OUTLINE[1:2])
        assert scan.volume.geometry is None
    facts = [library.scan(scan.series_uid).facts for scan in scans]
    assert Counter(one["Plane"] for one in facts) == {"axial": 3, "sagittal": 1}
    assert Counter(one.get("PixelSpacing") for one in facts) == {0.49: 3, None: 1}


def test_figshare_stacks_are_the_slices_of_a_study_and_plane(library: Library, tmp_path: Path) -> None:
    report, scans = taken(library, figshare(tmp_path / "f"), "figshare_t1c_stacks")
    assert (report.stored, report.slices, report.taken) == (3, 4, 3)
    stack = next(scan for scan in scans if len(scan.map) == 2)
    assert (len(stack.tumours), stack.tumours[0].box.stop[0]) == (1, 2)
    first = np.asarray(Image.open(tmp_path / "f" / "images" / "0003.jpg"))
    np.testing.assert_array_equal(stack.volume.values[0], first)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,images/0003.jpg,masks/0003.png,F1,F1-S1,glioma,axial,,", "'slice_id': 'x' is no whole number"),
        ("3,,masks/0003.png,F1,F1-S1,glioma,axial,,", "'image': it is blank"),
        ("3,images/0003.jpg,masks/0003.png,F1,F1-S1,blob,axial,,", "'blob' is none"),
        ("3,images/0003.jpg,masks/0003.png,F1,F1-S1,glioma,tilted,,", "'tilted' is none"),
        ("3,images/0003.jpg,masks/0003.png,F1,F1-S1,glioma,axial,-1,", "no length in mm"),
        ("3,i,m,F1,F1-S1,glioma,axial,,\n3,i,m,F1,F1-S1,glioma,axial,,", "in row 2 too"),
        ("3,i,m,F1,F1-S1,glioma,axial,,\n4,i,m,F1,F1-S1,pituitary,axial,,", "glioma of F1 in row 2, pituitary"),
    ],
)
def test_wrong_lines_of_figshare_are_told(library: Library, tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(LabelTableError, match=words):
        taken(library, figshare(tmp_path / "f", line), "figshare_t1c")


def test_a_figshare_slice_without_its_picture_is_told(library: Library, tmp_path: Path) -> None:
    folder = figshare(tmp_path / "f")
    (folder / "images" / "0004.jpg").unlink()
    report, scans = taken(library, folder, "figshare_t1c")
    assert (len(scans), str(report.wrong.first[0])) == (
        3,
        "slices.csv row 3, column 'image': there is no file 'images/0004.jpg'",
    )


def write_mat(path: Path, number: int, patient: str, label: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        held = file.create_group("cjdata")
        held["label"] = np.array([[float(label)]])
        held["PID"] = np.array([[ord(letter)] for letter in patient], np.uint16)
        held["image"] = (values(number)[0].astype(np.int16) * 20).T
        held["tumorMask"] = OUTLINE[1].T


def test_figshare_as_it_is_handed_out(library: Library, tmp_path: Path) -> None:
    for number, patient, label in ((1, "100360", 1), (2, "MR010A", 2), (10, "MR010B", 3)):
        write_mat(tmp_path / "mat" / "part1" / f"{number}.mat", number, patient, label)
    (tmp_path / "mat" / "11.mat").write_bytes(b"MATLAB 5.0")
    report, scans = taken(library, tmp_path / "mat", "figshare_t1c")
    assert (report.stored, report.masks, report.wrong.count) == (3, 3, 1)
    assert sorted(scan.tumours[0].labels["type"] for scan in scans) == ["glioma", "meningioma", "pituitary"]
    assert len({scan.patient for scan in scans}) == 2
    expected = {values(number)[0].astype(np.int16).tobytes() for number in (1, 2, 10)}
    assert {(scan.volume.values[0] // 20).astype(np.int16).tobytes() for scan in scans} == expected
    for scan in scans:
        np.testing.assert_array_equal(scan.map, OUTLINE[1:2])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "folder", "column"),
    [
        ("lgg", "lgg_flair_t1c_3d", "lesion_voxels"),
        ("tumours", "gbm_progression_t1c_3d", "lesion_voxels"),
        ("tumours", "glioma_qin_t1c_3d", "lesion_voxels"),
        ("figshare_t1c_stacks", "figshare_t1c_2d", "tumour_px"),
    ],
)
def test_real_outlines_have_the_sizes_of_their_table(
    library: Library, tmp_path: Path, name: str, folder: str, column: str
) -> None:
    source, some = REAL / folder, tmp_path / "some"
    some.mkdir()
    table = "slices.csv" if "figshare" in name else "volumes.csv"
    rows = list(csv.DictReader((source / table).read_text(encoding="utf-8").splitlines()))[:4]
    for part in source.iterdir():
        if part.name != table:
            (some / part.name).symlink_to(part)
    with (some / table).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    report, scans = taken(library, some, name)
    assert report.wrong.count == report.not_found.count == report.conflicts.count == 0
    sizes = sorted(int((scan.map > 0).sum()) for scan in scans)
    wanted = sorted(int(row[column]) for row in rows)
    assert sizes == ([sum(wanted)] if "figshare" in name else wanted)
    for scan in scans:
        assert scan.volume.geometry is None
        assert scan.volume.values.dtype == np.int16
