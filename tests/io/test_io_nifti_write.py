"""Masks go back into the grid they came from."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bregma.io.files import list_entries
from bregma.io.nifti import load_nifti
from bregma.io.nifti_write import affine_ras, write_nifti_image, write_nifti_mask
from bregma.scan.errors import RefusedError, RequestError
from bregma.scan.study import Series, Source
from bregma.scan.volume import Geometry, Scan, Volume

SHAPE = (4, 6, 5)


def geometry(origins: np.ndarray | None = None, tilt_degrees: float = 0.0) -> Geometry:
    tilt = np.radians(tilt_degrees)
    if origins is None:
        origins = np.array([[-10.0, -20.0, 5.0 * index] for index in range(SHAPE[0])])
    return Geometry(
        rows=SHAPE[1],
        columns=SHAPE[2],
        origins=origins,
        along_row=np.array([1.0, 0, 0]),
        along_column=np.array([0, np.cos(tilt), -np.sin(tilt)]),
        pixel_mm=(0.5, 0.4),
    )


def dicom_scan(place: Geometry | None) -> Scan:
    values = np.zeros(SHAPE, dtype=np.int16)
    return Scan(Series("p", "1.2", "1.3", "CT"), Source(Path(), (), "dicom"), (), Volume(values, place))


def load(path: Path) -> Scan:
    (entry,) = list_entries(path)[0]
    return load_nifti(entry, path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.sampled_from(list(permutations(range(3)))),
    signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
    shear=st.floats(-0.3, 0.3),
    packed=st.booleans(),
    seed=st.integers(0, 100),
)
def test_a_mask_comes_back_voxel_for_voxel(
    tmp_path: Path, order: Any, signs: Any, shear: float, packed: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(order)] * signs * (0.5, 0.5, 3.0)
    affine[:3, 2] += shear * affine[:3, 1]
    affine[:3, 3] = (5, -7, 11)
    data = rng.integers(-1000, 1000, (7, 6, 5)).astype(np.int16)
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, 2)
    image.header["descrip"] = b"DOE^JANE"
    source = tmp_path / ("in.nii.gz" if packed else "in.nii")
    nib.save(image, source)
    scan = load(source)
    out = tmp_path / "mask.nii.gz"
    write_nifti_mask(out, scan.volume.values > 500, scan)
    back = nib.load(out)
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), (data > 500).astype(np.uint8))
    np.testing.assert_array_equal(back.affine, nib.load(source).affine)
    assert int(back.header["sform_code"]) == 2
    assert bytes(back.header["descrip"].tobytes()).strip(b"\0") == b""
    assert back.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(load(out).volume.values, scan.volume.values > 500)


@pytest.mark.parametrize("shape", [(7, 6), (7, 6, 1), (7, 6, 5, 1)])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_the_input_s_own_dimensions_are_kept(tmp_path: Path, shape: tuple[int, ...], kind: Any) -> None:
    data = np.arange(np.prod(shape)).reshape(shape).astype(">i2") - np.int16(500)
    header = kind.header_class(endianness=">")
    header.set_data_dtype(np.dtype(">i2"))
    nib.save(kind(data, np.diag([-1, -1, 1, 1]), header), tmp_path / "in.nii")
    scan = load(tmp_path / "in.nii")
    write_nifti_mask(tmp_path / "out.nii", scan.volume.values > -480, scan)
    back = nib.load(tmp_path / "out.nii")
    assert back.shape == shape
    assert isinstance(back, kind)
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), data > -480)


@pytest.mark.parametrize("tilt", [0.0, 18.5, -11.0])
def test_a_mask_of_a_dicom_scan_lies_where_the_scan_lies(tmp_path: Path, tilt: float) -> None:
    scan = dicom_scan(geometry(tilt_degrees=tilt))
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2, 4, 1] = True
    write_nifti_mask(tmp_path / "m.nii.gz", mask, scan)
    back = nib.load(tmp_path / "m.nii.gz")
    (voxel,) = np.argwhere(np.asanyarray(back.dataobj))
    place = back.affine @ [*voxel, 1.0]
    assert scan.volume.geometry is not None
    expected = scan.volume.geometry.to_patient(np.array([2.0, 4.0, 1.0])) * (-1, -1, 1)
    np.testing.assert_allclose(place[:3], expected, atol=1e-4)
    assert int(back.header["qform_code"]) == (1 if tilt == 0 else 0)
    again = load(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(again.volume.values, mask)
    assert again.volume.geometry is not None
    np.testing.assert_allclose(again.volume.geometry.origins, scan.volume.geometry.origins, atol=1e-4)


def test_labels_are_kept_as_numbers(tmp_path: Path) -> None:
    labels = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE) % np.uint8(6)
    write_nifti_mask(tmp_path / "m.nii", labels, dicom_scan(geometry()))
    np.testing.assert_array_equal(load(tmp_path / "m.nii").volume.values, labels)


def test_an_image_of_its_own_is_written(tmp_path: Path) -> None:
    hu = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    write_nifti_image(tmp_path / "i.nii.gz", hu, geometry())
    np.testing.assert_array_equal(load(tmp_path / "i.nii.gz").volume.values, hu)
    first = (tmp_path / "i.nii.gz").read_bytes()
    write_nifti_image(tmp_path / "i.nii.gz", hu, geometry())
    assert (tmp_path / "i.nii.gz").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["i.nii.gz"]


def test_a_scan_without_geometry_gives_a_mask_without_orientation(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[1, 2, 3] = True
    write_nifti_mask(tmp_path / "m.nii", mask, dicom_scan(None))
    again = load(tmp_path / "m.nii")
    assert again.volume.geometry is None
    np.testing.assert_array_equal(again.volume.values, mask)


def test_a_single_slice_has_a_step_of_one(tmp_path: Path) -> None:
    one = Geometry(6, 5, np.zeros((1, 3)), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (0.5, 0.5))
    np.testing.assert_allclose(affine_ras(one), np.diag([-0.5, -0.5, 1, 1]), atol=1e-12)


def test_uneven_slices_are_not_forced_into_one_affine(tmp_path: Path) -> None:
    origins = np.array([[0.0, 0, 0], [0, 0, 1.1], [0, 0, 5.3], [0, 0, 12.7]])
    with pytest.raises(RequestError, match=r"off equal steps.*DICOM SEG"):
        write_nifti_mask(tmp_path / "m.nii", np.zeros(SHAPE, dtype=bool), dicom_scan(geometry(origins)))
    assert not list(tmp_path.iterdir())


def test_another_grid_and_another_name_are_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="shape"):
        write_nifti_mask(tmp_path / "m.nii", np.zeros((4, 6, 6), dtype=bool), dicom_scan(geometry()))
    with pytest.raises(RequestError, match=r"\.dcm"):
        write_nifti_mask(tmp_path / "m.dcm", np.zeros(SHAPE, dtype=bool), dicom_scan(geometry()))


def test_a_source_that_went_away_is_refused(tmp_path: Path) -> None:
    write_nifti_image(tmp_path / "in.nii", np.arange(120).reshape(SHAPE).astype(np.int16), geometry())
    scan = load(tmp_path / "in.nii")
    (tmp_path / "in.nii").rename(tmp_path / "elsewhere.nii")
    with pytest.raises(RefusedError):
        write_nifti_mask(tmp_path / "m.nii", scan.volume.values > 0, scan)
