"""Outlined tumours in a library: maps of every kind, what is said of each, and which scans are taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pydicom
import pytest
from highdicom.sr.coding import CodedConcept
from PIL import Image

from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.ingest import import_scans
from bregma.catalogue.label_rows import LabelTableError
from bregma.catalogue.label_table import import_labels
from bregma.catalogue.library import Library
from bregma.catalogue.records import without_mr
from bregma.catalogue.tumours import first_of_each_patient, load_tumour_scan, tumour_scans
from bregma.phantom.parameters import Scanner
from bregma.phantom.tumour_dicom import write_tumour_dicom
from bregma.phantom.tumour_parameters import DrawnTumour, TumourHead
from bregma.phantom.tumours import draw_tumours
from bregma.scan.errors import RequestError
from bregma.scan.tumour import TumourScan

HEAD = TumourHead(
    scanner=Scanner(size=40, slices=6, field_of_view_mm=220.0, spacing_mm=8.0, thickness_mm=2.0, table=False),
    tumours=(
        DrawnTumour("metastasis", (30.0, -30.0, 11.0), (14.0, 14.0, 14.0)),
        DrawnTumour("metastasis", (-30.0, 40.0, 11.0), (12.0, 12.0, 12.0)),
    ),
    patient="one",
)
SCAN = draw_tumours(HEAD)
UID = SCAN.series_uid


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mr")
    write_tumour_dicom(SCAN, HEAD, folder)
    return folder


@pytest.fixture
def library(tmp_path: Path, series: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library") as opened:
        report = import_scans(opened, series, workers=1)
        assert report.stored == [UID]
        yield opened


def table(folder: Path, *rows: str, header: str = "series_uid,level,part,type,side,source,tumours,map") -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def write_map(path: Path, values: np.ndarray) -> None:
    geometry = SCAN.volume.geometry
    assert geometry is not None
    affine = np.diag([-5.5, -5.5, 8.0, 1.0])
    affine[:3, 3] = geometry.origins[0] * (-1, -1, 1)
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), affine), path)


def imported(library: Library, folder: Path, *rows: str) -> TumourScan:
    import_labels(library, table(folder, *rows))
    return load_tumour_scan(library, UID)


def test_a_numbered_map_and_its_labels_come_back(library: Library, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii.gz", SCAN.map)
    rows = [f"{UID},scan,,,,a,map.nii.gz,", f"{UID},lesion,2,metastasis,right,a,,", f"{UID},lesion,1,,left,a,,"]
    scan = imported(library, tmp_path, *rows)
    np.testing.assert_array_equal(scan.map, SCAN.map)
    np.testing.assert_array_equal(scan.volume.values, SCAN.volume.values)
    assert [dict(one.labels) for one in scan.tumours] == [{"side": "left"}, {"type": "metastasis", "side": "right"}]
    assert [one.box for one in scan.tumours] == [one.box for one in SCAN.tumours]
    assert (scan.date, tumour_scans(library)) == ("20240101", [UID])
    report = import_labels(library, tmp_path / "labels.csv")
    assert (report.taken, report.masks, report.duplicates) == (0, 0, 4)


def test_what_hangs_together_is_a_tumour(library: Library, tmp_path: Path) -> None:
    values = np.zeros(SCAN.map.shape, np.uint8)
    values[4, 5, 5] = values[5, 6, 6] = 1  # touch at a corner: one
    values[0, 30, 30:32] = 9
    write_map(tmp_path / "map.nii", values)
    scan = imported(library, tmp_path, f"{UID},scan,,,,a,map.nii,components", f"{UID},lesion,2,glioma,,a,,")
    assert [int((scan.map == number).sum()) for number in (1, 2)] == [2, 2]
    assert scan.map[0, 30, 30] == 1  # from the foot
    assert [dict(one.labels) for one in scan.tumours] == [{}, {"type": "glioma"}]


def test_all_of_a_mask_can_be_one_tumour(library: Library, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii", SCAN.map)
    scan = imported(library, tmp_path, f"{UID},scan,,,,a,map.nii,one")
    np.testing.assert_array_equal(scan.map, SCAN.map > 0)


def test_slices_are_outlined_by_pictures(library: Library, tmp_path: Path) -> None:
    slices = library.scan(UID).slices
    for index in (2, 3):
        Image.fromarray(SCAN.map[index]).save(tmp_path / f"{index}.png")
    rows = [f"{UID},slice,{slices[index].sop_instance_uid},,,a,{index}.png," for index in (2, 3)]
    scan = imported(library, tmp_path, *rows)
    np.testing.assert_array_equal(scan.map[2:4], SCAN.map[2:4])
    assert not scan.map[[0, 1, 4, 5]].any()


def segmentation(series: Path, path: Path, values: np.ndarray) -> None:
    sources = [pydicom.dcmread(file) for file in sorted(series.glob("*.dcm"))]
    code = CodedConcept("108369006", "SCT", "Neoplasm")
    segments = [
        hd.seg.SegmentDescription(number, f"tumour {number}", code, code, hd.seg.SegmentAlgorithmTypeValues.MANUAL)
        for number in (1, 2)
    ]
    hd.seg.Segmentation(
        source_images=sources, pixel_array=np.stack([values == 1, values == 2], axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY, segment_descriptions=segments,
        series_instance_uid=hd.UID(), series_number=9, sop_instance_uid=hd.UID(), instance_number=1,
        manufacturer="x", manufacturer_model_name="x", software_versions="1", device_serial_number="1",
    ).save_as(path)  # fmt: skip


def test_a_dicom_segmentation_has_a_segment_for_each_tumour(library: Library, series: Path, tmp_path: Path) -> None:
    segmentation(series, tmp_path / "seg.dcm", SCAN.map)
    scan = imported(library, tmp_path, f"{UID},scan,,,,a,seg.dcm,")
    np.testing.assert_array_equal(scan.map, SCAN.map)
    other = pydicom.dcmread(tmp_path / "seg.dcm")
    for frame in other.PerFrameFunctionalGroupsSequence:  # by place alone
        del frame.DerivationImageSequence
    other.save_as(tmp_path / "place.dcm")
    again = imported(library, tmp_path, f"{UID},scan,,,,b,place.dcm,")
    np.testing.assert_array_equal(again.map, SCAN.map)


def test_segmentations_that_do_not_fit_are_refused(library: Library, series: Path, tmp_path: Path) -> None:
    segmentation(series, tmp_path / "seg.dcm", SCAN.map)
    moved = pydicom.dcmread(tmp_path / "seg.dcm")
    for frame in moved.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 999]
    moved.save_as(tmp_path / "moved.dcm")
    (tmp_path / "none.dcm").write_bytes(b"nothing")
    cases = {"moved.dcm": "on no slice", "none.dcm": "as DICOM", "image.dcm": "no binary"}
    (tmp_path / "image.dcm").write_bytes((series / "0001.dcm").read_bytes())
    for name, words in cases.items():
        with pytest.raises(LabelTableError, match=words):
            imported(library, tmp_path, f"{UID},scan,,,,a,{name},")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{0},scan,,meningioma,,a,,", "said of a lesion"),
        ("{0},lesion,1,menigioma,,a,,", "did you mean 'meningioma'"),
        ("{0},lesion,L1,meningioma,,a,,", "'L1' is no tumour's number"),
        ("{0},lesion,1,,,a,map.nii,", "level 'scan' or 'slice'"),
        ("{0},scan,,,,a,map.nii,pieces", "no kind of map"),
        ("{0},scan,,,,a,,one", "no file"),
        ("{0},scan,,,,a,gone.nii,", "there is no file"),
        ("{0},scan,,,,a,small.nii,", "shape"),
        ("{0},scan,,,,a,empty.nii,", "nothing is outlined"),
        ("{0},scan,,,,a,large.nii,", "holds 600"),
        ("{0},scan,,,,a,unplaced.nii,", "copy the scan's affine"),
        ("{0},scan,,,,a,picture.png,", "is one slice"),
        ("{0},slice,{1},,,a,picture.png,", "the slice"),
        ("{0},slice,{1},,,a,colour.png,", "8-bit grey"),
        ("{0},slice,{1},,,a,broken.png,", "as a PNG"),
        ("{0},scan,,,,a,map.nii,one\n{0},scan,,,,a,map.nii,numbered", "expected one kind"),
    ],
)
def test_wrong_rows_are_told_and_nothing_is_taken(library: Library, tmp_path: Path, row: str, words: str) -> None:
    write_map(tmp_path / "map.nii", SCAN.map)
    write_map(tmp_path / "small.nii", SCAN.map[:, :20])
    write_map(tmp_path / "empty.nii", np.zeros_like(SCAN.map))
    write_map(tmp_path / "large.nii", SCAN.map.astype(np.int16) * 300)
    bare = nibabel.Nifti1Image(SCAN.map.transpose(2, 1, 0), None)
    nibabel.save(bare, tmp_path / "unplaced.nii")
    Image.fromarray(np.ones((4, 4), np.uint8)).save(tmp_path / "picture.png")
    Image.fromarray(np.ones((40, 40, 3), np.uint8)).save(tmp_path / "colour.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    rows = row.format(UID, library.scan(UID).slices[0].sop_instance_uid).split("\n")
    with pytest.raises(LabelTableError, match=words):
        imported(library, tmp_path, *rows)
    assert tumour_scans(library) == []


def test_what_a_source_outlined_before_stays(library: Library, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii", SCAN.map)
    imported(library, tmp_path, f"{UID},scan,,,,a,map.nii,")
    report = import_labels(library, table(tmp_path, f"{UID},scan,,,,a,map.nii,one"))
    assert "outlined differently" in report.conflicts[0].reason
    np.testing.assert_array_equal(load_tumour_scan(library, UID).map, SCAN.map)


def test_most_sources_decide_models_do_not_and_even_is_unknown(library: Library, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii", SCAN.map)
    said = [
        f"{UID},scan,,,,model:x,map.nii,one", f"{UID},scan,,,,b,map.nii,",
        f"{UID},lesion,1,glioma,left,a,,", f"{UID},lesion,1,metastasis,left,b,,",
        f"{UID},lesion,1,metastasis,right,c,,", f"{UID},lesion,2,glioma,,a,,", f"{UID},lesion,2,meningioma,,b,,",
        f"{UID},lesion,2,glioma,,model:x,,",
    ]  # fmt: skip
    scan = imported(library, tmp_path, *said)
    np.testing.assert_array_equal(scan.map, SCAN.map)
    assert [dict(one.labels) for one in scan.tumours] == [{"type": "metastasis", "side": "left"}, {}]


def test_a_scan_that_nobody_outlined_is_told(library: Library) -> None:
    with pytest.raises(RequestError, match="nobody outlined"):
        load_tumour_scan(library, UID)
    with pytest.raises(RequestError, match="not in the library"):
        first_of_each_patient(library, ["1.2.3"])


def test_the_first_scan_of_each_patient_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    lines = ["scan,outline,patient,study,date"]
    for name, patient, date in (
        ("a", "p", "2024-02-01"),
        ("b", "p", "20240101"),
        ("c", "q", ""),
        ("d", "q", "2025-01-01"),
    ):
        values = SCAN.volume.values + len(lines)
        write_map(folder / f"{name}.nii", values)
        write_map(folder / f"{name}_map.nii", SCAN.map)
        lines.append(f"{name}.nii,{name}_map.nii,{patient},{name},{date}")
    (folder / "tumours.csv").write_text("\n".join(lines) + "\n")
    with Library.create(tmp_path / "library") as library:
        assert import_data_set(library, folder, "tumours", workers=1).stored == 4
        found = first_of_each_patient(library, tumour_scans(library))
        dates = [load_tumour_scan(library, uid).date for uid in found.kept]
    assert sorted(dates, key=str) == ["20240101", "20250101"]
    assert len(found.left_out) == 2


def test_json_says_the_same(library: Library, tmp_path: Path) -> None:
    write_map(tmp_path / "map.nii", SCAN.map)
    (tmp_path / "labels.json").write_text(
        f'[{{"series_uid": "{UID}", "level": "scan", "source": "a", "tumours": "map.nii"}},'
        f'{{"series_uid": "{UID}", "level": "lesion", "part": "1", "area": "insula", "source": "a"}}]'
    )
    report = import_labels(library, tmp_path / "labels.json")
    assert "lesion area:insula: 1 present" in report.summary()
    assert dict(load_tumour_scan(library, UID).tumours[0].labels) == {"area": "insula"}


def test_networks_for_bleeds_do_not_see_mr(library: Library) -> None:
    records = library.scans()
    assert [record.modality for record in records] == ["MR"]
    assert without_mr(records) == []
