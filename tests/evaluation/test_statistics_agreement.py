"""Agreement: printed examples, scikit-learn's kappa, missing reads, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from bregma.evaluation.agreement import agreement, percent
from bregma.evaluation.bootstrap import Statistic
from bregma.evaluation.cohen import cohen
from bregma.evaluation.fleiss import fleiss
from bregma.evaluation.krippendorff import krippendorff
from bregma.scan.errors import RequestError

NAN = np.nan

# Fleiss 1971, as reprinted widely: 10 subjects, 14 raters, 5 categories; kappa 0.210
FLEISS_1971 = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C: four observers, twelve units, missing data
KRIPPENDORFF_2011 = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
])  # fmt: skip


def own(cases: int) -> np.ndarray:
    """Every case is a patient of his own."""
    return np.arange(cases)


def value(statistic: Statistic, patients: int) -> float:
    return float(statistic(np.ones((1, patients)))[0])


def test_fleiss_1971() -> None:
    reads = np.array([np.repeat(np.arange(5), row) for row in FLEISS_1971], dtype=float).T
    assert round(value(fleiss(reads, own(10)), 10), 3) == 0.210


@pytest.mark.parametrize(("distance", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorff_2011(distance: str, printed: float) -> None:
    assert round(value(krippendorff(KRIPPENDORFF_2011, own(12), distance=distance), 12), 3) == printed


def test_cohens_kappa_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 3, 200).astype(float)
    second = np.where(rng.random(200) < 0.6, first, rng.integers(0, 3, 200))
    assert value(cohen(first, second, own(200)), 200) == pytest.approx(cohen_kappa_score(first, second))


def test_a_two_by_two_table_by_hand() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: seen 0.7, by chance 0.5, kappa 0.4 (Cohen 1960)."""
    first = np.repeat([1.0, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1.0, 0, 1, 0], [20, 5, 10, 15])
    assert value(cohen(first, second, own(50)), 50) == pytest.approx(0.4)
    assert value(percent(np.stack([first, second]), own(50)), 50) == pytest.approx(0.7)


def test_weights_are_as_good_as_copies() -> None:
    rng = np.random.default_rng(4)
    reads = rng.integers(0, 2, (3, 12)).astype(float)
    codes, weights = np.repeat(np.arange(6), 2), np.array([[2.0, 0, 1, 3, 1, 0]])
    copied = np.repeat(reads, weights[0][codes].astype(int), axis=1)
    for make in (fleiss, krippendorff, percent):
        resampled = float(make(reads, codes)(weights)[0])
        assert resampled == pytest.approx(value(make(copied, own(copied.shape[1])), copied.shape[1]))


@given(st.permutations(range(12)), st.permutations(range(4)), st.sampled_from(["nominal", "interval"]))
def test_order_of_cases_and_readers_changes_nothing(cases: list[int], readers: list[int], distance: str) -> None:
    mixed = KRIPPENDORFF_2011[np.ix_(readers, cases)]
    assert value(krippendorff(mixed, own(12), distance=distance), 12) == pytest.approx(
        value(krippendorff(KRIPPENDORFF_2011, own(12), distance=distance), 12)
    )


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_calling_yes_no_and_no_yes_changes_no_coefficient(reads: list[tuple[bool, bool, bool]]) -> None:
    calls, cases = np.array(reads, dtype=float).T, len(reads)
    for make in (fleiss, krippendorff, percent):
        one, other = value(make(calls, own(cases)), cases), value(make(1 - calls, own(cases)), cases)
        assert one == pytest.approx(other, nan_ok=True)


def test_a_missing_read_is_not_a_no() -> None:
    calls = np.array([[1, 1, 0, NAN, 0], [1, 1, 0, 1, 0], [1, NAN, 0, 1, 0]])
    found = agreement(calls, ("a", "b", "c"), own(5), np.random.default_rng(0), replicates=200)
    figures = {measure.name: measure.value for measure in found.measures}
    assert figures == pytest.approx({"percent_agreement": 1.0, "fleiss_kappa": 1.0, "krippendorff_alpha": 1.0})
    assert (found.read_by_all, found.read_by_two) == (3, 5)
    (first_two, *_) = found.pairs
    assert (first_two.first, first_two.second, first_two.cases) == ("a", "b", 4)
    assert (first_two.yes_yes, first_two.yes_no, first_two.no_yes, first_two.no_no) == (2, 0, 0, 2)
    assert first_two.measures[1].value == 1.0
    assert first_two.measures[1].reason is not None  # every resample says the same


def test_who_always_says_the_same_has_no_kappa_and_the_reason() -> None:
    calls = np.zeros((2, 6))
    found = agreement(calls, ("a", "b"), own(6), np.random.default_rng(0), replicates=200)
    percent_agreement, kappa, alpha = found.measures
    assert percent_agreement.value == 1.0
    assert kappa.value is None
    assert alpha.value is None
    assert "all of them always say the same thing" in kappa.reason


def test_one_source_agrees_with_nobody() -> None:
    with pytest.raises(RequestError, match="agreement needs two sources; a is given"):
        agreement(np.zeros((1, 3)), ("a",), own(3), np.random.default_rng(0))
    with pytest.raises(ValueError, match="1 readers"):
        fleiss(np.zeros((1, 3)), own(3))


def test_intervals_over_patients_hold_the_true_kappa_about_95_times_in_100() -> None:
    """Two readers flip the truth, half of the cases, with chance 0.1 each: kappa = (0.82 - 0.5) / 0.5 = 0.64."""
    rng, held, rounds, cases = np.random.default_rng(8), 0, 150, 120
    for _ in range(rounds):
        truth = rng.random(cases) < 0.5
        calls = np.stack([truth ^ (rng.random(cases) < 0.1) for _ in range(2)]).astype(float)
        kappa = agreement(calls, ("a", "b"), own(cases), rng, replicates=300).pairs[0].measures[1]
        held += kappa.interval is not None and kappa.interval.low <= 0.64 <= kappa.interval.high
    assert 0.9 <= held / rounds <= 0.99
