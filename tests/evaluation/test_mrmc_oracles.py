"""Reader studies against brute force, another law, and hand-computed numbers; designs that are not fully crossed."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from bregma.evaluation.mrmc.analysis import analyse
from bregma.evaluation.mrmc.cells import Design
from bregma.evaluation.mrmc.components import components_of
from bregma.evaluation.mrmc.covariance import COVARIANCES, Estimates, bootstrap, delong, jackknife
from bregma.evaluation.mrmc.inference import Factors
from bregma.evaluation.mrmc.merit import Merit, accuracy, auc, merit_named, sensitivity, specificity
from bregma.evaluation.mrmc.pseudovalues import anova, pseudovalues
from bregma.evaluation.mrmc.reader_study import Read, ReaderStudy, study_of
from bregma.evaluation.mrmc.roe_metz import HIGH, Variances, simulate
from bregma.scan.errors import RequestError

MERITS = (auc(), sensitivity(0.8), specificity(0.8), accuracy(0.8))


def by_name(merit: Merit) -> str:
    return merit.name


def crossed(seed: int = 1, *, readers: int = 3, each: int = 12) -> ReaderStudy:
    rng = np.random.default_rng(seed)
    study = simulate(rng, HIGH, readers=readers, negatives=each, positives=each, aucs=(0.75, 0.85))
    return replace(study, ratings=study.ratings.round(1))  # ties


def thinned(study: ReaderStudy, share: float, seed: int = 2) -> ReaderStudy:
    lost = np.random.default_rng(seed).random(study.ratings.shape) < share
    return replace(study, ratings=np.where(lost, np.nan, study.ratings))


def figure_of(merit: Merit, ratings: np.ndarray, truth: np.ndarray) -> float:
    """The figure from its definition, case by case."""
    read = np.isfinite(ratings)
    ratings, truth = ratings[read], truth[read]
    if merit.name == "auc":
        return float(roc_auc_score(truth, ratings))
    called = ratings >= merit.threshold
    if merit.name == "sensitivity":
        return float(called[truth].mean())
    return float((~called[~truth]).mean() if merit.name == "specificity" else (called == truth).mean())


@pytest.mark.parametrize("merit", MERITS, ids=by_name)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_jackknife_against_leaving_each_case_out_by_hand(merit: Merit, missing: float) -> None:
    study = thinned(crossed(), missing)
    found = jackknife(study, merit)
    counted = {"sensitivity": study.truth, "specificity": ~study.truth}.get(merit.name, np.ones(24, bool))
    without = []
    for out in np.flatnonzero(counted):
        kept = np.arange(24) != out
        without.append([figure_of(merit, row[kept], study.truth[kept]) for row in study.ratings.reshape(-1, 24)])
    deviations = np.array(without) - np.mean(without, axis=0)
    cases = counted.sum()
    assert found.values == pytest.approx([figure_of(merit, row, study.truth) for row in study.ratings.reshape(-1, 24)])
    assert found.covariance == pytest.approx((cases - 1) / cases * deviations.T @ deviations, abs=1e-14)
    assert found.cases == cases


def test_delong_against_all_pairs_of_cases() -> None:
    study = crossed()
    rows, truth = study.ratings.reshape(-1, 24), study.truth
    wins = np.array(
        [[[(p > n) + 0.5 * (p == n) for n in row[~truth]] for p in row[truth]] for row in rows], dtype=float
    )
    s10, s01 = np.cov(wins.mean(axis=2)), np.cov(wins.mean(axis=1))
    assert delong(study, auc()).covariance == pytest.approx(s10 / 12 + s01 / 12, abs=1e-14)


def test_covariances_stay_positive_with_missing_reads() -> None:
    study = thinned(crossed(), 0.2)
    for estimates in (jackknife(study, auc()), delong(study, auc())):
        assert np.linalg.eigvalsh(estimates.covariance).min() > -1e-12


def test_bootstrap_of_a_proportion_is_binomial() -> None:
    rng = np.random.default_rng(3)
    study = simulate(rng, HIGH, readers=2, negatives=5, positives=60, aucs=(0.7, 0.8))
    found = bootstrap(study, sensitivity(0.5), rng, replicates=4000)
    binomial = found.values * (1 - found.values) / 60
    assert np.diag(found.covariance) == pytest.approx(binomial, rel=0.08)


@pytest.mark.parametrize("merit", MERITS, ids=by_name)
def test_pseudovalues_give_the_components_of_the_jackknife(merit: Merit) -> None:
    study = crossed(readers=4)
    direct = components_of(jackknife(study, merit), Design.CROSSED)
    through = anova(study, merit).components
    for name in ("treatment", "reader", "interaction", "error", "cov1", "cov2", "cov3", "degrees", "cases"):
        assert getattr(through, name) == pytest.approx(getattr(direct, name), abs=1e-13), name


def test_pseudovalues_average_to_the_figures_and_their_squares_add_up() -> None:
    study = crossed(readers=4)
    values = pseudovalues(study, auc())
    assert values.mean(axis=2).ravel() == pytest.approx(jackknife(study, auc()).values)
    found = anova(study, auc())
    total = sum(found.mean_squares[name] * found.degrees[name] for name in found.degrees)
    assert total == pytest.approx(((values - values.mean()) ** 2).sum())
    assert sum(found.degrees.values()) == values.size - 1


def test_a_fixed_case_analysis_of_two_treatments_is_a_paired_t_test() -> None:
    study = crossed(readers=5)
    estimates = jackknife(study, auc())
    first, second = estimates.values.reshape(2, 5)
    paired = stats.ttest_rel(first, second)
    found = analyse(study, estimates, Factors(random_cases=False), merit="")
    assert found.test is not None
    assert found.test.p == pytest.approx(paired.pvalue)
    (difference,) = found.differences
    assert difference.difference.interval is not None
    assert difference.difference.interval.low == pytest.approx(paired.confidence_interval().low)


def test_one_fixed_reader_is_delongs_test_of_two_models() -> None:
    study = crossed(readers=1, each=30)
    estimates = delong(study, auc())
    found = analyse(study, estimates, Factors(random_readers=False), merit="")
    (one, other), matrix = estimates.values, estimates.covariance
    z = (one - other) / math.sqrt(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1])
    assert found.test is not None
    assert found.test.p == pytest.approx(2 * stats.norm.sf(abs(z)))
    assert found.differences[0].readers["reader 1"].p == pytest.approx(found.test.p)


def three_treatments() -> ReaderStudy:
    study = crossed(readers=4, each=20)
    third = study.ratings[:1] + np.where(study.truth, 0.9, 0.0)
    return replace(study, treatments=("a", "b", "c"), ratings=np.concatenate([study.ratings, third]))


def test_three_treatments_and_holm() -> None:
    study = three_treatments()
    found = analyse(study, jackknife(study, auc()), Factors(), merit="")
    assert found.test is not None
    assert (found.test.df1, found.components.degrees) == (2, 6)
    assert [(one.first, one.second) for one in found.differences] == [("a", "b"), ("a", "c"), ("b", "c")]
    ps = sorted(one.difference.p for one in found.differences if one.difference.p is not None)
    assert min(one.adjusted_p for one in found.differences if one.adjusted_p is not None) == pytest.approx(3 * ps[0])
    direct, through = found.components, anova(study, auc()).components
    assert through.cov3 == pytest.approx(direct.cov3, abs=1e-13)
    assert through.interaction == pytest.approx(direct.interaction)


def test_relabelling_and_order_change_nothing() -> None:
    study = crossed()
    cells = list(itertools.product(range(2), range(3), range(24)))
    np.random.default_rng(0).shuffle(cells)
    reads = [
        Read(study.readers[r], study.treatments[t], study.cases[k], bool(study.truth[k]), float(study.ratings[t, r, k]))
        for t, r, k in cells
    ]
    shuffled = study_of(reads)
    before, after = (analyse(one, jackknife(one, auc()), Factors(), merit="") for one in (study, shuffled))
    assert before.test is not None
    assert after.test is not None
    assert after.test.p == pytest.approx(before.test.p)
    assert after.components.cov3 == pytest.approx(before.components.cov3)


def nested(first: int, second: int) -> ReaderStudy:
    """Other readers under the second treatment, the same cases."""
    study = crossed(readers=first + second)
    ratings = study.ratings.copy()
    ratings[0, first:] = np.nan
    ratings[1, :first] = np.nan
    return replace(study, ratings=ratings)


@pytest.mark.parametrize(("first", "second"), [(4, 4), (3, 5)])
def test_readers_nested_in_treatments(first: int, second: int) -> None:
    """Hillis 2014: with fixed cases it is Student's t test of two groups of readers."""
    study = nested(first, second)
    estimates = jackknife(study, auc())
    fixed = analyse(study, estimates, Factors(random_cases=False), merit="")
    groups = estimates.values[:first], estimates.values[first:]
    oracle = stats.ttest_ind(*groups)
    assert fixed.test is not None
    assert fixed.test.p == pytest.approx(oracle.pvalue)
    assert fixed.components.design is Design.NESTED
    assert fixed.differences[0].readers == {}
    both = analyse(study, estimates, Factors(), merit="")
    across = estimates.covariance[:first, first:].mean()
    within = [
        estimates.covariance[:first, :first][~np.eye(first, dtype=bool)],
        estimates.covariance[first:, first:][~np.eye(second, dtype=bool)],
    ]
    between = max(float(np.concatenate(within).mean() - across), 0.0)
    readers = 2 / (1 / first + 1 / second)
    assert both.test is not None
    assert both.test.denominator == pytest.approx(fixed.test.denominator + readers * between)
    assert both.missing == 0


def test_fixed_nested_readers_have_the_variance_of_their_contrast() -> None:
    study = nested(4, 4)
    estimates = jackknife(study, auc())
    found = analyse(study, estimates, Factors(random_readers=False), merit="")
    contrast = np.repeat([0.25, -0.25], 4)
    variance = contrast @ estimates.covariance @ contrast
    assert found.components.cov2 > found.components.cov3
    assert found.differences[0].difference.standard_error == pytest.approx(math.sqrt(variance))


def test_fixed_crossed_readers_have_the_variance_of_their_contrast() -> None:
    study = crossed(seed=5, readers=4, each=40)
    estimates = jackknife(study, auc())
    found = analyse(study, estimates, Factors(random_readers=False), merit="")
    contrast = np.repeat([0.25, -0.25], 4)
    assert found.components.cov2 > found.components.cov3
    assert found.differences[0].difference.standard_error == pytest.approx(
        math.sqrt(contrast @ estimates.covariance @ contrast)
    )


def test_one_treatment_has_means_only() -> None:
    study = crossed()
    alone = replace(study, treatments=("a",), ratings=study.ratings[:1])
    found = analyse(alone, jackknife(alone, auc()), Factors(), merit="")
    assert (found.test, found.differences) == (None, ())
    assert found.means[0].mean is not None


def test_one_random_reader_has_no_mean_and_no_test() -> None:
    study = crossed(readers=1)
    alone = replace(study, treatments=("a",), ratings=study.ratings[:1])
    assert analyse(alone, jackknife(alone, auc()), Factors(), merit="").means[0].mean is None
    with pytest.raises(RequestError, match="one reader cannot stand for readers in general"):
        analyse(study, jackknife(study, auc()), Factors(), merit="")


def test_a_reader_who_is_always_right_has_no_interval() -> None:
    study = crossed(readers=2)
    ratings = study.ratings.copy()
    ratings[0, 0] = study.truth
    found = analyse(
        replace(study, ratings=ratings), jackknife(replace(study, ratings=ratings), auc()), Factors(), merit=""
    )
    assert found.means[0].readers["reader 1"].interval is None
    assert found.means[0].readers["reader 1"].value == 1.0


def test_binary_ratings_have_an_auc_that_is_the_mean_of_sensitivity_and_specificity() -> None:
    study = crossed()
    binary = replace(study, ratings=(study.ratings >= 0.8).astype(float))
    areas, hits, leaves = (jackknife(binary, merit).values for merit in (auc(), sensitivity(1), specificity(1)))
    assert areas == pytest.approx((hits + leaves) / 2)


def test_wrong_requests_say_what_to_do() -> None:
    study = crossed()
    with pytest.raises(RequestError, match="nothing is left to chance"):
        Factors(random_readers=False, random_cases=False)
    with pytest.raises(RequestError, match="use jackknife or bootstrap"):
        COVARIANCES["delong"](study, accuracy(1))
    with pytest.raises(RequestError, match=r"reads are missing.*use Obuchowski"):
        anova(thinned(study, 0.1), auc())
    with pytest.raises(RequestError, match="needs two of each"):
        anova(replace(study, readers=study.readers[:1], ratings=study.ratings[:, :1]), auc())
    partly = study.ratings.copy()
    partly[1, 2] = np.nan
    with pytest.raises(RequestError, match="'reader 3' has no read under treatment 'second'"):
        analyse(replace(study, ratings=partly), jackknife(replace(study, ratings=partly), auc()), Factors(), merit="")
    everywhere = replace(study, ratings=np.broadcast_to(study.truth, study.ratings.shape).astype(float))
    with pytest.raises(RequestError, match="without spread"):
        analyse(everywhere, jackknife(everywhere, auc()), Factors(), merit="")


def test_too_few_cases_are_named() -> None:
    study = crossed()
    ratings = study.ratings.copy()
    ratings[0, 1, np.flatnonzero(study.truth)[1:]] = np.nan
    few = replace(study, ratings=ratings)
    for way in (jackknife, delong):
        with pytest.raises(RequestError, match="'reader 2' under treatment 'first' read 1 positive and 12 negative"):
            way(few, auc())
    ratings[0, 1, study.truth] = np.nan
    none = replace(study, ratings=ratings)
    with pytest.raises(RequestError, match="read 0 positive"):
        jackknife(none, auc())
    with pytest.raises(RequestError, match="none of 24 cases counts"):
        jackknife(replace(study, truth=np.zeros(24, bool)), sensitivity(1))


def test_bootstrap_without_two_good_draws_is_refused() -> None:
    study = crossed()
    ratings = study.ratings.copy()
    ratings[0, 1, np.flatnonzero(study.truth)[1:]] = np.nan
    with pytest.raises(RequestError, match="too few"):
        bootstrap(replace(study, ratings=ratings), auc(), np.random.default_rng(0), replicates=2)


def test_figures_by_name() -> None:
    assert merit_named("auc", None).title == "empirical AUC"
    assert merit_named("accuracy", 3).title == "accuracy at rating >= 3"
    with pytest.raises(RequestError, match="leave the threshold 3 out"):
        merit_named("auc", 3)
    with pytest.raises(RequestError, match="did you mean 'sensitivity'"):
        merit_named("sensitvity", 3)
    with pytest.raises(RequestError, match="needs a threshold"):
        merit_named("specificity", None)


def test_variances_of_the_simulation_sum_to_one() -> None:
    with pytest.raises(ValueError, match="expected 1"):
        Variances(0, 0, 0.25, 0.25, 0.25, 0.5)


def test_estimates_of_unequal_cells_are_means_of_their_kind() -> None:
    """Two treatments x two readers by hand."""
    study = crossed(readers=2)
    cells = jackknife(study, auc()).cells  # (1, 1), (1, 2), (2, 1), (2, 2)
    matrix = np.array([[4, 2, 3, 1], [2, 6, 1.5, 5], [3, 1.5, 8, 2.5], [1, 5, 2.5, 10]]) / 1000
    parts = components_of(Estimates(cells, np.array([0.7, 0.8, 0.9, 0.8]), matrix, "jackknife", 24), Design.CROSSED)
    assert parts.error == pytest.approx(0.007)
    assert parts.cov1 == pytest.approx(0.004)
    assert parts.cov2 == pytest.approx(0.00225)
    assert parts.cov3 == pytest.approx(0.00125)
    assert parts.treatment == pytest.approx(2 * 0.005)  # means 0.75 and 0.85
    assert parts.reader == pytest.approx(0.0)  # both 0.8
    assert parts.interaction == pytest.approx(4 * 0.05**2)


def test_many_cases_are_left_out_in_blocks() -> None:
    """1,200 cases do not fit in one block; the jackknife then is near DeLong's, which needs no leaving out."""
    study = simulate(np.random.default_rng(0), HIGH, readers=2, negatives=600, positives=600, aucs=(0.75, 0.85))
    by_jackknife, by_delong = jackknife(study, auc()), delong(study, auc())
    assert by_jackknife.values == pytest.approx(by_delong.values)
    assert by_jackknife.covariance == pytest.approx(by_delong.covariance, rel=0.01, abs=1e-7)
