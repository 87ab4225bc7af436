"""Figures of places against hand-computed ones and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from bregma.evaluation.place_figures import KINDS, MEASURES, confusions, place_differences, place_figures


def test_a_small_table_by_hand() -> None:
    truth, said = np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 0])
    found = place_figures(truth, said, np.arange(5), classes=4, replicates=50)
    assert found.support == (3, 1, 1, 0)
    assert [one.value for one in found.places["precision"][:3]] == pytest.approx([2 / 3, 1 / 2, 0])
    assert [one.value for one in found.places["recall"][:3]] == pytest.approx([2 / 3, 1, 0])
    assert [one.value for one in found.places["f1"][:3]] == pytest.approx([2 / 3, 2 / 3, 0])
    assert np.isnan(found.places["f1"][3].value)
    assert found.weighted["recall"].value == pytest.approx(3 / 5)  # the accuracy
    assert found.macro["recall"].value == pytest.approx((2 / 3 + 1) / 3)


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, said, patients = rng.integers(0, 6, 300), rng.integers(0, 6, 300), rng.integers(0, 20, 300)
    found = place_figures(truth, said, patients, classes=6, replicates=50)
    theirs = precision_recall_fscore_support(truth, said, labels=range(6), zero_division=0)
    for measure, expected in zip(MEASURES, theirs, strict=False):
        assert [one.value for one in found.places[measure]] == pytest.approx(expected)
    for average in ("weighted", "macro"):
        expected = precision_recall_fscore_support(truth, said, average=average, zero_division=0)[:3]
        assert [getattr(found, average)[measure].value for measure in MEASURES] == pytest.approx(expected)


def test_intervals_hold_the_figure_and_resample_patients() -> None:
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(40), 5)
    truth = rng.integers(0, 3, 200)
    said = np.where(rng.random(40)[patients] < 0.7, truth, (truth + 1) % 3)  # right or wrong by patient
    by_patient = place_figures(truth, said, patients, classes=3, replicates=400).weighted["f1"]
    by_region = place_figures(truth, said, np.arange(200), classes=3, replicates=400).weighted["f1"]
    assert by_patient.interval is not None
    assert by_region.interval is not None
    assert by_patient.interval.low < by_patient.value < by_patient.interval.high
    assert by_patient.interval.high - by_patient.interval.low > 1.5 * (by_region.interval.high - by_region.interval.low)


def test_every_region_is_counted_once() -> None:
    tables = confusions(np.array([0, 1, 1]), np.array([1, 1, 0]), np.array([0, 0, 1]), classes=2)
    assert tables.tolist() == [[[0, 1], [0, 1]], [[0, 0], [1, 0]]]


def test_differences_are_those_of_the_figures_and_paired() -> None:
    rng = np.random.default_rng(2)
    patients, truth = np.repeat(np.arange(30), 4), rng.integers(0, 4, 120)
    other = np.where(rng.random(120) < 0.5, truth, rng.integers(0, 4, 120))
    said = np.where(rng.random(120) < 0.3, truth, other)  # never worse than the other
    found = place_differences(truth, said, other, patients, classes=4, replicates=200)
    one, two = (place_figures(truth, answers, patients, classes=4, replicates=2) for answers in (said, other))
    assert set(found) == {(kind, name) for kind in KINDS for name in MEASURES}
    for kind, name in found:
        expected = getattr(one, kind)[name].value - getattr(two, kind)[name].value
        assert found[kind, name].value == pytest.approx(expected)
    recall = found["weighted", "recall"].interval
    assert recall is not None
    assert recall.low >= 0  # on every resample no answer is worse
    same = place_differences(truth, said, said, patients, classes=4, replicates=20)
    assert all(figure.value == 0 and figure.interval is None for figure in same.values())
