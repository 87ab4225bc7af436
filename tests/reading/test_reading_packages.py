"""Several packages on one scan: what is named, what is drawn, and what is left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bregma.models.aggregate import INCOMPLETE, NOT_ASSESSED, NOTHING_FOUND, SUSPECTED, Rule
from bregma.models.predictor import Predictor
from bregma.reading import LeftOut, Reading, read_scan
from bregma.scan.errors import PackageError
from bregma.scan.study import Refusal, Remark
from tiny_models import head_scan, tiny_onnx, tiny_package
from tiny_packages import point, six_predictor

BLEED = {4: 14.0, 5: 14.0}


@pytest.fixture
def radnet(tmp_path: Path) -> Predictor:
    """Answers `any` and draws."""
    return Predictor(tiny_package(tmp_path / "radnet", name="radnet"), threads=1)


def said(reading: Reading) -> object:
    """Everything of a reading that must not depend on the order of the packages."""
    lesions = [(one.id, one.volume_ml, one.side, one.slices, one.probabilities, one.subtype) for one in reading.lesions]
    return reading.verdict, reading.rule, reading.scan_probabilities, reading.scan_points, lesions


def test_subtypes_come_from_one_package_and_lesions_from_the_other(radnet: Predictor, tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", {"subdural": 0.5, "epidural": 1.0}, maps=False)
    reading = read_scan(head_scan(bleeds=BLEED), [radnet, six])
    assert reading.verdict.word == SUSPECTED
    assert reading.subtypes == ("subdural",)
    assert [(one.map, len(one.findings)) for one in reading.models] == [(True, 1), (False, 6)]
    (lesion,) = reading.lesions
    assert (lesion.subtype, lesion.slices) == ("subdural", (4, 5))
    assert lesion.subtype_probability == pytest.approx(float(reading.slice_probabilities[4, 5]), abs=1e-6)
    assert set(lesion.probabilities) == {"any"}


def test_the_order_of_packages_changes_nothing(radnet: Predictor, tmp_path: Path) -> None:
    other = Predictor(tiny_package(tmp_path / "b", onnx=tiny_onnx(gain=30.0), rule=Rule(1, 2.0, 0.3)), threads=1)
    six = six_predictor(tmp_path / "six", {"subdural": 0.4})
    scan = head_scan(bleeds=BLEED)
    one, two = read_scan(scan, [radnet, other, six]), read_scan(scan, [six, radnet, other])
    assert np.array_equal(one.slice_probabilities, two.slice_probabilities)
    assert said(one) == said(two)
    assert [used.digest for used in one.models] != [used.digest for used in two.models]


def test_a_subtype_below_its_point_is_not_clear(tmp_path: Path) -> None:
    reading = read_scan(head_scan(bleeds=BLEED), [six_predictor(tmp_path / "six", {"subdural": 1.0})])
    assert (reading.verdict.word, reading.subtypes) == (SUSPECTED, ())
    assert [one.subtype for one in reading.lesions] == [None]


def test_a_lesion_whose_slices_do_not_reach_the_slice_point_is_not_clear(tmp_path: Path) -> None:
    points = (point("subdural", 0.5), point("subdural", 1.0, level="slice"))
    reading = read_scan(head_scan(bleeds=BLEED), [six_predictor(tmp_path / "six", points=points)])
    assert reading.subtypes == ("subdural",)
    assert [one.subtype for one in reading.lesions] == [None]


def test_nothing_is_named_of_a_scan_that_is_not_suspected(tmp_path: Path) -> None:
    six = six_predictor(tmp_path / "six", {"subdural": 1e-9})
    for scan, word in (
        (head_scan(), NOTHING_FOUND),
        (head_scan(warnings=(Remark("missing_slices", "2 are missing"),)), INCOMPLETE),
    ):
        reading = read_scan(scan, [six])
        assert (reading.verdict.word, reading.subtypes) == (word, ())
    refused = read_scan(head_scan(refusal=Refusal("not_head", "an abdomen")), [six])
    assert (refused.verdict.word, refused.subtypes) == (NOT_ASSESSED, None)


def test_without_subtypes_nobody_was_asked(radnet: Predictor) -> None:
    reading = read_scan(head_scan(bleeds=BLEED), [radnet])
    assert reading.subtypes is None
    assert reading.scan_points == {"any": 0.5}
    assert reading.draws


def test_without_a_map_there_are_no_lesions(tmp_path: Path) -> None:
    reading = read_scan(head_scan(bleeds=BLEED), [six_predictor(tmp_path / "six", {"subdural": 0.5}, maps=False)])
    assert (reading.verdict.word, reading.lesions, reading.draws) == (SUSPECTED, (), False)


class Failing(Predictor):
    """Runs out of memory on every scan."""

    def predict(self, images: np.ndarray, places: np.ndarray | None = None) -> object:  # type: ignore[override]
        raise PackageError(f"package {self.package.name} could not read {len(images)} slices; memory ran out")


def test_a_package_that_fails_on_a_scan_is_left_out_of_it(radnet: Predictor, tmp_path: Path) -> None:
    failing = Failing(tiny_package(tmp_path / "b", name="weak", rule=Rule(1, 1.0, 0.1)), threads=1)
    torn = LeftOut("torn", "package.json is not JSON")
    scan = head_scan(bleeds=BLEED)
    reading = read_scan(scan, [failing, radnet], left_out=[torn])
    assert reading.left_out == (torn, LeftOut("weak", "package weak could not read 10 slices; memory ran out"))
    assert [used.name for used in reading.models] == ["radnet"]
    alone = read_scan(scan, [radnet])
    assert said(reading) == said(alone)
    with pytest.raises(PackageError, match="memory ran out"):
        read_scan(scan, [failing])


def test_one_package_reads_as_before(tmp_path: Path) -> None:
    rule = Rule(2, 3.0, 0.7436158359050751)
    package = tiny_package(tmp_path / "a", rule=rule, temperature=3.0)
    predictor = Predictor(package, threads=1)
    reading = read_scan(head_scan(bleeds=BLEED), [predictor])
    assert reading.rule == rule
    # 75 HU: (40 * 75 / 80 - 30) / 3 = 2.5, 30 HU: (40 * 30 / 80 - 30) / 3 = -5
    expected = 1 / (1 + np.exp([-2.5 if index in BLEED else 5.0 for index in range(10)]))
    assert reading.slice_probabilities[:, 0] == pytest.approx(expected, rel=1e-3)
    assert dataclasses.asdict(reading.models[0])["findings"] == ("any",)
