"""Surfaces and volumes of masks: boxes and balls whose distances are known, and SciPy's distance transform."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from bregma.evaluation.mask_agreement import MaskPair, mask_agreement, mask_pair
from bregma.evaluation.surface import surface_distances
from bregma.scan.volume import Geometry


def grid(heights: list[float], size: int = 24, pixel: tuple[float, float] = (0.5, 0.5)) -> Geometry:
    origins = np.array([[0.0, 0.0, height] for height in heights])
    return Geometry(size, size, origins, np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), pixel)


EVEN = grid([5.0 * number for number in range(6)])


def box(geometry: Geometry, slices: slice, rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(geometry.shape, bool)
    mask[slices, rows, columns] = True
    return mask


def test_one_pixel_against_another_across_slices_and_rows() -> None:
    one, other = box(EVEN, slice(1, 2), slice(4, 5), slice(4, 5)), box(EVEN, slice(2, 3), slice(4, 5), slice(28, 29))
    other[2, 4, 22] = True  # 18 columns of 0.5 mm and one slice of 5 mm away
    found = surface_distances(one, other, EVEN)
    assert found is not None
    assert found.mean_mm == pytest.approx(np.hypot(9.0, 5.0))
    assert found.hausdorff95_mm == found.hausdorff_mm == pytest.approx(np.hypot(9.0, 5.0))


def test_a_mask_and_itself() -> None:
    mask = box(EVEN, slice(1, 4), slice(3, 9), slice(5, 12))
    found = surface_distances(mask, mask, EVEN)
    assert found is not None
    assert (found.mean_mm, found.hausdorff95_mm, found.hausdorff_mm) == (0, 0, 0)


def test_uneven_slices_count_as_far_as_they_lie() -> None:
    uneven = grid([0.0, 5.0, 7.5, 17.5])
    for first, second, apart in ((0, 1, 5.0), (1, 2, 2.5), (2, 3, 10.0)):
        one, other = (box(uneven, slice(n, n + 1), slice(3, 9), slice(3, 9)) for n in (first, second))
        found = surface_distances(one, other, uneven)
        assert found is not None
        assert found.mean_mm == pytest.approx(apart)


def test_tilted_slices() -> None:
    """Slices that are sheared by 3 mm in y for every 4 mm in z: the same pixel of the next slice is 5 mm away."""
    origins = np.array([[0.0, 3.0 * number, 4.0 * number] for number in range(3)])
    tilted = Geometry(40, 8, origins, np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), (10.0, 10.0))
    one, other = (box(tilted, slice(n, n + 1), slice(20, 21), slice(4, 5)) for n in (0, 1))
    found = surface_distances(one, other, tilted)
    assert found is not None
    assert found.hausdorff_mm == pytest.approx(5.0)


@pytest.mark.parametrize("seed", range(3))
def test_against_the_distance_transform(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = [ndimage.gaussian_filter(rng.random(EVEN.shape), (0.7, 2, 2)) > 0.52 for _ in range(2)]
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in masks]
    to = [ndimage.distance_transform_edt(~surface, sampling=(5.0, 0.5, 0.5)) for surface in surfaces]
    there, back = to[1][surfaces[0]], to[0][surfaces[1]]
    found = surface_distances(masks[0], masks[1], EVEN)
    assert found is not None
    assert found.mean_mm == pytest.approx(np.concatenate([there, back]).mean())
    assert found.hausdorff95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert found.hausdorff_mm == pytest.approx(max(there.max(), back.max()))
    assert surface_distances(masks[1], masks[0], EVEN) == found


def test_an_empty_mask_has_no_distance_and_another_grid_is_an_error() -> None:
    mask = box(EVEN, slice(1, 4), slice(3, 9), slice(5, 12))
    assert surface_distances(mask, np.zeros_like(mask), EVEN) is None
    with pytest.raises(ValueError, match="expected one grid"):
        surface_distances(mask[:3], mask[:3], EVEN)


def test_a_pair_and_its_volumes() -> None:
    one, other = box(EVEN, slice(1, 3), slice(0, 8), slice(0, 10)), box(EVEN, slice(1, 3), slice(0, 8), slice(0, 5))
    pair = mask_pair("a", one, other, EVEN)
    assert pair.predicted_ml == pytest.approx(160 * 0.5 * 0.5 * 5 / 1000)
    assert pair.true_ml == pytest.approx(pair.predicted_ml / 2)
    assert pair.dice == pytest.approx(2 / 3)
    assert pair.surface_mean_mm is not None


def test_means_are_over_scans_that_define_them() -> None:
    pairs = [
        MaskPair("a", 0.8, 1.0, 4.0, 10.0, 12.0),
        MaskPair("a", 0.6, 3.0, 8.0, 20.0, 21.0),
        MaskPair("b", 0.0, None, None, 5.0, 0.0),
        MaskPair("c", None, None, None, 0.0, 0.0),
        MaskPair("d", 0.9, 0.5, 2.0, float("nan"), float("nan")),
    ]
    found = mask_agreement(pairs, np.random.default_rng(0), replicates=300)
    dice, mean, hausdorff = found.measures
    assert dice.value == pytest.approx(2.3 / 4)
    assert mean.value == pytest.approx(1.5)
    assert hausdorff.value == pytest.approx(14 / 3)
    assert dice.interval is not None
    assert dice.interval.low < 2.3 / 4 < dice.interval.high
    assert found.volumes is not None
    assert found.volumes.bias == pytest.approx((-2 - 1 + 5 + 0) / 4)
    assert found.scans == 5


def test_too_few_volumes_and_no_surface_say_why() -> None:
    found = mask_agreement([MaskPair("c", None, None, None, 0.0, 0.0)], np.random.default_rng(0), replicates=100)
    assert found.volumes is None
    assert [measure.value for measure in found.measures] == [None, None, None]
    assert found.measures[0].reason == "dice is undefined: both masks of every scan are empty"
