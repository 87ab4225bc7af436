"""The error rate of a null that is simulated, and power that is planned and then simulated."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.evaluation.mrmc.analysis import analyse
from bregma.evaluation.mrmc.cells import Design
from bregma.evaluation.mrmc.components import Components, components_of
from bregma.evaluation.mrmc.covariance import delong
from bregma.evaluation.mrmc.inference import Factors, treatment_test
from bregma.evaluation.mrmc.merit import auc
from bregma.evaluation.mrmc.planning import cases_needed, plan, power
from bregma.evaluation.mrmc.reader_study import study_of
from bregma.evaluation.mrmc.roe_metz import HIGH, LOW, Variances, simulate
from bregma.scan.errors import RequestError

STUDIES = 400


def rejected(variances: Variances, aucs: tuple[float, float], *, readers: int = 5, each: int = 30) -> float:
    """Share of simulated studies with p < 0.05."""
    rng, found = np.random.default_rng(7), 0
    for _ in range(STUDIES):
        study = simulate(rng, variances, readers=readers, negatives=each, positives=each, aucs=aucs)
        test = treatment_test(components_of(delong(study, auc()), Design.CROSSED), Factors())
        assert test is not None
        found += test.p < 0.05
    return found / STUDIES


@pytest.mark.parametrize("variances", [HIGH, LOW], ids=["high", "low"])
def test_a_null_is_rejected_one_time_in_twenty(variances: Variances) -> None:
    """Of 400 studies 5 % are 20, standard deviation 4.4: 1.7 to 8.3 % are three of them."""
    assert 0.017 <= rejected(variances, (0.8, 0.8)) <= 0.083


def test_planned_power_is_the_share_of_studies_that_find_it() -> None:
    rng = np.random.default_rng(1)
    pilots = [simulate(rng, LOW, readers=5, negatives=30, positives=30, aucs=(0.75, 0.85)) for _ in range(40)]
    parts = [components_of(delong(study, auc()), Design.CROSSED) for study in pilots]
    names = ("treatment", "reader", "interaction", "error", "cov1", "cov2", "cov3")
    mean = {name: float(np.mean([getattr(part, name) for part in parts])) for name in names}
    pilot = Components(design=Design.CROSSED, treatments=2, readers=5.0, cases=60, degrees=4, **mean)
    promised = power(pilot, 0.1, 5, 60).power
    assert 0.3 < promised < 0.95
    assert rejected(LOW, (0.75, 0.85)) == pytest.approx(promised, abs=0.08)


def pilot(seed: int = 4) -> Components:
    study = simulate(np.random.default_rng(seed), HIGH, readers=5, negatives=30, positives=30, aucs=(0.8, 0.85))
    return components_of(delong(study, auc()), Design.CROSSED)


def test_the_least_number_of_cases_is_the_least() -> None:
    found = cases_needed(pilot(), 0.08, 6)
    assert found is not None
    assert found.power >= 0.8
    assert power(pilot(), 0.08, 6, found.cases - 1).power < 0.8


def test_more_readers_need_fewer_cases_and_few_may_never_do() -> None:
    # treatment x reader: 0.002 - 0.001 + 0.0004 + (0.0004 - 0.0002) = 0.0016 stays however many cases there are
    differing = Components(Design.CROSSED, 2, 5.0, 100, 0.0, 0.0, 0.002, 4, 0.001, 0.0004, 0.0004, 0.0002)
    assert differing.interaction_variance == pytest.approx(0.0016)
    planned = plan(differing, 0.05, readers=(4, 14, 20, 60))
    cases = [found.cases if found else None for _, found in planned]
    assert cases[0] is None
    known = [count for count in cases if count is not None]
    assert known == sorted(known, reverse=True)
    assert len(known) == 3


@pytest.mark.parametrize("factors", [Factors(random_readers=False), Factors(random_cases=False)])
def test_fixed_factors_need_less(factors: Factors) -> None:
    assert power(pilot(), 0.05, 5, 100, factors).power > power(pilot(), 0.05, 5, 100).power


def test_no_difference_is_found_one_time_in_twenty() -> None:
    assert power(pilot(), 0.0, 5, 100).power == pytest.approx(0.05)
    assert power(pilot(), 0.0, 5, 100, Factors(random_readers=False)).power == pytest.approx(0.05)


def test_plans_that_cannot_be_made() -> None:
    with pytest.raises(RequestError, match="plan two at least"):
        power(pilot(), 0.1, 1, 100)
    with pytest.raises(RequestError, match="a difference not 0"):
        cases_needed(pilot(), 0.0, 5)
    one = simulate(np.random.default_rng(0), HIGH, readers=1, negatives=20, positives=20, aucs=(0.8, 0.8))
    alone = components_of(delong(one, auc()), Design.CROSSED)
    with pytest.raises(RequestError, match="does not tell how readers differ"):
        power(alone, 0.1, 5, 100)
    assert power(alone, 0.1, 1, 200, Factors(random_readers=False)).power > 0.05
    with pytest.raises(RequestError, match="no spread"):
        power(Components(Design.CROSSED, 2, 5.0, 60, 0.0, 0.0, 0.0, 4, 0.0, 0.0, 0.0, 0.0), 0.1, 5, 60)
    with pytest.raises(RequestError, match="pilot of crossed readers"):
        power(Components(Design.NESTED, 2, 5.0, 60, 0.0, None, 0.1, 8, 0.1, 0.0, 0.0, 0.0), 0.1, 5, 60)
    with pytest.raises(RequestError, match="pilot of crossed readers"):
        power(Components(Design.CROSSED, 1, 5.0, 60, None, 0.1, None, 0, 0.1, 0.0, 0.05, 0.0), 0.1, 5, 60)


def test_an_empty_study_is_refused() -> None:
    with pytest.raises(RequestError, match="no read"):
        study_of([])


def test_the_simulated_area_is_the_one_asked_for() -> None:
    study = simulate(np.random.default_rng(0), HIGH, readers=40, negatives=400, positives=400, aucs=(0.7, 0.9))
    found = analyse(study, delong(study, auc()), Factors(), merit="")
    means = [one.mean.value for one in found.means if one.mean]
    assert means == pytest.approx([0.7, 0.9], abs=0.03)
