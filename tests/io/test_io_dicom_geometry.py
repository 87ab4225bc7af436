"""Landmarks land at the right place and side, whatever the orientation, order, spacing, tilt and storage."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from dicom_series import head_slice, set_stored, uid, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bregma.io.find import discover, find_scans, load
from bregma.scan.volume import Scan

ROWS, COLUMNS = 20, 28

angles = st.floats(-30, 30).map(lambda degrees: round(degrees, 3))
coordinates = st.floats(-300, 300).map(lambda mm: round(mm, 2))


def turn(axis: int, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


@st.composite
def placements(draw: st.DrawFn) -> dict[str, object]:
    """A stack of slices: turned, tilted, mirrored, rotated in the matrix, unevenly spaced, stored in any order."""
    matrix = turn(0, draw(angles)) @ turn(1, draw(angles)) @ turn(2, draw(angles))
    quarter = turn(2, 90.0 * draw(st.integers(0, 3)))
    row, column = (matrix @ quarter)[:, 0], (matrix @ quarter)[:, 1] * draw(st.sampled_from([1.0, -1.0]))
    row, column = np.round(row, 6), np.round(column, 6)
    travel = draw(st.sampled_from(["table", "normal"]))
    direction = np.array([0.0, 0.0, 1.0]) if travel == "table" else np.cross(row, column)
    gaps = draw(st.lists(st.floats(0.5, 9.0).map(lambda mm: round(mm, 2)), min_size=3, max_size=6))
    start = np.array([draw(coordinates) for _ in range(3)])
    origins = np.round(start + np.concatenate([[0.0], np.cumsum(gaps)])[:, None] * direction, 5)
    spacing = (
        draw(st.floats(0.3, 1.5).map(lambda mm: round(mm, 3))),
        draw(st.floats(0.3, 1.5).map(lambda m: round(m, 3))),
    )
    return {
        "row": row, "column": column, "origins": origins, "spacing": spacing,
        "at": (draw(st.integers(0, len(gaps))), draw(st.integers(0, ROWS - 1)), draw(st.integers(0, COLUMNS - 1))),
        "shuffle": draw(st.integers(0, 1000)),
    }  # fmt: skip


def write_with_landmark(placed: dict, folder: Path) -> np.ndarray:
    """Write the stack with one bright pixel; the pixel's LPS point, by the standard's formula (PS3.3 C.7.6.2.1.1)."""
    images = []
    number, i, j = placed["at"]
    for index, origin in enumerate(placed["origins"]):
        hu = np.full((ROWS, COLUMNS), -1000)
        hu[2:-2, 2:-2] = 30
        if index == number:
            hu[i, j] = 1500
        image = head_slice(index)
        image.SOPInstanceUID = uid(index, "landmark")
        set_stored(image, hu + 1024, "<u2")
        image.SliceThickness = "1"
        image.ImagePositionPatient = [f"{value:.5f}" for value in origin]
        image.ImageOrientationPatient = [f"{value:.6f}" for value in (*placed["row"], *placed["column"])]
        image.PixelSpacing = list(placed["spacing"])
        images.append(image)
    write(images, folder, shuffle=placed["shuffle"])
    x, y = placed["row"] * placed["spacing"][1], placed["column"] * placed["spacing"][0]
    return placed["origins"][number] + x * j + y * i


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(placed=placements())
def test_a_landmark_lands_at_its_place_and_side(placed: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        point = write_with_landmark(placed, Path(folder))
        (scan,) = list(find_scans(Path(folder)))
    assert isinstance(scan, Scan)
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.slices == len(placed["origins"])
    found = np.argwhere(scan.volume.values == 1500)
    assert len(found) == 1
    np.testing.assert_allclose(geometry.to_patient(found[0]), point, atol=0.01)
    index = geometry.to_index(point)
    assert index is not None
    np.testing.assert_allclose(index, found[0], atol=0.02)
    heights = geometry.origins @ geometry.normal
    assert np.all(np.diff(heights) > 0)
    assert geometry.origins[-1, 2] > geometry.origins[0, 2]
    np.testing.assert_allclose([s.z_mm for s in scan.slices], geometry.origins[:, 2])
    np.testing.assert_allclose([s.gap_mm for s in scan.slices[:-1]], geometry.gaps_mm)


@pytest.mark.parametrize("shuffle", [1, 2, 3])
def test_the_order_of_files_changes_nothing(shuffle: int, tmp_path: Path) -> None:
    images = [head_slice(index) for index in range(9)]
    scan = load(discover(write(images, tmp_path / "a", shuffle=0)).candidates[0])
    other = load(discover(write(images, tmp_path / "b", shuffle=shuffle)).candidates[0])
    np.testing.assert_array_equal(scan.volume.values, other.volume.values)
    assert [s.sop_instance_uid for s in scan.slices] == [s.sop_instance_uid for s in other.slices]
    assert scan.warnings == other.warnings


@pytest.mark.parametrize(
    ("directions", "said"),
    [
        ([1, 0, 0, 0, 1, 0], "L\\P"),
        ([-1, 0, 0, 0, 1, 0], "R\\P"),
        ([-1, 0, 0, 0, -1, 0], "R\\A"),
        ([0, 1, 0, -1, 0, 0], "P\\R"),
        ([0, 1, 0, 0, 0, -1], "P\\F"),
    ],
)
def test_mirrored_and_rotated_storage_is_said(directions: list[float], said: str, tmp_path: Path) -> None:
    image = head_slice(5)
    image.ImageOrientationPatient = directions
    (candidate,) = discover(write([image], tmp_path)).candidates
    assert load(candidate).series.facts["PatientOrientation"] == said
