"""Masks as DICOM SEG: written, read back by highdicom, equal pixel for pixel."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from bregma.io.dicom_seg import write_dicom_seg
from bregma.io.find import find_scans
from bregma.scan.errors import RefusedError, RequestError
from bregma.scan.terms import FINDINGS
from bregma.scan.volume import Scan

UNEVEN = (0.0, 1.1, 5.3, 12.7)
ROWS, COLUMNS = 12, 10
TILT = np.radians(18.5)


def write_series(folder: Path, change: Callable[[Dataset], None] | None = None) -> Path:
    """Four tilted, unevenly spaced slices, the files named against their order."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for index, z in enumerate(UNEVEN):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, f"1.2.3.4.{index}"
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
        image.PatientID, image.PatientName, image.Modality = "X1", "Nobody^Here", "CT"
        image.Rows, image.Columns, image.PixelSpacing = ROWS, COLUMNS, [0.5, 0.4]
        image.ImageOrientationPatient = [1, 0, 0, 0, round(np.cos(TILT), 8), round(-np.sin(TILT), 8)]
        image.ImagePositionPatient = [-10.0, -20.0, z]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        image.PixelData = rng.integers(-1000, 1000, (ROWS, COLUMNS)).astype("<i2").tobytes()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if change:
            change(image)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pydicom.dcmwrite(folder / f"{9 - index}.dcm", image, enforce_file_format=True)
    return folder


def load(path: Path) -> Scan:
    (scan,) = (found for found in find_scans(path) if isinstance(found, Scan))
    return scan


def masks_of(scan: Scan, *names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {name: rng.random(scan.volume.values.shape) > 0.7 for name in names}


def read_back(path: Path, scan: Scan) -> np.ndarray:
    segmentation = hd.seg.segread(path)
    uids = [piece.sop_instance_uid for piece in scan.slices]
    return np.asarray(segmentation.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True))


def test_masks_come_back_pixel_for_pixel(tmp_path: Path) -> None:
    scan = load(write_series(tmp_path / "s"))
    masks = masks_of(scan, "subdural", "any", "epidural")
    masks["any"][2] = False
    masks["epidural"][:] = False
    write_dicom_seg(tmp_path / "seg.dcm", masks, scan)
    back = read_back(tmp_path / "seg.dcm", scan)
    np.testing.assert_array_equal(back[..., 0], masks["any"])
    np.testing.assert_array_equal(back[..., 1], masks["subdural"])
    assert back.shape[-1] == 2


def test_segments_carry_their_codes_and_frames_their_places(tmp_path: Path) -> None:
    scan = load(write_series(tmp_path / "s"))
    masks = {term.name: np.ones(scan.volume.values.shape, dtype=bool) for term in FINDINGS}
    write_dicom_seg(tmp_path / "seg.dcm", masks, scan)
    segmentation = pydicom.dcmread(tmp_path / "seg.dcm")
    assert segmentation.Modality == "SEG"
    assert segmentation.StudyInstanceUID == "1.2.3"
    assert segmentation.FrameOfReferenceUID == "1.2.3.5"
    assert segmentation.SeriesInstanceUID != "1.2.3.4"
    described = [
        (item.SegmentLabel, item.SegmentedPropertyTypeCodeSequence[0].CodeValue)
        for item in segmentation.SegmentSequence
    ]
    assert described == [(term.name, term.code) for term in FINDINGS]
    (series,) = segmentation.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3.4"
    referenced = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert referenced == {piece.sop_instance_uid for piece in scan.slices}
    places = {
        float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        for frame in segmentation.PerFrameFunctionalGroupsSequence
    }
    assert places == set(UNEVEN)
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    assert [float(mm) for mm in shared.PixelMeasuresSequence[0].PixelSpacing] == [0.5, 0.4]
    assert "SpacingBetweenSlices" not in shared.PixelMeasuresSequence[0]


def test_the_same_masks_are_the_same_object(tmp_path: Path) -> None:
    scan = load(write_series(tmp_path / "s"))
    uids = []
    for name in ("any", "any", "subdural"):
        write_dicom_seg(tmp_path / "seg.dcm", masks_of(scan, name), scan)
        uids.append(str(pydicom.dcmread(tmp_path / "seg.dcm").SOPInstanceUID))
    assert uids[0] == uids[1] != uids[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "seg.dcm"]


def no_class(image: Dataset) -> None:
    del image.SOPClassUID
    image.file_meta.MediaStorageSOPClassUID = CTImageStorage


def no_frame_of_reference(image: Dataset) -> None:
    del image.FrameOfReferenceUID


def rsna_like(image: Dataset) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.StudyInstanceUID = "ID_0123abcd"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_class, "SOPClassUID"),
        (no_frame_of_reference, "FrameOfReferenceUID"),
        (rsna_like, "StudyInstanceUID of the images are no valid"),
    ],
)
def test_images_that_nothing_can_refer_to_are_refused(
    tmp_path: Path, change: Callable[[Dataset], None], words: str
) -> None:
    scan = load(write_series(tmp_path / "s", change))
    with pytest.raises(RefusedError, match=words) as caught:
        write_dicom_seg(tmp_path / "seg.dcm", masks_of(scan, "any"), scan)
    assert caught.value.code == "no_segmentation"
    assert not (tmp_path / "seg.dcm").exists()


def test_images_that_went_away_or_were_damaged_are_refused(tmp_path: Path) -> None:
    scan = load(write_series(tmp_path / "s"))
    (tmp_path / "s" / "9.dcm").write_bytes(b"\0" * 50)
    with pytest.raises(RefusedError):
        write_dicom_seg(tmp_path / "seg.dcm", masks_of(scan, "any"), scan)
    (tmp_path / "s" / "9.dcm").unlink()
    with pytest.raises(RefusedError, match="no longer"):
        write_dicom_seg(tmp_path / "seg.dcm", masks_of(scan, "any"), scan)


def test_wrong_requests_say_so(tmp_path: Path) -> None:
    scan = load(write_series(tmp_path / "s"))
    out = tmp_path / "seg.dcm"
    with pytest.raises(RequestError, match="did you mean 'subdural'"):
        write_dicom_seg(out, masks_of(scan, "subdurl"), scan)
    with pytest.raises(RequestError, match="shape"):
        write_dicom_seg(out, {"any": np.ones((4, 12, 11), dtype=bool)}, scan)
    with pytest.raises(RequestError, match="empty"):
        write_dicom_seg(out, {"any": np.zeros((4, 12, 10), dtype=bool)}, scan)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ge_head_tilt", "philips_phantom_study"])
def test_real_series_get_their_masks(tmp_path: Path, real_ct: Path, name: str) -> None:
    scan = load(real_ct / name)
    masks = {"any": scan.volume.values > 300}
    write_dicom_seg(tmp_path / "seg.dcm", masks, scan)
    np.testing.assert_array_equal(read_back(tmp_path / "seg.dcm", scan)[..., 0], masks["any"])


@pytest.mark.real_data
def test_a_real_multi_frame_file_gets_its_mask(tmp_path: Path, real_ct: Path) -> None:
    scan = load(real_ct / "transfer_syntaxes" / "enhanced_ct_2frames.dcm")
    mask = np.zeros(scan.volume.values.shape, dtype=bool)
    mask[0, 100:200, 50:90] = mask[1, 10, 20] = True
    write_dicom_seg(tmp_path / "seg.dcm", {"any": mask}, scan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segmentation = hd.seg.segread(tmp_path / "seg.dcm")
        numbers = [(piece.frame or 0) + 1 for piece in scan.slices]
        back = segmentation.get_pixels_by_source_frame(
            scan.slices[0].sop_instance_uid, numbers, assert_missing_frames_are_empty=True
        )
    np.testing.assert_array_equal(back[..., 0], mask)


@pytest.mark.real_data
def test_real_slices_without_proper_uids_are_refused(tmp_path: Path, real_ct: Path) -> None:
    scan = load(real_ct / "rsna_study_unlabelled")
    with pytest.raises(RefusedError, match="SOPClassUID, FrameOfReferenceUID") as caught:
        write_dicom_seg(tmp_path / "seg.dcm", {"any": scan.volume.values > 300}, scan)
    assert caught.value.code == "no_segmentation"


@pytest.mark.real_data
def test_a_nifti_scan_is_told_to_use_nifti(tmp_path: Path, real_ct: Path) -> None:
    scan = load(real_ct / "rsna_nifti_slices" / "ID_000012eaf.nii.gz")
    with pytest.raises(RequestError, match="write NIfTI"):
        write_dicom_seg(tmp_path / "seg.dcm", {"any": scan.volume.values > 300}, scan)
