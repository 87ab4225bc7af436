"""NIfTI in: RAS to LPS, every orientation, and everything a header can get wrong."""

from __future__ import annotations

import csv
import gzip
import struct
import time
import warnings
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bregma.io.files import list_entries
from bregma.io.nifti import load_nifti
from bregma.scan.errors import RefusedError
from bregma.scan.study import Status
from bregma.scan.volume import Scan

SHAPE = (7, 6, 5)


SMALL = {"modality_unknown", "too_few_slices", "partial_cover"}
"""Said of every volume drawn here."""


def head(shape: tuple[int, ...] = SHAPE, dtype: Any = np.int16) -> np.ndarray:
    """Air with a warm middle, every voxel another value, so that no mix-up goes unseen."""
    values = 9 * np.arange(np.prod(shape)).reshape(shape) - 1000
    return values.astype(dtype)


def write(path: Path, data: np.ndarray, affine: np.ndarray | None = None, *, code: int = 1, kind: Any = None) -> Path:
    image = (kind or nib.Nifti1Image)(data, np.eye(4) if affine is None else affine)
    image.set_sform(image.affine, code)
    image.set_qform(None, 0)
    nib.save(image, path)
    return path


def load(path: Path) -> Scan:
    (entry,) = list_entries(path)[0]
    return load_nifti(entry, path)


def codes(scan: Scan) -> set[str]:
    return {warning.code for warning in scan.warnings}


def refused(path: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        load(path)
    assert caught.value.reason
    assert str(path.parent) not in caught.value.reason
    return caught.value.code


def diagonal(*sides: float) -> np.ndarray:
    return np.diag([*sides, 1.0])


def test_plain_ras_comes_out_foot_to_head_to_the_back_and_to_the_left(tmp_path: Path) -> None:
    """RAS+ storage: i to the right, j to the front, k up; ours is slices up, rows to the back, columns to the left."""
    data = head()
    scan = load(write(tmp_path / "a.nii.gz", data, diagonal(0.5, 0.6, 5.0)))
    np.testing.assert_array_equal(scan.volume.values, data.transpose(2, 1, 0)[:, ::-1, ::-1])
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.pixel_mm == pytest.approx((0.6, 0.5))
    np.testing.assert_allclose(geometry.along_row, (1, 0, 0))
    np.testing.assert_allclose(geometry.along_column, (0, 1, 0))
    np.testing.assert_allclose(geometry.origins[0], (-0.5 * 6, -0.6 * 5, 0.0), atol=1e-6)
    assert [piece.z_mm for piece in scan.slices] == pytest.approx([0, 5, 10, 15, 20])
    assert [piece.gap_mm for piece in scan.slices][:-1] == pytest.approx([5] * 4)
    assert scan.slices[-1].gap_mm is None
    assert [piece.frame for piece in scan.slices] == [0, 1, 2, 3, 4]
    assert {piece.file for piece in scan.slices} == {"a.nii.gz"}
    assert scan.volume.values.dtype == np.int16
    assert scan.volume.values.flags.writeable
    assert codes(scan) == SMALL
    assert scan.status is Status.WITH_WARNINGS
    assert scan.source.media == "nifti"
    assert scan.series.modality == "CT"


@pytest.mark.parametrize(("order", "signs"), [*product(permutations(range(3)), product((-1, 1), repeat=3))])
def test_every_storage_order_gives_the_same_volume(tmp_path: Path, order: tuple[int, ...], signs: Any) -> None:
    """48 ways to store one head."""
    base = load(write(tmp_path / "base.nii", head(), diagonal(1.0, 1.5, 3.0))).volume
    affine = diagonal(1.0, 1.5, 3.0)
    data = head()
    flips = tuple(slice(None, None, sign) for sign in signs)
    for axis, sign in enumerate(signs):
        if sign < 0:
            affine[:, 3] += affine[:, axis] * (data.shape[axis] - 1)
            affine[:, axis] *= -1
    stored = np.ascontiguousarray(data[flips].transpose(order))
    volume = load(write(tmp_path / "stored.nii", stored, affine[:, [*order, 3]])).volume
    np.testing.assert_array_equal(volume.values, base.values)
    assert volume.geometry is not None
    assert base.geometry is not None
    np.testing.assert_allclose(volume.geometry.origins, base.geometry.origins, atol=1e-5)


def rotation(angles: tuple[float, float, float]) -> np.ndarray:
    x, y, z = np.radians(angles)
    turn_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    turn_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    turn_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return turn_z @ turn_y @ turn_x


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    order=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
    sides=st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(0.5, 8)),
    shear=st.floats(-0.4, 0.4),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    voxel=st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 4)),
)
def test_a_bright_voxel_lands_at_its_place_in_the_patient(
    tmp_path: Path, angles: Any, order: Any, signs: Any, sides: Any, shear: float, origin: Any, voxel: Any
) -> None:
    matrix = rotation(angles) @ np.eye(3)[:, list(order)] @ np.diag(np.array(sides) * signs)
    matrix[:, 2] += shear * sides[2] * matrix[:, 1] / sides[1]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, origin
    data = np.full(SHAPE, -1000, dtype=np.int16)
    data[voxel] = 900
    scan = load(write(tmp_path / "a.nii", data, affine))
    geometry = scan.volume.geometry
    assert geometry is not None
    (found,) = np.argwhere(scan.volume.values == 900)
    ras = affine[:3, :3].astype(np.float32) @ np.array(voxel) + affine[:3, 3].astype(np.float32)
    expected = ras * (-1, -1, 1)
    np.testing.assert_allclose(geometry.to_patient(found.astype(float)), expected, atol=0.01)
    index = geometry.to_index(expected)
    assert index is not None
    np.testing.assert_allclose(index, found, atol=0.05)
    assert abs(float(geometry.along_row @ geometry.along_column)) < 0.005


def test_gantry_tilt_is_kept_as_slices_that_move(tmp_path: Path) -> None:
    """Slices 5 mm apart along the table, leaning 20 degrees: the affine is sheared and nothing is interpolated."""
    tilt = np.radians(20.0)
    affine = np.eye(4)
    affine[:3, 0] = (-0.5, 0, 0)
    affine[:3, 1] = (0, -0.5 * np.cos(tilt), -0.5 * np.sin(tilt))
    affine[:3, 2] = (0, 0, 5)
    data = head()
    scan = load(write(tmp_path / "a.nii", data, affine))
    geometry = scan.volume.geometry
    assert geometry is not None
    np.testing.assert_array_equal(scan.volume.values, data.transpose(2, 1, 0))
    assert abs(geometry.tilt_degrees) == pytest.approx(20.0, abs=1e-3)
    np.testing.assert_allclose(geometry.gaps_mm, 5.0, atol=1e-5)
    np.testing.assert_allclose(geometry.spacing_mm, 5.0 * np.cos(tilt), atol=1e-5)
    np.testing.assert_allclose(np.diff(geometry.origins[:, :2], axis=0), 0, atol=1e-5)


def test_a_single_slice_stays_as_it_is(tmp_path: Path) -> None:
    sagittal = np.array([[0, 0, 1.0, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    scan = load(write(tmp_path / "a.nii", head((7, 6, 1)), sagittal))
    assert codes(scan) >= {"modality_unknown", "single_slice"}
    assert not scan.wholly_covered
    assert scan.volume.geometry is not None
    assert scan.volume.geometry.orientation == "sagittal"
    assert scan.refusal is not None
    assert scan.refusal.code == "not_axial"
    assert scan.volume.values.shape == (1, 6, 7)
    assert np.isnan(scan.volume.geometry.voxel_ml).all()
    assert scan.slices[0].frame is None


def test_a_flat_array_is_a_single_slice(tmp_path: Path) -> None:
    assert load(write(tmp_path / "a.nii", head((7, 6)))).volume.values.shape == (1, 6, 7)


def test_the_same_content_is_the_same_scan_however_it_is_packed(tmp_path: Path) -> None:
    one = load(write(tmp_path / "a.nii", head()))
    two = load(write(tmp_path / "b.nii.gz", head()))
    other = load(write(tmp_path / "c.nii", head() + np.int16(1)))
    assert one.series == two.series
    assert one.series.series_uid != other.series.series_uid
    for uid in (one.series.series_uid, one.series.study_uid):
        assert uid.startswith("2.25.")
        assert len(uid) <= 64
    assert one.series.series_uid != one.series.study_uid
    assert one.series.patient != other.series.patient


@pytest.mark.parametrize(
    "dtype", [np.int16, np.int32, np.int64, np.float32, np.float64, ">i2", ">f4", ">i4", np.dtype("<i8")]
)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_types_byte_orders_and_both_versions(tmp_path: Path, dtype: Any, kind: Any) -> None:
    data = head()
    dtype = np.dtype(dtype)
    header = (nib.Nifti1Header if kind is nib.Nifti1Image else nib.Nifti2Header)(
        endianness=dtype.byteorder.replace("=", "<")
    )
    header.set_data_dtype(dtype.newbyteorder("="))
    header.set_data_shape(data.shape)
    header.set_sform(np.diag([-1, -1, 1, 1]), 1)
    header["vox_offset"] = 352 if kind is nib.Nifti1Image else 544
    header["magic"] = b"n+1" if kind is nib.Nifti1Image else header["magic"]
    content = header.binaryblock + b"\0" * 4 + data.astype(dtype).tobytes(order="F")
    (tmp_path / "a.nii").write_bytes(content)
    np.testing.assert_array_equal(load(tmp_path / "a.nii").volume.values, data.transpose(2, 1, 0))


def patched(path: Path, **fields: Any) -> Path:
    """The file with header fields set as no writer would."""
    packed = path.name.endswith(".gz")
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    header = nib.Nifti1Header(content[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    content = header.binaryblock + content[348:]
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    data = head(dtype=np.int16)
    flipped = data.transpose(2, 1, 0)[:, ::-1, ::-1].astype(int)
    scan = load(patched(write(tmp_path / "a.nii", data), scl_slope=1, scl_inter=-24))
    np.testing.assert_array_equal(scan.volume.values, np.maximum(flipped - 24, -1024))
    scan = load(patched(write(tmp_path / "a.nii", data), scl_slope=0.5, scl_inter=1.0))
    np.testing.assert_array_equal(scan.volume.values, np.maximum(np.rint(flipped * 0.5 + 1.0), -1024))
    assert scan.slices[0].repaired == ("rounded to whole HU",)
    scan = load(patched(write(tmp_path / "a.nii", data), scl_slope=0, scl_inter=500))
    np.testing.assert_array_equal(scan.volume.values, flipped)


def test_unsigned_values_with_an_intercept(tmp_path: Path) -> None:
    data = (head() + 1024).astype(np.uint16)
    scan = load(patched(write(tmp_path / "a.nii", data), scl_slope=1, scl_inter=-1024))
    assert (scan.volume.values.min(), scan.refusal) == (-1000, None)


def test_real_numbers_are_rounded_not_cut(tmp_path: Path) -> None:
    data = np.full(SHAPE, -1000.0, dtype=np.float32)
    data[3, 3, 3] = 39.7
    scan = load(write(tmp_path / "a.nii", data))
    assert scan.volume.values.max() == 40


def test_voxels_without_a_number_become_air_and_it_is_said(tmp_path: Path) -> None:
    data = head(dtype=np.float32)
    data[0, 0, 0], data[1, 0, 0], data[2, 0, 0] = np.nan, np.inf, -np.inf
    scan = load(write(tmp_path / "a.nii", data))
    assert "not_a_number" in codes(scan)
    assert (scan.volume.values == -1024).sum() == 3
    assert scan.slices[0].repaired == ("voxels without a number taken as air",)


def test_values_beyond_sixteen_bits_are_cut_and_it_is_said(tmp_path: Path) -> None:
    data = head(dtype=np.float32)
    data[0, 0, 0] = 1e6
    scan = load(write(tmp_path / "a.nii", data))
    assert scan.volume.values.max() == 32767
    assert "clipped_values" in codes(scan)


def test_sform_goes_before_qform_and_a_disagreement_is_said(tmp_path: Path) -> None:
    image = nib.Nifti1Image(head(), diagonal(1, 1, 3))
    image.set_sform(diagonal(1, 1, 3), 1)
    image.set_qform(diagonal(-1, 1, 3), 1)
    nib.save(image, tmp_path / "a.nii")
    scan = load(tmp_path / "a.nii")
    assert "sform_qform_disagree" in codes(scan)
    assert any("left and right" in warning.message for warning in scan.warnings)
    assert scan.volume.geometry is not None
    np.testing.assert_allclose(scan.volume.geometry.origins[0], (-6, -5, 0), atol=1e-5)
    image.set_qform(diagonal(1, 1, 3), 1)
    nib.save(image, tmp_path / "b.nii")
    assert codes(load(tmp_path / "b.nii")) == SMALL
    shifted = diagonal(1, 1, 3)
    shifted[0, 3] = 2.0
    image.set_qform(shifted, 1)
    nib.save(image, tmp_path / "c.nii")
    assert "sform_qform_disagree" in codes(load(tmp_path / "c.nii"))


def test_qform_alone_is_enough(tmp_path: Path) -> None:
    image = nib.Nifti1Image(head(), np.eye(4))
    image.set_sform(None, 0)
    image.set_qform(diagonal(1, 1, 3), 1)
    nib.save(image, tmp_path / "a.nii")
    scan = load(tmp_path / "a.nii")
    assert scan.volume.geometry is not None
    np.testing.assert_allclose(scan.volume.geometry.gaps_mm, 3.0)


def test_without_codes_there_is_no_left_and_no_right(tmp_path: Path) -> None:
    scan = load(patched(write(tmp_path / "a.nii", head(), code=0), qform_code=0, sform_code=0))
    assert scan.volume.geometry is None
    assert "no_orientation" in codes(scan)
    assert scan.slices[0].z_mm is None
    assert scan.slices[0].gap_mm is None
    np.testing.assert_array_equal(scan.volume.values, head().transpose(2, 1, 0))


def test_microns_become_millimetres_and_it_is_said(tmp_path: Path) -> None:
    scan = load(patched(write(tmp_path / "a.nii", head(), diagonal(500, 500, 5000)), xyzt_units=3))
    assert scan.volume.geometry is not None
    assert scan.volume.geometry.pixel_mm == pytest.approx((0.5, 0.5))
    assert "unit_assumed" in codes(scan)
    scan = load(patched(write(tmp_path / "b.nii", head(), diagonal(0.5, 0.5, 5)), xyzt_units=1))
    assert scan.volume.geometry is not None
    assert scan.volume.geometry.pixel_mm == pytest.approx((0.5, 0.5))


def test_a_series_of_one_moment_is_read(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "a.nii", head((*SHAPE, 1))))
    assert scan.volume.values.shape == (5, 6, 7)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.zeros(SHAPE, np.int16), "blank_image"),
        (np.full(SHAPE, -1000, np.int16), "blank_image"),
        ((head() % 255).astype(np.uint8), "not_hounsfield"),
        ((head() % 250 - 125).astype(np.int8), "not_hounsfield"),
        (np.abs(head()), "not_hounsfield"),
        ((head() + 1024).astype(np.uint16), "not_hounsfield"),
        (head() % 190 - 95, "not_hounsfield"),
    ],
)
def test_what_is_no_hounsfield_unit_is_shown_but_not_read(tmp_path: Path, values: np.ndarray, code: str) -> None:
    scan = load(write(tmp_path / "a.nii", values))
    assert scan.refusal is not None
    assert scan.refusal.code == code
    assert scan.status is Status.NOT_ELIGIBLE


def test_padding_is_no_tissue(tmp_path: Path) -> None:
    data = head()
    data[0] = -3024
    scan = load(write(tmp_path / "a.nii", data))
    assert scan.volume.values.min() == -1024
    assert scan.slices[0].repaired == ("values below -1024 HU (padding) set to -1024",)


def test_a_turned_sagittal_series_is_told_by_its_pixels(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 5.0, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    assert "uneven_pixels" in codes(load(write(tmp_path / "a.nii", head(), affine)))


def nan_affine() -> np.ndarray:
    affine = np.eye(4)
    affine[0, 0] = np.nan
    return affine


@pytest.mark.parametrize(
    ("affine", "code"),
    [
        (np.zeros((4, 4)), "bad_affine"),
        (diagonal(1, 1, 0), "bad_affine"),
        (np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "bad_affine"),
        (np.array([[1.0, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0.01, 0], [0, 0, 0, 1]]), "bad_affine"),
        (diagonal(500, 500, 500), "bad_affine"),
        (diagonal(20, 20, 20), "bad_affine"),
        (diagonal(1e-4, 1e-4, 1e-4), "bad_affine"),
        (nan_affine(), "bad_affine"),
        (np.array([[1.0, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "sheared_pixels"),
    ],
)
def test_impossible_positions_are_refused(tmp_path: Path, affine: np.ndarray, code: str) -> None:
    path = write(tmp_path / "a.nii", head())
    rows = {f"srow_{axis}": affine[row] for row, axis in enumerate("xyz")}
    assert refused(patched(path, sform_code=1, **rows)) == code


def test_a_qform_that_is_no_rotation_is_refused(tmp_path: Path) -> None:
    path = patched(write(tmp_path / "a.nii", head()), sform_code=0, qform_code=1, quatern_b=2.0)
    assert refused(path) == "bad_affine"
    path = patched(write(tmp_path / "a.nii", head()), sform_code=1, qform_code=1, quatern_b=2.0)
    assert load(path).volume.geometry is not None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dim": [0, 7, 6, 5, 1, 1, 1, 1]}, "nifti_shape"),
        ({"dim": [3, 7, 0, 5, 1, 1, 1, 1]}, "nifti_shape"),
        ({"dim": [3, 7, -6, 5, 1, 1, 1, 1]}, "nifti_shape"),
        ({"dim": [1, 7, 1, 1, 1, 1, 1, 1]}, "nifti_shape"),
        ({"dim": [4, 7, 6, 1, 5, 1, 1, 1]}, "nifti_shape"),
        ({"dim": [5, 7, 6, 1, 1, 5, 1, 1]}, "nifti_shape"),
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "scan_too_large"),
        ({"dim": [3, 30000, 2, 2, 1, 1, 1, 1]}, "scan_too_large"),
        ({"dim": [3, 4096, 4096, 512, 1, 1, 1, 1]}, "scan_too_large"),
        ({"dim": [3, 1024, 1024, 500, 1, 1, 1, 1], "datatype": 64, "bitpix": 64}, "file_too_large"),
        ({"dim": [3, 7, 6, 6, 1, 1, 1, 1]}, "truncated_pixels"),
        ({"datatype": 128, "bitpix": 24}, "nifti_datatype"),
        ({"datatype": 2304, "bitpix": 32}, "nifti_datatype"),
        ({"datatype": 32, "bitpix": 64}, "nifti_datatype"),
        ({"datatype": 1536, "bitpix": 128}, "nifti_datatype"),
        ({"datatype": 77}, "nifti_datatype"),
        ({"magic": b"ni1"}, "nifti_pair"),
        ({"magic": b"bad"}, "not_nifti"),
        ({"vox_offset": 12}, "not_nifti"),
        ({"vox_offset": np.nan}, "not_nifti"),
        ({"vox_offset": -352}, "not_nifti"),
        ({"vox_offset": 1e12}, "not_nifti"),
        ({"vox_offset": 4000}, "truncated_pixels"),
        ({"scl_slope": 1, "scl_inter": np.nan}, "bad_scaling"),
    ],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_headers_that_cannot_be_are_refused(tmp_path: Path, fields: dict[str, Any], code: str, name: str) -> None:
    assert refused(patched(write(tmp_path / name, head()), **fields)) == code


def test_mostly_nothing_is_refused(tmp_path: Path) -> None:
    data = head(dtype=np.float32)
    data[:, :, 1:] = np.nan
    assert refused(write(tmp_path / "a.nii", data)) == "not_a_number"


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"hello", b"\0" * 400, struct.pack("<i", 348), b"\xff" * 1000])
def test_what_is_no_nifti_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nii").write_bytes(content)
    assert refused(tmp_path / "a.nii") == "not_nifti"


@pytest.mark.parametrize("kept", [100, 340, 360, 400, 700])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "a.nii", head())
    path.write_bytes(path.read_bytes()[:kept])
    assert refused(path) == ("not_nifti" if kept < 348 else "truncated_pixels")


def test_a_cut_or_damaged_packed_file_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (40, 40, 5)).astype(np.int16)
    path = write(tmp_path / "a.nii.gz", noise)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refused(path) == "truncated_pixels"
    broken = bytearray(gzip.compress(gzip.decompress(content)))
    broken[-6] ^= 255
    path.write_bytes(bytes(broken))
    assert refused(path) == "corrupt_gzip"
    path.write_bytes(b"\x1f\x8b" + b"\xff" * 50)
    assert refused(path) == "corrupt_gzip"


def test_a_gzip_of_several_members_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", head())
    content = path.read_bytes()
    parts = (content[:200], content[200:500], content[500:])
    (tmp_path / "b.nii.gz").write_bytes(b"".join(gzip.compress(part) for part in parts))
    np.testing.assert_array_equal(load(tmp_path / "b.nii.gz").volume.values, load(path).volume.values)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = patched(write(tmp_path / "a.nii.gz", head()), dim=[3, 512, 512, 1500, 1, 1, 1, 1])
    start = time.perf_counter()
    assert refused(path) == "gzip_bomb"
    assert time.perf_counter() - start < 0.5


def test_a_small_header_before_an_endless_stream_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", head())
    path.with_suffix(".nii.gz").write_bytes(gzip.compress(path.read_bytes() + b"\0" * (64 << 20)))
    assert load(path.with_suffix(".nii.gz")).volume.values.shape == (5, 6, 7)


@pytest.mark.real_data
def test_the_real_slices_equal_their_dicom_twins(real_ct: Path) -> None:
    folder = real_ct / "rsna_nifti_slices"
    rows = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    twins = 0
    for row in rows:
        scan = load(real_ct / row["file"])
        assert codes(scan) == {"modality_unknown", "single_slice"}
        assert scan.refusal is None
        assert scan.volume.values.shape == (1, 512, 512)
        assert scan.volume.geometry is not None
        assert scan.volume.geometry.orientation == "axial"
        if row["same_image_as_dicom"]:
            twins += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dicom = pydicom.dcmread(real_ct / row["same_image_as_dicom"])
                expected = dicom.pixel_array.astype(int) * int(dicom.RescaleSlope) + int(dicom.RescaleIntercept)
                place = np.array(dicom.ImagePositionPatient, dtype=float)
            np.testing.assert_array_equal(scan.volume.values[0], expected)
            np.testing.assert_allclose(scan.volume.geometry.origins[0], place, atol=1e-3)
    assert (len(rows), twins) == (13, 2)


@pytest.mark.real_data
def test_atlases_are_shown_but_not_taken_for_scans(real_ct: Path) -> None:
    said = set()
    for path in sorted((real_ct / "atlas").glob("*.nii.gz")):
        refusal = load(path).refusal
        said.add(refusal.code if refusal else path.name)
    assert said == {"not_hounsfield"}
