"""Neighbours of hand-made vectors, of a plain search, and never of the own patient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bregma.models.neighbours import NOBODY, References, nearest, unit


def at(*degrees: float) -> np.ndarray:
    turn = np.radians(degrees)
    return np.column_stack([np.cos(turn), np.sin(turn)]).astype(np.float32)


def references(degrees: list[float], classes: list[int], patients: list[int]) -> References:
    return References(at(*degrees), np.array(classes, np.intp), np.array(patients, np.intp))


def test_the_nearest_of_each_class_come_first() -> None:
    known = references([0, 10, 20, 90, 100], [0, 0, 0, 1, 1], [0, 1, 2, 3, 4])
    table = nearest(at(11), np.array([NOBODY]), known, k=2, classes=2)
    assert table.index[0].tolist() == [[1, 2], [3, 4]]
    assert table.weight[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    # two unit vectors at an angle a are 2 sin(a / 2) apart
    assert table.distance[0] == pytest.approx(2 * np.sin(np.radians([[1, 9], [79, 89]]) / 2), abs=1e-3)


def test_a_short_class_repeats_its_nearest_behind_a_weight_of_nothing() -> None:
    known = references([0, 5, 90], [0, 0, 1], [0, 1, 2])
    table = nearest(at(0), np.array([0]), known, k=3, classes=3)
    assert table.index[0, 0].tolist() == [1, 1, 1]
    assert table.weight[0].tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert np.isinf(table.distance[0, 2]).all()


def test_adjacent_slices_of_one_patient_are_no_neighbours_of_one_another() -> None:
    """Ten slices of each of six patients, nearer to one another than to anybody else's."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(6), 10)
    habits = rng.normal(size=(6, 16))
    vectors = unit((habits[patients] + 0.01 * rng.normal(size=(60, 16))).astype(np.float32))
    known = References(vectors, np.tile([0, 1], 30).astype(np.intp), patients.astype(np.intp))
    own_first = nearest(vectors, np.full(60, NOBODY), known, k=4, classes=2)
    assert (patients[own_first.index] == patients[:, None, None]).all()  # this is what would leak
    table = nearest(vectors, known.patients, known, k=4, classes=2)
    counted = table.weight > 0
    assert counted.all()
    assert not (patients[table.index] == patients[:, None, None]).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), classes=st.integers(1, 4), k=st.integers(1, 6))
def test_the_table_is_that_of_a_plain_search(seed: int, count: int, classes: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    known = References(
        unit(rng.normal(size=(count, 5)).astype(np.float32)), rng.integers(0, classes, count), rng.integers(0, 5, count)
    )
    targets, patients = unit(rng.normal(size=(7, 5)).astype(np.float32)), rng.integers(-1, 5, 7)
    table = nearest(targets, patients, known, k=k, classes=classes)
    for n in range(7):
        for c in range(classes):
            may = np.flatnonzero((known.classes == c) & (known.patients != patients[n]))
            away = np.linalg.norm(known.vectors[may] - targets[n], axis=1)
            wanted = may[np.argsort(away)][:k]
            found = table.index[n, c][table.weight[n, c] > 0]
            assert found.tolist() == wanted.tolist()
            assert table.weight[n, c].sum() == pytest.approx(1.0 if len(may) else 0.0)
            assert table.distance[n, c, : len(found)] == pytest.approx(np.sort(away)[:k], abs=2e-3)


def test_vectors_get_the_length_of_one_and_nothing_stays_nothing() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist() == [
        pytest.approx([0.6, 0.8]),
        [0.0, 0.0],
    ]


def test_every_reference_has_a_class_and_a_patient() -> None:
    with pytest.raises(ValueError, match="1 classes"):
        References(at(0, 1), np.zeros(1, np.intp), np.zeros(2, np.intp))
