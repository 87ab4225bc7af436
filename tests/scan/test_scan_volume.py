from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.scan.study import Refusal, Remark, Series, Source, Status
from bregma.scan.volume import Geometry, Scan, Volume

LEFT = np.array([1.0, 0.0, 0.0])
BACK = np.array([0.0, 1.0, 0.0])


def axial(*z: float, rows: int = 4, columns: int = 6, pixel_mm: tuple[float, float] = (0.5, 0.25)) -> Geometry:
    return Geometry(rows, columns, np.array([[10.0, 20.0, each] for each in z]), LEFT, BACK, pixel_mm)


def test_pixel_to_patient_follows_the_dicom_equation() -> None:
    # 10 + 3 columns * 0.25, 20 + 2 rows * 0.5, second slice
    np.testing.assert_allclose(axial(0, 5).to_patient(np.array([1, 2, 3])), [10.75, 21.0, 5.0])


@pytest.mark.parametrize(
    ("point", "index"),
    [
        ((10.75, 21.0, 5.0), (1, 2.0, 3.0)),
        ((10.75, 21.0, 7.4), (1, 2.0, 3.0)),
        ((10.75, 21.0, 7.6), None),  # beyond half a gap above the last slice
        ((10.75, 21.0, -2.4), (0, 2.0, 3.0)),
        ((9.8, 21.0, 0.0), None),  # off the matrix to the right
    ],
)
def test_patient_to_pixel(point: tuple[float, float, float], index: tuple[int, float, float] | None) -> None:
    found = axial(0, 5).to_index(np.array(point))
    assert found == index if index is None else found == pytest.approx(index)


def test_uneven_gaps_are_kept_and_weigh_the_volume() -> None:
    geometry = axial(0, 1, 5)
    assert not geometry.evenly_spaced
    np.testing.assert_allclose(geometry.gaps_mm, [1, 4])
    # reach 1, 2.5, 4 mm times 0.5 * 0.25 mm2
    np.testing.assert_allclose(geometry.voxel_ml * 1000, np.array([1, 2.5, 4]) * 0.125)


def test_a_tilted_gantry_moves_the_table_further_than_the_planes_are_apart() -> None:
    tilt = np.radians(18.5)
    back = np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    geometry = Geometry(4, 4, np.array([[0.0, 0.0, 7.38 * i] for i in range(3)]), LEFT, back, (1.0, 1.0))
    assert geometry.tilt_degrees == pytest.approx(18.5)
    assert geometry.orientation == "axial"
    np.testing.assert_allclose(geometry.gaps_mm, 7.38)
    np.testing.assert_allclose(geometry.spacing_mm, 7.38 * np.cos(tilt))


@pytest.mark.parametrize(
    ("along_row", "along_column", "word"),
    [
        ((1, 0, 0), (0, 1, 0), "axial"),
        ((1, 0, 0), (0, 0, -1), "coronal"),
        ((0, 1, 0), (0, 0, -1), "sagittal"),
        ((1, 0, 0), (0, np.sqrt(0.5), -np.sqrt(0.5)), "oblique"),
    ],
)
def test_orientation_in_a_word(along_row: tuple[float, ...], along_column: tuple[float, ...], word: str) -> None:
    assert Geometry(2, 2, np.zeros((1, 3)), np.array(along_row), np.array(along_column), (1, 1)).orientation == word


@given(
    angles=st.tuples(*[st.floats(-np.pi, np.pi)] * 3),
    steps=st.lists(st.floats(0.5, 8.0), min_size=1, max_size=5),
    row=st.integers(0, 3),
    column=st.integers(0, 5),
)
def test_index_and_patient_undo_each_other_in_any_pose(
    angles: tuple[float, float, float], steps: list[float], row: int, column: int
) -> None:
    a, b, c = angles
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_y = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    turn = about_z @ about_x @ about_y
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    geometry = Geometry(4, 6, heights[:, None] * turn[:, 2], turn[:, 0], turn[:, 1], (0.5, 0.25))
    for index in range(geometry.slices):
        found = geometry.to_index(geometry.to_patient(np.array([index, row, column])))
        assert found == pytest.approx((index, row, column), abs=1e-6)


def test_a_single_slice_has_no_known_volume() -> None:
    assert np.isnan(axial(3).voxel_ml).all()
    assert axial(3).to_index(np.array([10.0, 20.0, 3.4])) == (0, 0.0, 0.0)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2, 2\)"):
        Volume(np.zeros((1, 2, 2), np.int16), axial(0))
    with pytest.raises(ValueError, match="origins"):
        Geometry(2, 2, np.zeros(3), LEFT, BACK, (1, 1))


def test_status_and_cover_follow_from_what_was_remarked() -> None:
    def scan(*codes: str, refused: bool = False) -> Scan:
        return Scan(
            Series("p", "1", "2", "CT"),
            Source(root=Path(), files=("a",), media="dicom"),
            (),
            Volume(np.zeros((1, 4, 6), np.int16), axial(0)),
            tuple(Remark(code, code) for code in codes),
            Refusal("not_ct", "This is an MR series.") if refused else None,
        )

    assert scan().status is Status.ELIGIBLE
    assert scan().wholly_covered
    assert scan("thick_slices").status is Status.WITH_WARNINGS
    assert scan("thick_slices").wholly_covered
    assert not scan("missing_slices").wholly_covered
    assert scan(refused=True).status is Status.NOT_ELIGIBLE
