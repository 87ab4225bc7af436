from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bregma.models.aggregate import NOT_ASSESSED, NOTHING_FOUND, SUSPECTED, Rule
from bregma.models.predictor import Predictor
from bregma.preprocessing.pipeline import place
from bregma.reading import midline_x_mm, read_scan
from bregma.scan.errors import RequestError
from bregma.scan.study import Refusal
from bregma.scan.volume import Geometry, Scan, Volume
from tiny_models import SETTINGS, head_scan, tiny_onnx, tiny_package


@pytest.fixture
def tiny(tmp_path: Path) -> Predictor:
    """Anything from 60 HU on is a bleed: 75 HU has logit 7.5, 30 HU has -15."""
    return Predictor(tiny_package(tmp_path / "tiny"), threads=1)


def mirrored(scan: Scan) -> Scan:
    """The same patient, stored with columns towards the right."""
    old = scan.volume.geometry
    assert old is not None
    origins = old.origins + 79 * 2.0 * old.along_row
    geometry = Geometry(80, 80, origins, -old.along_row, old.along_column, old.pixel_mm)
    return dataclasses.replace(scan, volume=Volume(scan.volume.values[:, :, ::-1].copy(), geometry))


def test_a_bleed_is_found_where_it_is(tiny: Predictor) -> None:
    reading = read_scan(head_scan(bleeds={4: 12.0, 5: 16.0, 6: 12.0}), [tiny], load_seconds=0.5)
    assert reading.verdict.word == SUSPECTED
    assert (reading.slice_probabilities[:, 0] > 0.5).tolist() == [index in (4, 5, 6) for index in range(10)]
    assert reading.scan_probabilities == {"any": pytest.approx(0.99945, abs=1e-4)}
    (lesion,) = reading.lesions
    expected = np.pi * (12.0**2 + 16.0**2 + 12.0**2) * 5.0 / 1000
    assert lesion.volume_ml == pytest.approx(expected, rel=0.12)
    assert (lesion.side, lesion.slices) == ("left", (4, 5, 6))
    assert lesion.box_mm is not None
    assert lesion.box_mm.low_mm == pytest.approx((14.0, -16.0, 20.0), abs=2.5)
    assert lesion.box_mm.high_mm == pytest.approx((46.0, 16.0, 30.0), abs=2.5)
    assert reading.seconds.load == 0.5
    assert min(reading.seconds.prepare, reading.seconds.network, reading.seconds.rest) > 0
    assert [(used.name, used.digest) for used in reading.models] == [("tiny", tiny.package.digest)]


def test_left_stays_left_however_it_is_stored(tiny: Predictor) -> None:
    scan = head_scan(bleeds={4: 12.0, 5: 16.0})
    (lesion,) = read_scan(mirrored(scan), [tiny]).lesions
    assert lesion.side == "left"


def test_nothing_found(tiny: Predictor) -> None:
    reading = read_scan(head_scan(), [tiny])
    assert (reading.verdict.word, reading.lesions) == (NOTHING_FOUND, ())
    assert not reading.counted.any()


def test_what_the_rule_does_not_count_has_no_lesions(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    bleeds = {2: 14.0, 5: 14.0, 6: 14.0, 7: 14.0}
    reading = read_scan(head_scan(slices=12, gap_mm=1.5, bleeds=bleeds), [predictor])
    assert [lesion.slices for lesion in reading.lesions] == [(5, 6, 7)]
    only_short = read_scan(head_scan(slices=12, gap_mm=1.5, bleeds={2: 14.0}), [predictor])
    assert (only_short.verdict.word, only_short.lesions) == (NOTHING_FOUND, ())


def test_a_scan_that_is_not_eligible_is_not_shown_to_a_network(tiny: Predictor) -> None:
    broken = Refusal("truncated_pixels", "the file ends too early", ("slices/011.dcm",))
    refusal = Refusal("not_head", "this is an abdomen")
    reading = read_scan(head_scan(refusal=refusal, excluded=(broken,)), [tiny])
    assert (reading.verdict.word, reading.verdict.reason) == (NOT_ASSESSED, "this is an abdomen")
    assert reading.slice_probabilities.shape == (0, 1)
    assert reading.scan_probabilities == {}
    assert reading.excluded == (broken, refusal)
    assert read_scan(head_scan(excluded=(broken,)), [tiny]).excluded == (broken,)


def test_packages_are_averaged_finding_by_finding(tmp_path: Path) -> None:
    sure = tiny_package(tmp_path / "a", name="sure", rule=Rule(threshold=0.3))
    settings = dataclasses.replace(SETTINGS, size=48)
    never = tiny_onnx(gain=0.0, offset=0.0, findings=2, size=48, maps=False)
    findings = ("any", "subdural")
    flat = tiny_package(tmp_path / "b", name="flat", onnx=never, findings=findings, preprocessing=settings)
    reading = read_scan(head_scan(bleeds={4: 12.0}), [Predictor(sure, threads=1), Predictor(flat, threads=1)])
    assert reading.findings == ("any", "subdural")
    assert reading.slice_probabilities[4] == pytest.approx([0.75, 0.5], abs=1e-3)
    assert reading.slice_probabilities[0] == pytest.approx([0.5, 0.5], abs=1e-3)
    assert reading.rule == Rule(threshold=0.4)
    assert [used.name for used in reading.models] == ["sure", "flat"]


def test_any_is_implied_by_subtypes(tmp_path: Path) -> None:
    subtype = tiny_package(tmp_path / "a", findings=("subdural",))
    reading = read_scan(head_scan(bleeds={4: 12.0}), [Predictor(subtype, threads=1)])
    assert reading.findings == ("any", "subdural")
    assert reading.verdict.word == SUSPECTED
    assert np.array_equal(reading.slice_probabilities[:, 0], reading.slice_probabilities[:, 1])


def test_without_geometry_a_bleed_has_no_side(tiny: Predictor) -> None:
    scan = head_scan(bleeds={4: 12.0, 5: 12.0, 6: 12.0}, with_geometry=False)
    reading = read_scan(scan, [tiny])
    assert reading.verdict.word == SUSPECTED
    assert [(lesion.side, lesion.volume_ml) for lesion in reading.lesions] == [(None, None)]


def test_the_midline_is_where_the_field_of_view_is_centred() -> None:
    scan = head_scan()
    assert midline_x_mm(scan.volume, place(scan.volume, SETTINGS)) == pytest.approx(0.0, abs=1.5)


def test_a_reading_needs_a_package() -> None:
    with pytest.raises(RequestError, match="no model package"):
        read_scan(head_scan(), [])
