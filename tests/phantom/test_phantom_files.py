"""What is written is read back the same, and a folder of studies is whole or not there."""

import csv
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from bregma.phantom import (
    Bleed,
    HeadParameters,
    Phantom,
    Scanner,
    draw,
    sample_head,
    sample_scanner,
    study_parameters,
    write_dicom,
    write_masks,
    write_nifti,
    write_studies,
)
from bregma.phantom.sample import HABITS, sample_bleed
from bregma.scan.errors import RequestError
from bregma.scan.terms import SUBTYPES

REQUIRED = """
    SOPClassUID SOPInstanceUID PatientName PatientID PatientBirthDate
    PatientSex StudyInstanceUID StudyDate StudyTime ReferringPhysicianName
    StudyID AccessionNumber Modality SeriesInstanceUID SeriesNumber
    FrameOfReferenceUID PositionReferenceIndicator Manufacturer InstanceNumber ImageType
    AcquisitionNumber KVP PixelSpacing ImageOrientationPatient ImagePositionPatient
    SliceThickness SamplesPerPixel PhotometricInterpretation Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation PixelData
    RescaleIntercept RescaleSlope PatientPosition SpacingBetweenSlices ConvolutionKernel
    BodyPartExamined
"""


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    clot = Bleed("intraparenchymal", "lobar", 1, (36.0, 45.0, 28.0), 40.0)
    return draw(HeadParameters(scanner=Scanner(size=64, slices=6, spacing_mm=24.0, tilt_degrees=10.0), bleeds=(clot,)))


def test_dicom_is_read_back_the_same(phantom: Phantom, tmp_path: Path) -> None:
    write_dicom(phantom, tmp_path / "scan")
    files = sorted((tmp_path / "scan").iterdir())
    assert len(files) == 6
    for index, file in enumerate(files):
        image = pydicom.dcmread(file)
        assert [name for name in REQUIRED.split() if name not in image] == []
        hu = image.pixel_array.astype(np.int16) * int(image.RescaleSlope) + int(image.RescaleIntercept)
        np.testing.assert_array_equal(hu, phantom.volume.values[index])
        assert image.SOPInstanceUID == phantom.slice_uids[index]
        np.testing.assert_allclose(image.ImagePositionPatient, phantom.geometry.origins[index], atol=1e-6)
        np.testing.assert_allclose(image.ImageOrientationPatient[3:], phantom.geometry.along_column, atol=1e-8)


def test_nifti_says_the_same_place(phantom: Phantom, tmp_path: Path) -> None:
    write_nifti(phantom, tmp_path / "head.nii")
    image = nibabel.load(tmp_path / "head.nii")
    np.testing.assert_array_equal(np.asarray(image.dataobj), phantom.volume.values.transpose(2, 1, 0))
    ras = image.affine @ [10, 20, 4, 1]
    lps = phantom.geometry.to_patient(np.array([4.0, 20.0, 10.0]))
    np.testing.assert_allclose(ras[:3], lps * [-1, -1, 1], atol=1e-4)


def test_masks_hold_the_subtypes_number(phantom: Phantom, tmp_path: Path) -> None:
    write_masks(phantom, tmp_path / "masks.nii.gz")
    values = np.asarray(nibabel.load(tmp_path / "masks.nii.gz").dataobj).transpose(2, 1, 0)
    np.testing.assert_array_equal(values == 1 + SUBTYPES.index("intraparenchymal"), phantom.masks["intraparenchymal"])
    assert set(np.unique(values)) == {0, 2}


def studies(folder: Path, count: int, **more: object) -> list[dict[str, str]]:
    write_studies(folder, count=count, seed=5, size=48, slices=5, **more)
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_of_studies_with_labels_and_masks(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    rows = studies(tmp_path, 4, progress=lambda done, count: calls.append((done, count)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    scans = [row for row in rows if row["level"] == "scan"]
    assert len(scans) == 4
    assert sum(row["level"] == "slice" for row in rows) == 20
    for row in scans:
        assert nibabel.load(tmp_path / row["mask"]).shape == (48, 48, 5)
        assert row["any"] in ("0", "1")
    uids = {row["part"] for row in rows if row["level"] == "slice"}
    written = {str(pydicom.dcmread(file).SOPInstanceUID) for file in tmp_path.glob("scans/*/*.dcm")}
    assert uids == written


def test_a_stopped_run_goes_on_and_leaves_whole_studies_alone(tmp_path: Path) -> None:
    studies(tmp_path / "one", 2)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "one").glob("scans/*/*.dcm")}
    (tmp_path / "one" / ".study_00002.part").mkdir()
    rows = studies(tmp_path / "one", 3)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert rows == studies(tmp_path / "other", 3, workers=2)
    for file in (tmp_path / "one").glob("scans/*/*.dcm"):
        assert file.read_bytes() == (tmp_path / "other" / file.relative_to(tmp_path / "one")).read_bytes()
    assert not list((tmp_path / "one").glob(".*"))


@pytest.mark.parametrize(("share", "bleeding"), [(0.0, 0), (0.3, 3), (0.5, 5), (1.0, 10)])
def test_the_share_of_bleeding_studies_is_kept(share: float, bleeding: int) -> None:
    drawn = [study_parameters(1, number, share, size=48, slices=5) for number in range(10)]
    assert sum(bool(parameters.bleeds) for parameters in drawn) == bleeding


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (3, 1.5)])
def test_impossible_requests_are_refused(tmp_path: Path, count: int, share: float) -> None:
    with pytest.raises(RequestError, match="positive share"):
        write_studies(tmp_path, count=count, seed=1, positive_share=share)


def test_sampling_is_decided_by_the_generator() -> None:
    first, again = (sample_head(np.random.default_rng(4)) for _ in range(2))
    assert first == again
    assert first.bleeds
    assert sample_head(np.random.default_rng(5)) != first


def test_the_bleeds_asked_for_are_the_bleeds_drawn() -> None:
    head = sample_head(np.random.default_rng(1), bleeds=["subdural", "epidural"])
    assert [bleed.subtype for bleed in head.bleeds] == ["subdural", "epidural"]
    assert sample_head(np.random.default_rng(1), bleeds=[]).bleeds == ()
    with pytest.raises(RequestError, match="did you mean 'epidural'"):
        sample_head(np.random.default_rng(1), bleeds=["epidual"])


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_sampled_bleeds_keep_to_their_habits(subtype: str) -> None:
    rng = np.random.default_rng(2)
    bleeds = [sample_bleed(rng, subtype) for _ in range(200)]
    low, high = HABITS[subtype].limits_ml
    assert all(low <= bleed.volume_ml <= high for bleed in bleeds)
    assert {bleed.side for bleed in bleeds} == {-1, 1}
    assert len({bleed.place for bleed in bleeds}) > 2


def test_no_bleed_is_smaller_than_asked_unless_its_place_is() -> None:
    rng = np.random.default_rng(2)
    drawn = {bleed.place: bleed.volume_ml for bleed in (sample_bleed(rng, "epidural", least_ml=30) for _ in range(50))}
    assert min(drawn.values()) >= 30
    ventricles = [sample_bleed(rng, "intraventricular", least_ml=30) for _ in range(50)]
    assert max(bleed.volume_ml for bleed in ventricles) == HABITS["intraventricular"].limits_ml[1]


def test_sampled_scanners_cover_the_head() -> None:
    scanner = sample_scanner(np.random.default_rng(1), size=64, slices=20)
    assert scanner.slices * float(scanner.spacing_mm) == pytest.approx(160)


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    studies(tmp_path, 1)
    with pytest.raises(RequestError, match="take another folder"):
        write_studies(tmp_path, count=1, seed=6, size=48, slices=5)
    with pytest.raises(RequestError, match="'least_ml': 30"):
        write_studies(tmp_path, count=1, seed=5, size=48, slices=5, least_ml=30)
