"""Copies on both sides of a split: made by the paper's order, found when they are there, impossible in ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_world import Head, Memory, bleeding

from bregma.catalogue.records import ScanRecord
from bregma.catalogue.stratify import Patients, divide
from bregma.evaluation.evaluate import evaluate_package
from bregma.evaluation.leakage import Leakage, find_leakage
from bregma.evaluation.table import notes
from bregma.phantom import Scanner, draw, sample_head
from bregma.scan.errors import LibraryError
from bregma.scan.study import Slice
from bregma.scan.volume import Volume
from tiny_models import tiny_package

COPIES = 7


class Pixels:
    """The pixels of a few scans, in memory; a scan of None cannot be read."""

    def __init__(self, values: dict[str, np.ndarray | None]) -> None:
        self.values = values

    def volume(self, series_uid: str) -> Volume:
        values = self.values[series_uid]
        if values is None:
            raise LibraryError(f"volume of series {series_uid} is damaged")
        return Volume(values, None)

    def slice_values(self, series_uid: str, index: int) -> np.ndarray:
        return self.volume(series_uid).values[index]


def record(uid: str, patient: str = "", depth: int = 5) -> ScanRecord:
    slices = tuple(Slice(k, "f", None, f"{uid}.{k}", None, None) for k in range(depth))
    return ScanRecord(uid, f"study-{uid}", patient or f"patient-{uid}", "CT", slices, (depth, 128, 128), None)


def head(seed: int) -> np.ndarray:
    scanner = Scanner(size=128, slices=5, spacing_mm=30.0)
    return draw(sample_head(np.random.default_rng(seed), bleeds=["epidural"], scanner=scanner)).volume.values


def compare(here: dict[str, np.ndarray | None], there: dict[str, np.ndarray | None]) -> Leakage:
    return find_leakage([record(uid) for uid in here], [record(uid) for uid in there], Pixels(here | there))


def test_a_copy_with_noise_or_another_grey_level_is_told_from_the_same_pixels_and_from_other_heads() -> None:
    one, two, three = head(1), head(2), head(3)
    noise = np.rint(np.random.default_rng(0).normal(0, 6, two.shape)).astype(np.int16)
    leakage = compare({"a": one, "b": two, "c": three}, {"x": one.copy(), "y": two + noise, "z": head(4), "w": one + 1})
    assert leakage.pixels == (("a", "x"),)
    assert leakage.alike == (("a", "w"), ("b", "y"))
    assert leakage.found
    assert leakage.sentence() == (
        "0 patients, 0 studies and 1 scan by their pixels are shared; 2 pairs of scans look like copies"
    )


def test_a_copy_that_was_changed_is_a_suspicion_not_a_finding() -> None:
    leakage = compare({"a": head(1)}, {"x": head(1) + np.int16(1)})
    assert leakage.alike == (("a", "x"),)
    assert not leakage.found


def test_two_scans_of_one_patient_are_reported_as_the_patient() -> None:
    values = {"a": head(1), "x": head(1) + np.int16(1)}
    leakage = find_leakage([record("a", "p")], [record("x", "p")], Pixels(values))
    assert (leakage.patients, leakage.alike) == (("p",), ())


def test_a_scan_that_cannot_be_read_is_said_and_the_others_are_compared() -> None:
    seen: list[tuple[int, int]] = []
    values = {"a": head(1), "b": None, "x": head(1)}
    leakage = find_leakage(
        [record("a"), record("b")],
        [record("x")],
        Pixels(values),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert leakage.unread == ("b",)
    assert leakage.pixels == (("a", "x"),)
    assert leakage.sentence().endswith("1 scan could not be read and were not compared")
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_scan_that_is_damaged_beyond_its_middle_is_judged_by_the_middle() -> None:
    class Torn(Pixels):
        def volume(self, series_uid: str) -> Volume:
            raise LibraryError(f"volume of series {series_uid} is damaged")

        def slice_values(self, series_uid: str, index: int) -> np.ndarray:
            return self.values[series_uid][index]

    values = {"a": head(1), "x": head(1)}
    assert find_leakage([record("a")], [record("x")], Torn(values)).pixels == (("a", "x"),)


@pytest.mark.parametrize("sides", [({}, {}), ({"a": None}, {}), ({}, {"x": None})])
def test_with_one_side_empty_nothing_is_read(sides: tuple[dict[str, None], dict[str, None]]) -> None:
    leakage = compare(*sides)
    assert not leakage.found
    assert (leakage.checked_against, leakage.unread) == (len(sides[1]), ())


def toy_images() -> tuple[np.ndarray, np.ndarray]:
    """1,000 images of 250 patients; 20 of them epidural, of 10 patients."""
    patient = np.arange(1000) // 4
    epidural = (patient % 25 == 0) & (np.arange(1000) % 4 < 2)
    return patient, epidural


def as_patients(group: np.ndarray, positive: np.ndarray) -> Patients:
    count = np.bincount(group)
    has = np.bincount(group, weights=positive).astype(np.int64)
    return Patients(has[:, None], count[:, None], count)


def test_the_papers_order_puts_copies_of_an_image_on_both_sides() -> None:
    """Agarwaal and Rudram, section 3.2: copy the epidural images, then stratify images, not patients, 85:15."""
    _, epidural = toy_images()
    image = np.concatenate([np.arange(1000), *[np.flatnonzero(epidural)] * COPIES])
    rows = np.arange(len(image))  # each row is dealt by itself
    side = divide(as_patients(rows, epidural[image]), [0.85, 0.15], np.random.default_rng(0))
    train, validation = (set(image[side == part].tolist()) for part in (0, 1))
    assert len(image) == 1000 + COPIES * 20
    assert [int((side == part).sum()) for part in (0, 1)] == [969, 171]
    leaked = train & validation
    assert leaked <= set(np.flatnonzero(epidural).tolist())
    assert len(leaked) >= 10  # of 20: one copy of an image stays on one side with a chance of 0.27


def test_in_our_order_copies_are_on_one_side_only() -> None:
    patient, epidural = toy_images()
    side = divide(as_patients(patient, epidural), [0.84, 0.16], np.random.default_rng(0))[patient]
    shown = np.concatenate([np.flatnonzero(side == 0), *[np.flatnonzero((side == 0) & epidural)] * COPIES])
    held = np.flatnonzero(side == 1)
    assert not set(shown.tolist()) & set(held.tolist())
    assert not set(patient[shown].tolist()) & set(patient[held].tolist())
    assert 0 < epidural[held].sum() < 20
    assert len(np.unique(held)) == len(held)  # nothing is repeated where it is measured


def test_a_report_names_a_pair_that_looks_like_a_copy(tmp_path: Path) -> None:
    copy = Head("t", bleeds={4: 12.0}, truth=[0.0] * 10, part="train", noise=5)
    heads = [bleeding("a"), Head("b", bleeds={4: 12.0}, truth=[0.0] * 10, noise=6), copy]
    package = tiny_package(tmp_path / "tiny")
    evaluation = evaluate_package(package, Memory(*heads), split="default", part="test", replicates=10)
    assert evaluation.leakage.pixels == ()
    assert ("b", "t") in evaluation.leakage.alike
    assert "look like copies, such as" in "\n".join(notes(evaluation))
