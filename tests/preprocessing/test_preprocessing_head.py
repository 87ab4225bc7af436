"""Where the head is: drawn ellipses whose middle is known, and what may lie beside them."""

from pathlib import Path

import numpy as np
import pytest

from bregma.preprocessing.head import find_head_centre, lies_sideways

PIXEL = (0.5, 0.5)


def head(centre: tuple[float, float], *, size: int = 400, semi_mm: tuple[float, float] = (85, 68)) -> np.ndarray:
    """One slice with skull and brain around a (row, column) centre."""
    row, column = np.mgrid[:size, :size].astype(float)
    mm = np.hypot((row - centre[0]) * PIXEL[0] / semi_mm[0], (column - centre[1]) * PIXEL[1] / semi_mm[1])
    hu = np.full((size, size), -1000, np.int16)
    hu[mm < 1] = 1000
    hu[mm < 0.92] = 35
    return hu


def stack(*planes: np.ndarray) -> np.ndarray:
    return np.stack(planes)


def assert_near(found: tuple[float, float], expected: tuple[float, float], *, mm: float = 3.0) -> None:
    assert np.abs(np.subtract(found, expected)).max() * PIXEL[0] <= mm


@pytest.mark.parametrize("centre", [(200, 200), (180, 230), (228.3, 171.6)])
def test_an_ellipse(centre: tuple[float, float]) -> None:
    assert_near(find_head_centre(stack(*[head(centre)] * 3), PIXEL), centre)


def test_a_table_a_headrest_and_padding_do_not_move_it() -> None:
    plane = head((190, 200))
    plane[372:380] = 200  # the table's shell
    plane[363:366, 120:280] = -150  # a thin headrest, touching the head
    plane[:40, :40] = -2000
    row, column = np.mgrid[:400, :400]
    plane[np.hypot(row - 200, column - 200) > 199] = -2000
    assert_near(find_head_centre(stack(*[plane] * 4), PIXEL), (190, 200))


def test_the_largest_slices_count() -> None:
    vertex = [head((120, 260), semi_mm=(25, 20))] * 5
    chin = [head((90, 200), semi_mm=(40, 40))] * 4
    assert_near(find_head_centre(stack(*chin, *[head((210, 190))] * 4, *vertex), PIXEL), (210, 190))


def test_shoulders_do_not_count() -> None:
    shoulders = np.full((400, 400), -1000, np.int16)
    shoulders[10:390, 5:395] = 40
    wide = (0.7, 0.7)
    found = find_head_centre(stack(*[shoulders] * 5, *[head((150, 210))] * 5), wide)
    assert np.abs(np.subtract(found, (150, 210))).max() <= 5
    assert_near(find_head_centre(stack(*[shoulders] * 5), (0.7, 0.7)), (199.5, 199.5), mm=4)


def test_many_thin_slices_are_sampled() -> None:
    assert_near(find_head_centre(np.repeat(head((210, 190))[None], 100, axis=0), PIXEL), (210, 190))


@pytest.mark.parametrize("value", [-1000, 0, 3000])
def test_a_blank_image_has_its_middle_in_the_middle(value: int) -> None:
    assert find_head_centre(np.full((2, 40, 60), value, np.int16), (1.0, 1.0)) == (19.5, 29.5)


def test_an_image_saved_through_a_window_has_black_around_the_head() -> None:
    shown = np.clip(head((180, 230)), 0, 80)
    assert_near(find_head_centre(stack(shown, shown), PIXEL), (180, 230))


def test_uneven_pixels() -> None:
    plane = head((180, 230))[:, ::2]
    found = find_head_centre(stack(plane, plane), (0.5, 1.0))
    assert abs(found[0] - 180) <= 6
    assert abs(found[1] - 115) <= 3


@pytest.mark.real_data
def test_the_middle_of_a_real_head(real_ct: Path) -> None:
    """Read off the picture of the 13th slice by eye: the head spans rows 74..473 and columns 105..420."""
    pydicom = pytest.importorskip("pydicom")
    files = [pydicom.dcmread(path) for path in (real_ct / "rsna_study_unlabelled").glob("*.dcm")]
    hu = np.stack([f.pixel_array.astype(int) * int(f.RescaleSlope) + int(f.RescaleIntercept) for f in files])
    row, column = find_head_centre(hu.astype(np.int16), (0.488, 0.488))
    assert abs(row - 273.5) <= 12
    assert abs(column - 262.5) <= 12


def test_a_head_that_is_longer_across_lies_sideways() -> None:
    upright = stack(*[head((190, 210))] * 3)
    assert not lies_sideways(upright, PIXEL)
    assert lies_sideways(upright.swapaxes(1, 2), PIXEL)
    assert lies_sideways(upright[:, ::2], PIXEL), "85 mm tall and 136 mm wide"
    assert not lies_sideways(upright[:, ::2], (1.0, 0.5))


def test_a_round_head_and_air_lie_as_they_are() -> None:
    assert not lies_sideways(stack(head((200, 200), semi_mm=(76, 77))), PIXEL)
    assert not lies_sideways(np.full((2, 100, 100), -1000, np.int16), PIXEL)
