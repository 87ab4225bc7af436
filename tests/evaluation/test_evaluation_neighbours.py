"""What the neighbours of a case say of it: by hand, against scikit-learn, and never by its own patient."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score, r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from bregma.evaluation.bootstrap import patient_codes
from bregma.evaluation.neighbour_figures import (
    KNN,
    MAP,
    PRECISION,
    R2,
    SIZE,
    Name,
    neighbour_differences,
    neighbour_figures,
)
from bregma.evaluation.neighbour_map import map_picture, map_places
from bregma.evaluation.neighbours import UNKNOWN, EmbeddedCases, ranked, squared_distances, vote
from bregma.scan.errors import MissingExtraError

# On a line; a and b are two studies of one patient.   a    b    c    d    e
LINE = np.array([[0.0], [0.1], [1.0], [2.5], [6.0]])
WHO = patient_codes(["ab", "ab", "c", "d", "e"])
TYPES = np.array([0, 0, 1, 0, 0])


def on_line(types: np.ndarray = TYPES, log_volume: np.ndarray | None = None) -> EmbeddedCases:
    return EmbeddedCases(LINE, WHO, {"type": types}, log_volume)


def values(cases: EmbeddedCases, ks: tuple[int, ...] = (1, 2, 3)) -> dict[tuple[str, str, int], float]:
    found = neighbour_figures(cases, ks=ks, replicates=20)
    return {(name.measure, name.criterion, name.k): figure.value for name, figure in found.items()}


def test_a_line_worked_by_hand() -> None:
    found = values(on_line())
    # nearest of other patients: a -> c d e, b -> c d e, c -> b a d e, d -> c b a e, e -> d c b a
    # their types:               a -> 1 0 0, b -> 1 0 0, c -> 0 0 0 0, d -> 1 0 0 0, e -> 0 1 0 0
    assert found[KNN, "type", 1] == pytest.approx(1 / 5)  # e alone
    assert found[KNN, "type", 3] == pytest.approx(4 / 5)  # all but c
    assert found[PRECISION, "type", 1] == pytest.approx(1 / 5)
    assert found[PRECISION, "type", 3] == pytest.approx((2 / 3 + 2 / 3 + 0 + 2 / 3 + 2 / 3) / 5)
    of_a = (1 / 2 + 2 / 3) / 2
    of_d = (1 / 2 + 2 / 3 + 3 / 4) / 3
    of_e = (1 + 2 / 3 + 3 / 4) / 3
    assert found[MAP, "type", 0] == pytest.approx((of_a + of_a + of_d + of_e) / 4)  # nobody is like c


def test_a_tie_goes_to_the_nearest() -> None:
    near = ranked(squared_distances(LINE), WHO, np.ones(5, bool))
    assert vote(near, TYPES, 2).tolist() == [1, 1, 0, 1, 0]  # a: 1 0 -> 1; e: 0 1 -> 0


def test_unknown_is_neither_asked_nor_answers() -> None:
    types = TYPES.copy()
    types[2] = UNKNOWN
    found = values(on_line(types))
    assert found[KNN, "type", 1] == 1.0
    assert found[MAP, "type", 0] == 1.0


def test_size_is_said_by_the_mean_of_the_nearest() -> None:
    size = np.array([0.0, 2.0, 1.0, 3.0, np.nan])
    found = values(on_line(log_volume=size), ks=(1, 2))
    said = {1: np.array([1.0, 1.0, 2.0, 1.0]), 2: np.array([2.0, 2.0, 1.0, 1.5])}
    for k, answer in said.items():
        assert found[R2, SIZE, k] == pytest.approx(r2_score(size[:4], answer))


@pytest.mark.parametrize("k", [1, 3, 7])
def test_where_every_patient_has_one_case_scikit_learn_says_the_same(k: int) -> None:
    rng = np.random.default_rng(2)
    vectors, types, size = rng.normal(size=(40, 5)), rng.integers(0, 2, 40), rng.normal(size=40)
    vectors[:, 0] += types
    cases = EmbeddedCases(vectors, np.arange(40), {"type": types}, size)
    found = values(cases, ks=(k,))
    rest = [np.delete(np.arange(40), one) for one in range(40)]
    votes = [
        KNeighborsClassifier(k).fit(vectors[others], types[others]).predict(vectors[[one]])[0]
        for one, others in enumerate(rest)
    ]
    means = [
        KNeighborsRegressor(k).fit(vectors[others], size[others]).predict(vectors[[one]])[0]
        for one, others in enumerate(rest)
    ]
    precisions = [
        average_precision_score(types[others] == types[one], -np.linalg.norm(vectors[others] - vectors[one], axis=1))
        for one, others in enumerate(rest)
    ]
    assert found[KNN, "type", k] == pytest.approx(np.mean(np.array(votes) == types))
    assert found[R2, SIZE, k] == pytest.approx(r2_score(size, means))
    assert found[MAP, "type", 0] == pytest.approx(np.mean(precisions))


def test_a_patient_is_never_recognised_by_another_study() -> None:
    """Two studies of each patient lie on top of each other, and nothing else tells the type."""
    rng = np.random.default_rng(0)
    vectors, types = np.repeat(rng.normal(size=(60, 3)), 2, axis=0), np.repeat(rng.integers(0, 2, 60), 2)
    leaky = EmbeddedCases(vectors, np.arange(120), {"type": types})
    honest = EmbeddedCases(vectors, np.repeat(np.arange(60), 2), {"type": types})
    assert values(leaky)[KNN, "type", 1] == 1.0
    assert values(honest)[KNN, "type", 1] < 0.7


def test_intervals_hold_the_value_and_a_difference_is_paired() -> None:
    rng = np.random.default_rng(1)
    types, noise = rng.integers(0, 3, 90), rng.normal(size=(90, 3))
    patients = np.arange(90) // 2
    worse = EmbeddedCases(noise, patients, {"type": types})
    better = EmbeddedCases(noise + 3 * np.eye(3)[types], patients, {"type": types})
    name = Name(KNN, "type", 5)
    first, second = (neighbour_figures(one, ks=(5,), replicates=200)[name] for one in (worse, better))
    apart = neighbour_differences(worse, better, ks=(5,), replicates=200)[name]
    for one in (first, second):
        assert one.interval is not None
        assert one.interval.low < one.value < one.interval.high
    assert apart.value == pytest.approx(second.value - first.value)
    assert apart.interval is not None
    assert apart.interval.low > 0
    same = neighbour_differences(better, better, ks=(5,), replicates=20)[name]
    assert (same.value, same.interval) == (0.0, None)


def test_nothing_to_compare_with_is_no_number() -> None:
    alone = EmbeddedCases(LINE, np.zeros(5, np.intp), {"type": TYPES}, np.arange(5.0))
    assert all(np.isnan(value) for value in values(alone).values())


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="5 vectors have columns of lengths"):
        EmbeddedCases(LINE, WHO[:4])
    other = EmbeddedCases(LINE, np.arange(5), {"type": TYPES})
    with pytest.raises(ValueError, match="two embeddings of the same cases"):
        neighbour_differences(on_line(), other)


def test_a_map_keeps_groups_together_and_is_drawn() -> None:
    rng = np.random.default_rng(0)
    types = np.repeat([0, 1, UNKNOWN], 12)
    places = map_places(rng.normal(size=(36, 4)) + 30 * types[:, None], seed=1)
    centres = np.stack([places[types == code].mean(axis=0) for code in (0, 1)])
    spread = max(np.linalg.norm(places[types == code] - centres[code], axis=1).mean() for code in (0, 1))
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread
    size = np.where(types == 0, np.nan, rng.normal(size=36))
    png = map_picture(places, {"type": (types, ("glioma", "meningioma"))}, log_volume=size)
    width, height = Image.open(io.BytesIO(png)).size
    assert width > 1.5 * height


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtraError, match=r"bregma\[maps\]"):
        map_places(LINE)
