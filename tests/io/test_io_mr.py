"""MR scans: kept as they are, refused for bleeds, values in 16 bits from which the file's own come back."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_series import SLICES, head_slice, write_file
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from bregma.io.find import discover, load, load_any, load_mr
from bregma.io.mr_eligibility import without_spacing
from bregma.io.mr_values import LEVELS, to_signal
from bregma.scan.errors import RefusedError
from bregma.scan.volume import Scan

SHAPE = (4, 32, 32)


def write_mr(folder: Path, *, count: int = SLICES, slope: float = 1.0, **values: object) -> Path:
    """A head series that says it is MR, its stored numbers those of the CT head."""
    folder.mkdir()
    for index in range(count):
        image = head_slice(index)
        image.Modality = "MR"
        image.RescaleSlope, image.RescaleIntercept = str(slope), "0"
        for name, value in values.items():
            setattr(image, name, value)
        write_file(image, folder / f"{index:02d}.dcm")
    return folder


def one(path: Path, how: object = load_any) -> Scan:
    (candidate,) = discover(path).candidates
    scan = how(candidate)  # type: ignore[operator]
    assert isinstance(scan, Scan)
    return scan


def stored(index: int) -> np.ndarray:
    image = head_slice(index)
    return np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)


def test_an_mr_series_is_kept_with_its_stored_values(tmp_path: Path) -> None:
    scan = one(write_mr(tmp_path / "mr"))
    assert (scan.refusal, scan.warnings, scan.series.modality) == (None, (), "MR")
    assert scan.series.facts["StudyDate"] == "20240506"
    np.testing.assert_array_equal(scan.volume.values[3], stored(3))
    assert {piece.hu_check for piece in scan.slices} == {"MR: values have no unit"}


def test_a_reading_of_bleeds_refuses_the_same_series(tmp_path: Path) -> None:
    refusal = one(write_mr(tmp_path / "mr"), load).refusal
    assert refusal is not None
    assert (refusal.code, len(refusal.files)) == ("not_ct", SLICES)
    assert "only CT is read" in refusal.reason


def test_a_slope_of_the_scanner_does_not_cost_a_value(tmp_path: Path) -> None:
    scan = one(write_mr(tmp_path / "mr", slope=0.37))
    facts = scan.series.facts
    own = float(facts["ValueSlope"]) * scan.volume.values[5] + float(facts["ValueIntercept"])
    np.testing.assert_allclose(own, 0.37 * stored(5), atol=0.37 / 4)


@pytest.mark.parametrize("count", [1, 3])
def test_few_slices_and_any_plane_are_legal(tmp_path: Path, count: int) -> None:
    scan = one(write_mr(tmp_path / "mr", count=count, ImageOrientationPatient=[1, 0, 0, 0, 0.1, 0.995]))
    assert scan.refusal is None
    assert len(scan.slices) == count


def test_padding_is_the_lowest_of_the_others(tmp_path: Path) -> None:
    lowest = int(stored(0)[stored(0) > stored(0).min()].min())
    scan = one(write_mr(tmp_path / "mr", count=1, PixelPaddingValue=int(stored(0).min())))
    assert int(scan.volume.values.min()) == lowest
    assert "padding" in scan.slices[0].repaired[0]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"BodyPartExamined": "KNEE"}, "not_head"),
        ({"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE"]}, "projection"),
    ],
)
def test_what_is_no_head_is_refused(tmp_path: Path, values: dict[str, object], code: str) -> None:
    refusal = one(write_mr(tmp_path / "mr", count=2, **values)).refusal
    assert refusal is not None
    assert refusal.code == code


def test_a_ct_is_no_mr(tmp_path: Path) -> None:
    write_mr(tmp_path / "ct", count=2, Modality="CT")
    with pytest.raises(RefusedError, match="'CT'") as caught:
        one(tmp_path / "ct", load_mr)
    assert caught.value.code == "not_mr"


def nifti(path: Path, values: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1.0, 5.0, 1.0]))
    nibabel.save(image, path)
    return path


def test_z_scores_survive_16_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    scan = one(nifti(tmp_path / "a.nii.gz", values), load_mr)
    facts = scan.series.facts
    assert scan.volume.values.dtype == np.int16
    own = float(facts["ValueSlope"]) * scan.volume.values + float(facts["ValueIntercept"])
    np.testing.assert_allclose(own, values, atol=float(np.ptp(values)) / LEVELS)
    assert scan.series.modality == "MR"


def test_display_values_of_8_bits_are_mr_values(tmp_path: Path) -> None:
    values = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    scan = one(nifti(tmp_path / "a.nii", values), load_mr)
    np.testing.assert_array_equal(scan.volume.values, values)
    assert scan.refusal is None
    assert scan.series.facts == {}


def test_a_blank_volume_is_refused_and_holes_are_said(tmp_path: Path) -> None:
    blank = one(nifti(tmp_path / "a.nii", np.full(SHAPE, 7, np.uint8)), load_mr)
    assert blank.refusal is not None
    assert blank.refusal.code == "blank_image"
    holes = np.ones(SHAPE, np.float32)
    holes[0, 0, :2], holes[1] = (np.nan, 9), 4
    scan = one(nifti(tmp_path / "b.nii", holes), load_mr)
    assert [remark.code for remark in scan.warnings] == ["not_a_number"]
    assert scan.volume.values[0, 0, 0] == 1


def test_without_spacing_nobody_can_say_millimetres(tmp_path: Path) -> None:
    known = one(nifti(tmp_path / "a.nii", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)), load_mr)
    scan = without_spacing(known)
    assert known.volume.geometry is not None
    assert scan.volume.geometry is None
    assert {(piece.z_mm, piece.gap_mm) for piece in scan.slices} == {(None, None)}
    assert [remark.code for remark in without_spacing(scan).warnings] == ["spacing_unknown"]


def test_pictures_are_slices_in_their_order(tmp_path: Path) -> None:
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    for name, value in (("head_0.png", grey), ("head_1.png", grey + 100)):
        Image.fromarray(value).save(tmp_path / name)
    scan = one(tmp_path, load_mr)
    np.testing.assert_array_equal(scan.volume.values, np.stack([grey, grey + 100]))
    assert (scan.volume.geometry, scan.series.modality, scan.refusal) == (None, "MR", None)
    assert [remark.code for remark in scan.warnings] == ["no_orientation"]


def test_pictures_that_cannot_be_slices_are_refused(tmp_path: Path) -> None:
    from bregma.io.entry import entry_of_file
    from bregma.io.mr_pictures import load_mr_pictures, scan_of_slices

    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "colour.png")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    for name, code in (("colour.png", "color_image"), ("cut.jpg", "bad_picture")):
        with pytest.raises(RefusedError) as caught:
            load_mr_pictures([entry_of_file(tmp_path / name, name, size=0)], tmp_path)
        assert caught.value.code == code
    for pictures, code in (([], "missing_file"), ([np.ones((2, 2)), np.ones((3, 2))], "mixed_matrices")):
        with pytest.raises(RefusedError) as caught:
            scan_of_slices(pictures, ("a", "b"), tmp_path)
        assert caught.value.code == code


@given(arrays(np.float64, 20, elements=st.floats(-1e6, 1e6)))
def test_the_files_own_values_come_back(values: np.ndarray) -> None:
    signal = to_signal(values)
    step = signal.slope if signal.facts else 0.0
    np.testing.assert_allclose(signal.slope * signal.values + signal.intercept, values, atol=step * 0.51 + 1e-9)


def test_whole_numbers_beyond_16_bits_are_scaled_and_no_scan_is_refused() -> None:
    signal = to_signal(np.array([0, 65535], np.uint16))
    assert signal.values.tolist() == [0, LEVELS]
    assert signal.slope * LEVELS == pytest.approx(65535)
    with pytest.raises(RefusedError) as caught:
        to_signal(np.array([1.0, np.nan, np.nan]))
    assert caught.value.code == "not_a_number"
