from __future__ import annotations

import dataclasses
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bregma.models.aggregate import Rule
from bregma.models.combine import combination_of, combined_probabilities
from bregma.models.operating_points import OperatingPoint
from bregma.models.package import Package
from bregma.models.subtypes import lesion_subtype, named_subtypes
from tiny_models import tiny_package
from tiny_packages import SIX, point


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return tiny_package(tmp_path_factory.mktemp("models") / "whole")


def like(
    whole: Package, findings: tuple[str, ...], rule: Rule | None = None, points: tuple[OperatingPoint, ...] = ()
) -> Package:
    """A package of other findings, rule and points; its network is never run here."""
    return dataclasses.replace(whole, findings=findings, rule=rule or Rule(), operating_points=points)


def test_two_packages_by_hand(whole: Package) -> None:
    draws = like(whole, ("any",), Rule(threshold=0.75))
    kinds = like(whole, ("any", "subdural"), Rule(threshold=0.5), (point("subdural", 0.25),))
    together = combination_of([draws, kinds])
    assert together.findings == ("any", "subdural")
    assert together.rule == Rule(threshold=0.625)
    assert together.scan_points == {"any": 0.625, "subdural": 0.25}
    said = combined_probabilities(
        [draws, kinds],
        [
            np.array([[0.75], [0.25], [1.0]], dtype=np.float32),
            # the last row is inconsistent by itself: `any` becomes 0.5 before the mean
            np.array([[0.25, 0.125], [0.75, 0.75], [0.0, 0.5]], dtype=np.float32),
        ],
        together.findings,
    )
    # means of any: 0.5, 0.5, 0.75; the second is raised to its subtype
    assert said.tolist() == [[0.5, 0.125], [0.75, 0.75], [0.75, 0.5]]


def test_points_are_means_over_the_packages_that_have_one(whole: Package) -> None:
    first = like(whole, SIX, points=(point("subdural", 0.25), point("subdural", 0.75, level="slice")))
    second = like(
        whole,
        SIX,
        points=(point("subdural", 0.5), point("epidural", 0.125), point("subdural", 0.99, name="sensitive")),
    )
    together = combination_of([first, second])
    assert together.scan_points == {"any": 0.5, "epidural": 0.125, "subdural": 0.375}
    assert together.slice_points == {"any": 0.5, "subdural": 0.75}
    assert combination_of([like(whole, SIX, points=(point("any", 0.9),))]).scan_points == {"any": 0.5}


def test_a_point_of_a_finding_that_is_not_answered_is_none(whole: Package) -> None:
    assert combination_of([like(whole, ("any",), points=(point("subdural", 0.3),))]).scan_points == {"any": 0.5}


def test_of_two_runs_the_shorter_is_taken(whole: Package) -> None:
    packages = [like(whole, ("any",), Rule(3, 4.5)), like(whole, ("any",), Rule(1, 10.0))]
    assert combination_of(packages).rule == Rule(1, 4.5)


def test_only_packages_that_answer_any_set_its_threshold(whole: Package) -> None:
    subtype = like(whole, ("subdural",), Rule(threshold=0.25))
    assert combination_of([like(whole, ("any",), Rule(threshold=0.75)), subtype]).rule.threshold == 0.75
    assert combination_of([subtype, like(whole, ("epidural",), Rule(threshold=0.75))]).rule.threshold == 0.5


def test_any_that_nobody_answers_is_the_likeliest_subtype(whole: Package) -> None:
    packages = [like(whole, ("subdural",)), like(whole, ("epidural", "subdural"))]
    answers = [np.array([[0.5]], dtype=np.float32), np.array([[0.75, 0.25]], dtype=np.float32)]
    assert combined_probabilities(packages, answers, ("any", "epidural", "subdural")).tolist() == [[0.75, 0.75, 0.375]]


def test_one_package_is_left_as_it_is(whole: Package) -> None:
    alone = like(whole, SIX, Rule(2, 3.0, 0.7436158359050751), (point("epidural", 0.1), point("subdural", 1 / 3)))
    together = combination_of([alone])
    assert together.rule == alone.rule
    assert together.scan_points == {"any": alone.rule.threshold, "epidural": 0.1, "subdural": 1 / 3}
    answer = np.random.default_rng(0).random((9, 6), dtype=np.float32)
    answer[:, 0] = answer.max(axis=1)
    assert np.array_equal(combined_probabilities([alone], [answer], SIX), answer)


def test_each_at_its_own_threshold_is_all_at_the_combined_one(whole: Package) -> None:
    thresholds = (0.75, 0.5, 0.125)
    packages = [like(whole, SIX, Rule(threshold=one), (point("subdural", one / 2),)) for one in thresholds]
    together = combination_of(packages)
    answers = [np.array([[one, 0, 0, 0, 0, one / 2]], dtype=np.float32) for one in thresholds]
    (said,) = combined_probabilities(packages, answers, SIX)
    assert float(said[0]) == pytest.approx(together.rule.threshold, abs=1e-7)
    assert float(said[5]) == pytest.approx(together.scan_points["subdural"], abs=1e-7)


@given(values=st.lists(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), min_size=3, max_size=3))
def test_the_order_of_packages_does_not_matter_and_any_is_never_below(
    whole: Package, values: list[list[float]]
) -> None:
    packages = [
        like(whole, SIX, Rule(3 - place, 4.5 + place, 0.1 + place / 7), (point("subdural", 0.1 + place / 3),))
        for place in range(3)
    ]
    answers = [np.array([row], dtype=np.float32) for row in values]
    said = combined_probabilities(packages, answers, SIX)
    assert said[0, 0] >= said[0, 1:].max()
    for order in permutations(range(3)):
        in_order = [packages[place] for place in order]
        assert combination_of(in_order) == combination_of(packages)
        again = combined_probabilities(in_order, [answers[place] for place in order], SIX)
        assert np.array_equal(again, said)


def test_a_subtype_is_named_from_its_own_point_on() -> None:
    points = {"any": 0.1, "epidural": 0.5, "subdural": 0.25, "intraventricular": 0.75}
    scores = {"any": 0.9, "epidural": 0.5, "subdural": 0.75, "intraventricular": 0.7, "subarachnoid": 0.9}
    assert named_subtypes(scores, points) == ("subdural", "epidural")
    assert named_subtypes({"any": 1.0}, points) == ()
    assert named_subtypes(dict.fromkeys(points, 0.75), points) == ("epidural", "intraventricular", "subdural")


def test_a_lesion_has_the_likeliest_named_kind_of_its_slices() -> None:
    findings = ("any", "epidural", "subdural")
    slices = np.array([[1.0, 0.25, 0.5], [1.0, 0.75, 1.0]], dtype=np.float32)
    points = {"any": 0.5, "epidural": 0.5, "subdural": 0.5}
    assert lesion_subtype(slices, findings, ("epidural", "subdural"), points) == ("subdural", 0.75)
    assert lesion_subtype(slices, findings, ("epidural",), points) == ("epidural", 0.5)
    assert lesion_subtype(slices[:1], findings, ("epidural",), points) is None
    assert lesion_subtype(slices, findings, (), points) is None
