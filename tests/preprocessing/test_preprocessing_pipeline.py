"""Preparing a scan and coming back: places known beforehand, over random geometries."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.preprocessing.orient import Orientation, turn, turn_back
from bregma.preprocessing.pipeline import Placement, Preprocessing, place, prepare, prepare_mask, restore
from bregma.preprocessing.window import PRESETS, apply_windows
from bregma.scan.volume import Geometry, Volume

BRAIN = Preprocessing()
WAYS = [Orientation(bool(bits & 1), bool(bits & 2), bool(bits & 4)) for bits in range(8)]


def geometry(shape: tuple[int, int, int], pixel_mm: tuple[float, float], way: Orientation, tilt: float) -> Geometry:
    """Axial slices about the origin, 5 mm apart along the table, stored one of eight ways."""
    angle = np.radians(tilt)
    left, back = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    across, down = left * (-1 if way.flip_columns else 1), back * (-1 if way.flip_rows else 1)
    if way.transposed:
        across, down = down, across
    middle = across * pixel_mm[1] * (shape[2] - 1) / 2 + down * pixel_mm[0] * (shape[1] - 1) / 2
    origins = np.arange(shape[0])[:, None] * np.array([0, 0, 5.0]) - middle
    return Geometry(shape[1], shape[2], origins, across, down, pixel_mm)


def places_mm(shape: tuple[int, int], pixel_mm: tuple[float, float], centre: tuple[float, float]) -> np.ndarray:
    """(2, H, W) mm from a (row, column) centre."""
    grid = np.mgrid[: shape[0], : shape[1]].astype(float)
    return (grid - np.array(centre)[:, None, None]) * np.array(pixel_mm)[:, None, None]


def head(shape: tuple[int, int, int], pixel_mm: tuple[float, float], centre: tuple[float, float]) -> np.ndarray:
    """(D, H, W) HU: round heads of 160 mm, brain within bone."""
    distance = np.hypot(*places_mm(shape[1:], pixel_mm, centre))
    plane = np.where(distance < 74, 35, np.where(distance < 80, 900, -1000)).astype(np.int16)
    return np.repeat(plane[None], shape[0], axis=0)


def centroid(weights: np.ndarray) -> np.ndarray:
    grid = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(axis * weights).sum() for axis in grid]) / weights.sum()


def same_pixels(values: np.ndarray) -> Volume:
    """A volume whose pixels are 1 mm, 250 in the field of view."""
    return Volume(values, geometry(values.shape, (1.0, 1.0), Orientation(), 0))


def test_pixels_of_the_right_size_are_only_cut_out() -> None:
    rng = np.random.default_rng(0)
    values = head((2, 250, 250), (1.0, 1.0), (124.5, 124.5)) + rng.integers(-9, 9, (2, 250, 250)).astype(np.int16)
    windows = (PRESETS["brain"], PRESETS["bone"])
    prepared = prepare(same_pixels(values), Preprocessing(windows))
    assert prepared.images.shape == (2, 2, 256, 256)
    assert prepared.images.dtype == np.float32
    assert prepared.images.flags.c_contiguous
    rows, columns = prepared.placement.rows, prepared.placement.columns
    assert (rows.step, columns.step, rows.margin) == (1.0, 1.0, 3)
    shift = int(rows.start), int(columns.start)
    assert np.abs(shift).max() <= 4
    expected = np.zeros((2, 2, 256, 256), np.float32)
    for channel, shown in enumerate(apply_windows(values, windows)):
        framed = np.pad(shown, ((0, 0), (10, 10), (10, 10)))
        cut = framed[:, 10 + shift[0] :, 10 + shift[1] :][:, :250, :250]
        expected[:, channel, 3:253, 3:253] = cut
    np.testing.assert_array_equal(prepared.images, expected)


def test_half_millimetre_pixels_become_means_of_four() -> None:
    values = np.random.default_rng(0).integers(0, 80, (1, 500, 500)).astype(np.int16)
    values[0, 0] = -1000
    volume = Volume(values, geometry((1, 500, 500), (0.5, 0.5), Orientation(), 0))
    prepared = prepare(volume, BRAIN)
    rows, columns = prepared.placement.rows, prepared.placement.columns
    top, left = int(rows.start), int(columns.start)
    assert (rows.step, columns.step) == (2.0, 2.0)
    assert (rows.start, columns.start) == (top, left)
    framed = np.pad(values[0], 20, constant_values=-1000)[20 + top :, 20 + left :][:500, :500]
    means = framed.reshape(250, 2, 250, 2).mean(axis=(1, 3))
    # Means are kept to whole HU, a 160th of this window to either side.
    expected = np.clip(means / 80, 0, 1)
    np.testing.assert_allclose(prepared.images[0, 0, 3:253, 3:253], expected, atol=0.51 / 80)


def test_the_margin_and_what_lies_outside_are_air() -> None:
    values = np.full((1, 120, 120), 40, np.int16)
    images = prepare(same_pixels(values), Preprocessing((PRESETS["brain"], PRESETS["soft_tissue"]))).images
    assert images[0, 0].sum() == pytest.approx(0.5 * 120 * 120)
    assert images[0, 0, 128, 128] == 0.5
    assert not images[:, :, :3].any()
    assert not images[:, :, :, 253:].any()


@pytest.mark.parametrize("step", [0.4, 0.77, 0.999, 1.0, 1.0004, 1.7, 2.048, 3.3])
def test_a_ramp_has_the_value_of_its_place(step: float) -> None:
    """Interpolation and means are exact on a ramp: this pins every step's alignment to a fraction of a pixel."""
    size = 128
    rows, columns = np.mgrid[:size, :size]
    ramp = (10 * rows + 3 * columns).astype(np.int16)
    ramp[:8], ramp[-8:], ramp[:, :8], ramp[:, -8:] = -1000, -1000, -1000, -1000
    wide = Preprocessing.from_dict({"windows": [{"center": 1000, "width": 4000}], "pixel_mm": step})
    prepared = prepare(same_pixels(ramp[None]), wide)
    inside = np.mgrid[: wide.size, : wide.size].transpose(1, 2, 0).astype(float)
    stored = prepared.placement.to_stored(inside)
    safe = ((stored > 8 + 2 * step + 1) & (stored < size - 9 - 2 * step - 1)).all(axis=-1)
    assert safe.sum() > 200
    found = prepared.images[0, 0] * 4000 - 1000
    expected = stored @ np.array([10.0, 3.0])
    assert np.abs(found - expected)[safe].max() < 0.05 * 13 + 0.5


@pytest.mark.parametrize("way", WAYS)
def test_the_same_patient_looks_the_same_however_it_is_stored(way: Orientation) -> None:
    rng = np.random.default_rng(1)
    values = head((2, 200, 180), (0.9, 1.1), (90, 100)) + rng.integers(-5, 5, (2, 200, 180)).astype(np.int16)
    stored = np.ascontiguousarray(turn_back(values, way))
    pixel_mm = (1.1, 0.9) if way.transposed else (0.9, 1.1)
    volume = Volume(stored, geometry(stored.shape, pixel_mm, way, 0))
    expected = prepare(Volume(values, geometry(values.shape, (0.9, 1.1), Orientation(), 0)), BRAIN)
    prepared = prepare(volume, BRAIN)
    np.testing.assert_array_equal(prepared.images, expected.images)
    back = restore(prepared.images[:, 0], prepared.placement)
    np.testing.assert_array_equal(turn(back, way), restore(expected.images[:, 0], expected.placement))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tilt", [0.0, 18.5])
def test_prepared_columns_run_to_the_left_and_rows_to_the_back(way: Orientation, tilt: float) -> None:
    shape, pixel_mm = (3, 160, 160), (1.2, 1.2)
    volume = Volume(head(shape, pixel_mm, (80, 80)), geometry(shape, pixel_mm, way, tilt))
    placement = place(volume, BRAIN)
    ends = placement.to_stored(np.array([[100.0, 100.0], [110.0, 100.0], [100.0, 110.0]]))
    start, back, left = volume.geometry.to_patient(np.column_stack([np.ones(3), ends]))
    angle = np.radians(tilt)
    np.testing.assert_allclose(back - start, [0, 10 * np.cos(angle), -10 * np.sin(angle)], atol=1e-9)
    np.testing.assert_allclose(left - start, [10, 0, 0], atol=1e-9)


def test_without_geometry_the_longer_side_spans_the_field_of_view() -> None:
    values = head((2, 400, 500), (0.5, 0.5), (199.5, 249.5))
    prepared = prepare(Volume(values, None), BRAIN)
    rows, columns = prepared.placement.rows, prepared.placement.columns
    assert rows.step == columns.step == 2.0
    assert columns.count * columns.step == 500
    assert abs(columns.start) <= 8


def test_without_geometry_a_head_on_its_side_is_read_upright_and_drawn_on_as_it_lies() -> None:
    grid = places_mm((250, 250), (1.0, 1.0), (120, 130))
    upright = np.where(np.hypot(grid[0] / 90, grid[1] / 70) < 1, 40, -1000).astype(np.int16)[None]
    sideways = np.ascontiguousarray(upright.swapaxes(1, 2))
    one, other = (prepare(Volume(values, None), BRAIN) for values in (upright, sideways))
    np.testing.assert_array_equal(one.images, other.images)
    drawn = np.zeros((1, BRAIN.size, BRAIN.size), np.float32)
    drawn[0, 60:70, 100:130] = 1
    as_upright, as_sideways = (restore(drawn, prepared.placement) for prepared in (one, other))
    np.testing.assert_array_equal(as_upright, as_sideways.swapaxes(1, 2))
    known = geometry((1, 250, 250), (1.0, 1.0), Orientation(), 0.0)
    assert not place(Volume(sideways, known), BRAIN).orientation.transposed, "a geometry is believed"


def test_slices_are_never_mixed() -> None:
    values = head((7, 250, 250), (1.0, 1.0), (124.5, 124.5))
    values[3] = -1000
    images = prepare(same_pixels(values), BRAIN).images
    assert not images[3].any()
    np.testing.assert_array_equal(images[2], images[4])


def test_a_single_slice() -> None:
    values = head((1, 64, 64), (4.0, 4.0), (31, 33))
    prepared = prepare(Volume(values, geometry(values.shape, (4.0, 4.0), Orientation(), 0)), BRAIN)
    assert prepared.images.shape == (1, 1, 256, 256)
    assert restore(prepared.images[:, 0], prepared.placement).shape == values.shape


cases = st.tuples(
    st.sampled_from(WAYS),
    st.floats(0.35, 1.9),  # row mm
    st.floats(0.35, 1.9),  # column mm
    st.sampled_from([1.0, 1.3, 2.0]),  # prepared mm
    st.floats(0, 25),  # tilt
    st.tuples(st.floats(-20, 20), st.floats(-20, 20)),  # head off the image's middle, mm
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)),  # blob off the head's middle, mm
)


def draw_case(case: tuple) -> tuple[Placement, tuple[float, float], np.ndarray, tuple[int, int, int]]:
    """Placement, stored pixel mm, the blob's true place (row, column) and the shape, of one random scan."""
    way, row_mm, column_mm, prepared_mm, tilt, head_mm, blob_mm = case
    pixel = (row_mm, column_mm)
    shape = (2, round(230 / row_mm), round(225 / column_mm))
    middle = (np.array(shape[1:]) - 1) / 2
    centre = middle + np.array(head_mm) / pixel
    volume = Volume(head(shape, pixel, centre), geometry(shape, pixel, way, tilt))
    placement = place(volume, Preprocessing(pixel_mm=prepared_mm))
    return placement, pixel, centre + np.array(blob_mm) / pixel, shape


@settings(max_examples=40, deadline=None)
@given(cases)
def test_a_mask_comes_back_within_half_a_pixel(case: tuple) -> None:
    placement, pixel, blob, shape = draw_case(case)
    mask = np.zeros(shape, bool)
    mask[1] = np.hypot(*places_mm(shape[1:], pixel, blob)) < 9
    prepared = prepare_mask(mask, placement)
    assert not prepared[0].any()
    assert 0 <= prepared.min() <= prepared.max() <= 1
    back = restore(prepared, placement)
    assert back.shape == shape
    assert back.dtype == np.float32
    assert not back[0].any()
    assert np.abs(centroid(back[1]) - centroid(mask[1].astype(float))).max() < 0.5
    area = mask.sum() * pixel[0] * pixel[1]
    assert prepared.sum() * np.prod([s.step for s in (placement.rows, placement.columns)]) * np.prod(
        pixel
    ) == pytest.approx(area, rel=0.04)


@settings(max_examples=40, deadline=None)
@given(cases)
def test_what_is_drawn_on_prepared_slices_lands_at_its_place(case: tuple) -> None:
    placement, _, blob, shape = draw_case(case)
    row, column = placement.to_prepared(blob)
    grid = np.mgrid[: placement.size, : placement.size]
    drawn = np.exp(-((grid[0] - row) ** 2 + (grid[1] - column) ** 2) / (2 * 3.0**2)).astype(np.float32)
    back = restore(np.stack([drawn, drawn]), placement)
    assert back.shape == shape
    assert np.abs(centroid(back[1]) - blob).max() < 0.5
    np.testing.assert_allclose(placement.to_stored(placement.to_prepared(blob)), blob, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(cases)
def test_the_head_is_in_the_middle(case: tuple) -> None:
    placement, pixel, _, _ = draw_case((*case[:6], (0.0, 0.0)))
    _, _, centre, _ = draw_case((*case[:6], (0.0, 0.0)))
    middle = placement.to_stored(np.full(2, (placement.size - 1) / 2))
    assert np.abs((middle - centre) * pixel).max() <= 5.0


def test_what_is_given_may_be_read_only_and_is_left_alone() -> None:
    values = head((5, 200, 180), (1.1, 1.2), (90, 100))
    before = values.copy()
    values.flags.writeable = False
    flipped = geometry(values.shape, (1.1, 1.2), Orientation(flip_rows=True), 0)
    prepared = prepare(Volume(values, flipped), BRAIN)
    prepared.images.flags.writeable = False
    restore(prepared.images[:, 0], prepared.placement)
    np.testing.assert_array_equal(values, before)


def test_an_empty_mask_stays_empty_and_a_full_one_fills_the_image() -> None:
    volume = same_pixels(head((9, 120, 120), (1.0, 1.0), (60, 60)))
    placement = place(volume, BRAIN)
    assert not prepare_mask(np.zeros((9, 120, 120), bool), placement).any()
    assert prepare_mask(np.ones((9, 120, 120), bool), placement).sum() == 9 * 120 * 120


def test_an_image_smaller_than_a_prepared_pixel_is_air() -> None:
    values = np.full((1, 3, 3), 40, np.int16)
    volume = Volume(values, geometry(values.shape, (0.1, 0.1), Orientation(), 0))
    assert not prepare(volume, BRAIN).images.any()


@pytest.mark.real_data
def test_a_real_tilted_scan_is_prepared(real_ct: Path) -> None:
    """Read off the picture of the 13th slice: air on top, bone at columns 52 to 62, brain beside the midline."""
    pydicom = pytest.importorskip("pydicom")
    files = [pydicom.dcmread(path) for path in (real_ct / "rsna_study_unlabelled").glob("*.dcm")]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    hu = [file.pixel_array.astype(int) * int(file.RescaleSlope) + int(file.RescaleIntercept) for file in files]
    axes = np.array(files[0].ImageOrientationPatient, dtype=float)
    origins = np.array([file.ImagePositionPatient for file in files], dtype=float)
    pixel_mm = (float(files[0].PixelSpacing[0]), float(files[0].PixelSpacing[1]))
    place_of = Geometry(512, 512, origins, axes[:3], axes[3:], pixel_mm)
    prepared = prepare(Volume(np.stack(hu).astype(np.int16), place_of), BRAIN)
    image = prepared.images[12, 0]
    assert image.shape == (256, 256)
    assert image[:20].max() == 0
    assert image[128, 52:62].max() == 1.0
    assert 25 / 80 < np.median(image[100:160, 90:110]) < 40 / 80
    assert abs(prepared.placement.rows.step * pixel_mm[0] - 1) < 1e-9
