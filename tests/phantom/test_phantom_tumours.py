"""Drawn heads with tumours: truth that is known beforehand, and that comes back from files the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.library import Library
from bregma.catalogue.tumours import load_tumour_scan, tumour_scans
from bregma.phantom.parameters import Scanner
from bregma.phantom.tumour_parameters import DrawnTumour, MrLook, TumourHead
from bregma.phantom.tumour_sample import MORE, SCANS
from bregma.phantom.tumour_studies import TumourStudies, write_tumour_studies
from bregma.phantom.tumours import draw_tumours, tumour_parameters
from bregma.scan.errors import RequestError
from bregma.scan.tumour import TumourScan

COARSE = Scanner(size=64, slices=28, field_of_view_mm=200.0, spacing_mm=5.0, thickness_mm=2.0, table=False)
MIDDLE = 14


@cache
def head(*tumours: DrawnTumour, **more: Any) -> TumourScan:
    return draw_tumours(replace(TumourHead(scanner=COARSE, tumours=tumours, seed=1), **more))


METASTASIS = DrawnTumour("metastasis", (30.0, -30.0, 30.0), (9.0, 9.0, 9.0), brightness=95.0)
MENINGIOMA = DrawnTumour("meningioma", (-66.0, 17.0, 20.0), (16.0, 16.0, 12.0), axis=(0.98, 0.0, -0.17))
SCHWANNOMA = DrawnTumour("schwannoma", (-18.0, 34.0, -36.0), (10.0, 10.0, 10.0), axis=(-0.96, -0.2, 0.19))


def test_a_ball_in_the_brain_has_the_volume_of_a_ball() -> None:
    scan = head(METASTASIS)
    voxel_ml = (200 / 64) ** 2 * 5.0 / 1000
    drawn = (scan.map == 1).sum() * voxel_ml
    assert drawn == pytest.approx(4 / 3 * np.pi * 0.9**3 * 0.95**3, rel=0.2)  # heads are 0.95 of the average


def test_labels_are_those_of_the_place() -> None:
    scan = head(METASTASIS, SCHWANNOMA, MENINGIOMA)
    assert [dict(one.labels) for one in scan.tumours] == [
        {"type": "metastasis", "area": "frontal region", "side": "left", "depth": "front", "height": "upper"},
        {
            "type": "schwannoma",
            "area": "cerebellopontine angle",
            "side": "right",
            "depth": "rear",
            "height": "lower",
        },
        {"type": "meningioma", "area": "parietal region", "side": "right", "depth": "rear", "height": "upper"},
    ]


def test_the_left_is_on_the_right_of_the_picture() -> None:
    scan = head(METASTASIS)
    assert scan.tumours[0].box.start[2] > 32


def test_tumours_are_brighter_than_brain_and_a_rim_has_a_dark_core() -> None:
    solid, rim = head(METASTASIS), head(replace(METASTASIS, rim_mm=2.5))
    inside = ndimage.binary_erosion(solid.map == 1)
    brain = float(np.median(solid.volume.values[MIDDLE, 24:40, 40:44]))
    assert np.median(solid.volume.values[inside]) > 1.5 * brain
    middle = tuple(round(place) for place in ndimage.center_of_mass(rim.map == 1))
    assert rim.volume.values[middle] < 0.5 * solid.volume.values[middle]


def test_a_meningioma_touches_the_skull_and_a_metastasis_does_not() -> None:
    blank = head()
    assert len(blank.tumours) == 0
    in_plane = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
    near = [ndimage.binary_dilation(head(one).map == 1, in_plane, iterations=6) for one in (MENINGIOMA, METASTASIS)]
    air = 0.2 * np.median(blank.volume.values[MIDDLE, 24:40, 40:44])
    assert blank.volume.values[near[0]].min() < air  # 19 mm: skull and scalp have 11
    assert blank.volume.values[near[1]].min() > air


def test_a_schwannoma_is_longer_towards_its_canal() -> None:
    box = head(SCHWANNOMA).tumours[0].box
    wide, deep = (box.stop[axis] - box.start[axis] for axis in (2, 1))
    assert wide >= deep + 1


def test_oedema_darkens_white_matter_and_is_no_tumour() -> None:
    dry, wet = head(METASTASIS), head(replace(METASTASIS, oedema_mm=12.0))
    np.testing.assert_array_equal(dry.map, wet.map)
    ring = ndimage.binary_dilation(dry.map == 1, iterations=2) & (dry.map == 0)
    assert wet.volume.values[ring].mean() < 0.95 * dry.volume.values[ring].mean()


def test_what_nobody_states_is_not_there() -> None:
    scan = head(METASTASIS, SCHWANNOMA, unsaid=((1, "side"), (2, "type")))
    assert "side" not in scan.tumours[0].labels
    assert "type" not in scan.tumours[1].labels
    assert scan.tumours[1].labels["side"] == "right"


def test_a_tumour_outside_the_slices_leaves_no_gap_in_the_numbers() -> None:
    thin = Scanner(size=64, slices=3, field_of_view_mm=200.0, spacing_mm=6.0, thickness_mm=5.0, table=False)
    scan = head(SCHWANNOMA, replace(METASTASIS, centre=(30.0, -10.0, 11.0)), scanner=thin)
    assert [one.number for one in scan.tumours] == [1]
    assert scan.tumours[0].labels["type"] == "metastasis"


def test_the_same_parameters_give_the_same_bytes() -> None:
    first, second, other = head(METASTASIS), head(METASTASIS), head(METASTASIS, seed=2)
    np.testing.assert_array_equal(first.volume.values, second.volume.values)
    assert first.series_uid == second.series_uid != other.series_uid
    assert (first.volume.values != other.volume.values).any()


def test_gain_and_bias_are_the_scanners() -> None:
    plain = head(look=MrLook(gain=4.0, bias=0.0, noise=0.0)).volume.values.astype(float)
    louder = head(look=MrLook(gain=8.0, bias=0.0, noise=0.0)).volume.values
    np.testing.assert_allclose(louder, 2 * plain, atol=1.01)
    towards_left = head(look=MrLook(gain=4.0, bias=0.3, bias_direction=(1.0, 0.0, 0.0), noise=0.0)).volume.values
    assert towards_left[MIDDLE, :, 40:].sum() > plain[MIDDLE, :, 40:].sum()
    assert towards_left[MIDDLE, :, :24].sum() < plain[MIDDLE, :, :24].sum()


@pytest.mark.parametrize("kind", ["metastasis", "meningioma", "schwannoma"])
def test_sampled_tumours_are_apart_and_on_one_side(kind: str) -> None:
    for index in range(1):
        parameters = tumour_parameters(index, 5, size=64, slices=26, spacing_mm=6.0, kind=kind)
        scan = draw_tumours(parameters)
        assert {one.labels["type"] for one in scan.tumours} == {kind}
        assert 1 <= len(scan.tumours) <= len(parameters.tumours)
        components, _ = ndimage.label(scan.map > 0, structure=np.ones((3, 3, 3)))
        for piece in range(1, int(components.max()) + 1):
            assert len(np.unique(scan.map[components == piece])) == 1
        for one in scan.tumours:
            assert one.labels.keys() >= {"type", "side", "depth", "height"}


def test_the_papers_proportions() -> None:
    heads = [tumour_parameters(index, 3, size=64, slices=8, spacing_mm=20.0) for index in range(20)]
    kinds = [one.tumours[0].kind for one in heads]
    assert kinds.count("metastasis") == pytest.approx(20 * SCANS[0] / sum(SCANS), abs=7)
    several = [len(one.tumours) for one in heads if one.tumours[0].kind == "metastasis"]
    assert np.mean(several) == pytest.approx(1 + MORE["metastasis"], abs=2.2)


def test_a_thin_stack_lies_over_a_tumour() -> None:
    for slices in (1, 3):
        scan = draw_tumours(tumour_parameters(2, 9, size=96, slices=slices, spacing_mm=6.0, kind="meningioma"))
        assert scan.volume.values.shape == (slices, 96, 96)
        assert len(scan.tumours) >= 1


def test_labels_are_missing_as_often_as_asked() -> None:
    none = tumour_parameters(0, 1, missing_share=0.0)
    every = tumour_parameters(0, 1, missing_share=1.0)
    assert none.unsaid == ()
    assert len(every.unsaid) == 5 * len(every.tumours)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DrawnTumour("glioma", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), "glioma"),
        (lambda: DrawnTumour("metastasis", (0.0, 0.0, 0.0), (1.0, 0.0, 1.0)), "above 0 mm"),
        (lambda: tumour_parameters(0, 0, missing_share=1.5), "1.5"),
    ],
)
def test_impossible_tumours_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        make()


def same(read: TumourScan, drawn: TumourScan) -> None:
    np.testing.assert_array_equal(read.volume.values, drawn.volume.values)
    np.testing.assert_array_equal(read.map, drawn.map)
    assert read.tumours == drawn.tumours
    assert read.date == drawn.date
    assert read.volume.geometry is not None
    assert drawn.volume.geometry is not None
    np.testing.assert_allclose(read.volume.geometry.origins, drawn.volume.geometry.origins, atol=1e-3)


@pytest.mark.parametrize("nifti", [False, True])
def test_what_is_written_is_imported_to_the_same_truth(tmp_path: Path, *, nifti: bool) -> None:
    settings = TumourStudies(seed=4, size=48, slices=20, missing_share=0.2, nifti=nifti)
    told: list[tuple[int, int]] = []
    write_tumour_studies(tmp_path / "heads", settings, count=2, progress=lambda *how: told.append(how))
    assert told == [(1, 2), (2, 2)]
    with Library.create(tmp_path / "library") as library:
        report = import_data_set(library, tmp_path / "heads", "tumours" if nifti else "table", workers=1)
        assert (report.stored, report.masks, report.wrong.count, report.not_found.count) == (2, 2, 0, 0)
        read = [load_tumour_scan(library, uid) for uid in tumour_scans(library)]
    drawn = [
        draw_tumours(
            tumour_parameters(number, 4, size=48, slices=20, spacing_mm=8.0, field_of_view_mm=220.0, missing_share=0.2)
        )
        for number in range(2)
    ]
    by_volume = {one.volume.values.tobytes(): one for one in read}
    for one in drawn:
        same(by_volume[one.volume.values.tobytes()], one)
    assert len({one.patient for one in read}) == 2


def test_a_stopped_run_goes_on_and_other_settings_are_refused(tmp_path: Path) -> None:
    settings = TumourStudies(seed=4, size=32, slices=4)
    write_tumour_studies(tmp_path, settings, count=1)
    there = (tmp_path / "scans" / "study_00000" / "0001.dcm").stat().st_mtime_ns
    write_tumour_studies(tmp_path, settings, count=2)
    assert (tmp_path / "scans" / "study_00000" / "0001.dcm").stat().st_mtime_ns == there
    assert len(list((tmp_path / "scans").iterdir())) == 2
    with pytest.raises(RequestError, match="another folder"):
        write_tumour_studies(tmp_path, replace(settings, seed=5), count=1)
    with pytest.raises(RequestError, match="0 studies"):
        write_tumour_studies(tmp_path, settings, count=0)
    with pytest.raises(RequestError, match="single slice"):
        write_tumour_studies(tmp_path / "one", replace(settings, slices=1, nifti=True), count=1)
