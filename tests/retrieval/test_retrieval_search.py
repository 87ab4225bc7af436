"""A search answers what measuring and sorting everything would answer: in every form, whatever is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retrieval_world import DIGEST, Floats, brute_force, build, entries, entry

from bregma.retrieval.entry import Entry
from bregma.retrieval.forms import FORMS
from bregma.retrieval.index import Index
from bregma.retrieval.match import Match
from bregma.retrieval.pairs import WIDEST
from bregma.retrieval.where import Range, Where, parse_where
from bregma.scan.errors import RequestError

World = tuple[Floats, list[Entry]]

forms = pytest.mark.parametrize("form", sorted(FORMS))

QUESTIONS: dict[str, dict[str, Any]] = {
    "everything": {},
    "one per patient": {"per_patient": True},
    "another's only": {"patient": "p7"},
    "another scan's only": {"case": "1.2.5"},
    "a type": {"where": parse_where(["type=meningioma"])},
    "two types of a side": {"where": parse_where(["type=meningioma,metastasis", "side=left"])},
    "a size": {"where": parse_where(["volume_ml=0.5..2"])},
    "a rare size": {"where": parse_where(["longest_mm=4.."]), "per_patient": True},
    "dates": {"where": parse_where(["date=20150101..20181231"])},
    "a modality that is there": {"where": parse_where(["modality=MR"])},
    "a modality that is not": {"where": parse_where(["modality=CT"])},
    "a term nobody knows": {"where": parse_where(["type=glioma"])},
    "all at once": {"where": parse_where(["type=meningioma", "date=2015.."]), "per_patient": True, "patient": "p3"},
    "more than there are": {"top": 5000, "per_patient": True},
}


def said(matches: list[Match]) -> list[tuple[tuple[str, int], float]]:
    return [(match.entry.key, match.distance) for match in matches]


@pytest.fixture(scope="module")
def world() -> tuple[Floats, list[Entry]]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((1201, 24), dtype=np.float32), entries(1201, rng)


@pytest.fixture(scope="module", params=sorted(FORMS))
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, world: World) -> Index:
    return build(tmp_path_factory.mktemp("world") / "index", *world, request.param)


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_it_finds_what_measuring_everything_finds(index: Index, world: World, question: str) -> None:
    vectors, known = world
    asked = {"patient": None, **QUESTIONS[question]}
    for query in (
        vectors[17],
        np.random.default_rng(0).standard_normal(24, dtype=np.float32),
        np.zeros(24, np.float32),
    ):
        assert said(index.search(query, **asked)) == brute_force(query, vectors, known, **asked)


@forms
def test_blocks_and_segments_make_no_difference(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plain", "int8", "pairs"):
        monkeypatch.setattr(f"bregma.retrieval.{module}.BLOCK", 64)
    monkeypatch.setattr("bregma.retrieval.search._SOME", 32)
    monkeypatch.setattr("bregma.retrieval.search._FEW", 4)
    rng = np.random.default_rng(4)
    known, vectors = entries(700, rng), rng.standard_normal((700, 16), dtype=np.float32)
    index = build(tmp_path / "index", vectors[:501], known[:501], form)
    index.add(vectors[501:640], known[501:640], digest=DIGEST)
    index.add(vectors[640:], known[640:], digest=DIGEST)
    assert len(index.segments) == 3
    for question in QUESTIONS.values():
        asked = {"patient": None, **question}
        assert said(index.search(vectors[9], **asked)) == brute_force(vectors[9], vectors, known, **asked)


@forms
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    width=st.integers(1, 40),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    offset=st.sampled_from([0.0, 30.0]),
    levels=st.sampled_from([0, 1, 3]),
    few=st.sampled_from([0, 64]),
    per_patient=st.booleans(),
)
def test_any_vectors(
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    seed: int,
    count: int,
    width: int,
    scale: float,
    offset: float,
    levels: int,
    few: int,
    per_patient: bool,
) -> None:
    """Far from the origin, tiny, huge, with many ties, all the same: always what measuring everything finds.

    With `few` at 0 a second, closer bound is asked about every row that the first one left.
    """
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, width))
    vectors = np.round(vectors * levels) / levels if levels else vectors
    vectors = ((vectors + offset) * scale).astype(np.float32)
    known = entries(count, rng, patients=4)
    index = build(tmp_path_factory.mktemp("any") / "index", vectors, known, form)
    query = vectors[rng.integers(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bregma.retrieval.search._FEW", few)
        found = index.search(query, patient="p1", top=5, per_patient=per_patient)
    assert said(found) == brute_force(query, vectors, known, patient="p1", top=5, per_patient=per_patient)


@forms
def test_equal_distances_fall_by_case_and_number_wherever_they_lie(tmp_path: Path, form: str) -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]], np.float32)
    known = [entry(case, number, patient=case) for case, number in (("c", 1), ("b", 2), ("b", 1), ("a", 9), ("d", 1))]
    ranking = [("a", 9), ("b", 1), ("b", 2), ("c", 1), ("d", 1)]
    query = np.zeros(2, np.float32)
    forwards = build(tmp_path / "one", vectors, known, form)
    backwards = Index.create(tmp_path / "two", digest=DIGEST, width=2, form=form)
    for place in reversed(range(5)):
        backwards.add(vectors[[place]], [known[place]], digest=DIGEST)
    for index in (forwards, backwards):
        for top in range(1, 6):
            assert [match.entry.key for match in index.search(query, patient=None, top=top)] == ranking[:top]
        one_each = index.search(query, patient=None, per_patient=True)
        assert [match.entry.key for match in one_each] == [("a", 9), ("b", 1), ("c", 1), ("d", 1)]
        assert {match.distance for match in one_each} == {1.0}


def test_ones_own_patient_is_never_a_hit_unless_asked_for_and_ones_own_scan_never(tmp_path: Path) -> None:
    vectors = np.array([[0.0], [0.1], [5.0]], np.float32)
    known = [entry("first date", patient="a"), entry("second date", patient="a"), entry("other", patient="b")]
    index = build(tmp_path / "index", vectors, known)
    never = index.search(vectors[0], patient="a", case="first date")
    assert [match.entry.case for match in never] == ["other"]
    allowed = index.search(vectors[0], patient="a", case="first date", own_patient=True)
    assert [match.entry.case for match in allowed] == ["second date", "other"]
    assert allowed[0].distance == pytest.approx(0.1)


def test_unknown_never_fits_a_condition() -> None:
    nothing = entry("a")
    for text in ("type=meningioma", "volume_ml=0..", "longest_mm=..9", "date=..20300101"):
        assert not parse_where([text]).holds(nothing)
    assert parse_where(["modality=MR"]).holds(nothing)
    assert not Where()
    assert Where().holds(nothing)
    full = entry("a", labels={"type": "glioma"}, volume_ml=2.0, longest_mm=9.0, date="20300101")
    for text in ("type=meningioma,glioma", "volume_ml=2..2", "longest_mm=..9", "date=20300101", "date=..20300101"):
        assert parse_where([text]).holds(full)
    assert parse_where(["volume_ml=1..2", "side = left , right"]) == Where(
        {"side": frozenset({"left", "right"})}, {"volume_ml": Range(1.0, 2.0)}
    )


@pytest.mark.parametrize(
    "text", ["type", "=x", "type=", "volume_ml=a..b", "volume_ml=nan", "volume_ml=3..1", "date=20200101..2019"]
)
def test_conditions_that_cannot_be_read(text: str) -> None:
    with pytest.raises(RequestError):
        parse_where([text])


def test_conditions_name_a_thing_once() -> None:
    with pytest.raises(RequestError, match="each name once"):
        parse_where(["type=glioma", "type=meningioma"])
    with pytest.raises(RequestError, match="'weight' has no range"):
        Where(ranges={"weight": Range()})


@forms
def test_wide_vectors(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(8)
    vectors = np.abs(rng.standard_normal((200, WIDEST))).astype(np.float32)
    known = entries(200, rng)
    index = build(tmp_path / "index", vectors, known, form)
    assert said(index.search(vectors[3], patient=None)) == brute_force(vectors[3], vectors, known)


def test_too_wide_for_pairs(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="store them as int8"):
        build(tmp_path / "index", np.ones((1, WIDEST + 1), np.float32), [entry("a")], "pairs16")


def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    index = build(tmp_path / "index", np.ones((1, 3), np.float32), [entry("a")])
    with pytest.raises(RequestError, match="expected at least 1"):
        index.search(np.ones(3, np.float32), patient=None, top=0)
    with pytest.raises(RequestError, match=r"shape \(1, 2\)"):
        index.search(np.ones(2, np.float32), patient=None)
    with pytest.raises(RequestError, match="not finite"):
        index.search(np.full(3, np.nan, np.float32), patient=None)
