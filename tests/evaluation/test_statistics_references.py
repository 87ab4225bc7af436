"""References from several readers: worked by hand, exact recovery of a latent truth, nobody against himself."""

import numpy as np
import pytest

from bregma.evaluation.dawid_skene import dawid_skene
from bregma.evaluation.references import Reference, Rule, reference_values
from bregma.scan.errors import RequestError

NAN = np.nan
READERS = ("a", "b", "c")
CALLS = np.array([
    # all, 2:1, 1:2, none, missing, one only, nobody
    [1, 1, 0, 0, NAN, NAN, NAN],
    [1, 1, 0, 0, 1, NAN, NAN],
    [1, 0, 1, 0, 0, 1, NAN],
    [0, 1, 1, 1, 1, 0, 0],  # the adjudicator
])  # fmt: skip
SOURCES = (*READERS, "boss")


def values(rule: Rule, *readers: str, adjudicator: str | None = None) -> list[float]:
    return reference_values(Reference(rule, readers or READERS, adjudicator), CALLS, SOURCES).tolist()


def same(one: list[float], other: list[float]) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def test_rules_by_hand() -> None:
    assert same(values(Rule.MAJORITY), [1, 1, 0, 0, NAN, 1, NAN])
    assert same(values(Rule.CONSENSUS), [1, NAN, NAN, 0, NAN, NAN, NAN])
    assert same(values(Rule.SOURCE, "c"), [1, 0, 1, 0, 0, 1, NAN])
    assert same(values(Rule.ADJUDICATED, adjudicator="boss"), [1, 1, 1, 0, 1, 1, NAN])


def test_a_tie_of_two_is_no_answer() -> None:
    assert same(values(Rule.MAJORITY, "a", "c"), [1, NAN, NAN, 0, 0, 1, NAN])


def test_whoever_is_judged_has_no_say() -> None:
    majority = Reference(Rule.MAJORITY, READERS)
    assert majority.without("b") == Reference(Rule.MAJORITY, ("a", "c"))
    assert majority.without("model:x") is majority
    assert str(majority.without("a", "b")) == "majority of c"
    with pytest.raises(RequestError, match="a and b and c cannot be held against majority of a, b, c"):
        majority.without("a", "b", "c")
    with pytest.raises(RequestError, match="c cannot be held against c"):
        Reference(Rule.SOURCE, ("c",)).without("c")
    judged = Reference(Rule.ADJUDICATED, READERS, "boss")
    assert str(judged) == "adjudicated of a, b, c, by boss"
    assert judged.without("a").members == ("b", "c", "boss")
    with pytest.raises(RequestError, match="boss cannot be held against"):
        judged.without("boss")


def test_a_reference_is_complete() -> None:
    with pytest.raises(RequestError, match="has adjudicator None"):
        Reference(Rule.ADJUDICATED, READERS)
    with pytest.raises(RequestError, match="has adjudicator 'boss'"):
        Reference(Rule.MAJORITY, READERS, "boss")
    with pytest.raises(RequestError, match="of one source has 3"):
        Reference(Rule.SOURCE, READERS)


def expected_table(recall, specificity, prevalence: float, cases: int) -> np.ndarray:
    """(S, N) reads whose counts are just what the model expects; the numbers are chosen so that they are whole."""
    columns = []
    for pattern in np.ndindex(2, 2, 2):
        yes = np.array(pattern, dtype=bool)
        present = prevalence * np.where(yes, recall, 1 - recall).prod()
        absent = (1 - prevalence) * np.where(yes, 1 - specificity, specificity).prod()
        count = (present + absent) * cases
        assert count == pytest.approx(round(count))
        columns += [np.array(pattern, dtype=float)] * round(count)
    return np.array(columns).T


def test_what_three_readers_follow_from_is_found_again() -> None:
    """Three readers leave as many free counts as unknowns (Hui and Walter 1980), so the solution is exact."""
    recall, specificity = np.array([0.9, 0.8, 0.7]), np.array([0.9, 0.8, 0.9])
    calls = expected_table(recall, specificity, 0.4, 5000)
    latent = dawid_skene(calls)
    assert latent.recall == pytest.approx(recall, abs=1e-4)
    assert latent.specificity == pytest.approx(specificity, abs=1e-4)
    assert latent.prevalence == pytest.approx(0.4, abs=1e-4)
    one_of_three = np.flatnonzero((calls == [[1.0], [0.0], [0.0]]).all(axis=0))[0]
    present, absent = 0.4 * 0.9 * 0.2 * 0.3, 0.6 * 0.1 * 0.8 * 0.9
    assert latent.probability[one_of_three] == pytest.approx(present / (present + absent), abs=1e-4)


def test_one_good_reader_outweighs_two_poor_ones() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < 0.3
    wrong = np.array([[0.02], [0.35], [0.35]])
    calls = (truth ^ (rng.random((3, 3000)) < wrong)).astype(float)
    calls[1, :200] = NAN
    latent = reference_values(Reference(Rule.LATENT, READERS), calls, READERS)
    majority = reference_values(Reference(Rule.MAJORITY, READERS), calls, READERS)
    assert (latent == truth).mean() > 0.96
    assert (majority == truth).mean() < 0.9


def test_a_case_that_nobody_read_has_no_latent_truth() -> None:
    calls = np.array([[1.0, 0, NAN], [1, 0, NAN], [1, 0, NAN]])
    assert same(dawid_skene(calls).probability.round(6).tolist(), [1, 0, NAN])


def test_two_readers_are_too_few_for_a_latent_reference() -> None:
    with pytest.raises(RequestError, match="latent reference of 2 readers and 3 cases"):
        dawid_skene(np.ones((2, 3)))
    with pytest.raises(RequestError, match="3 readers and 0 cases"):
        dawid_skene(np.full((3, 4), NAN))
