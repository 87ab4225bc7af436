"""Van Dyke et al. 1993, the standard example of the field: every number as it is published, to the printed digit.

Sources: MRMCaov (Smith, Hillis and Pesce), user guide and article, sections "Binary metrics", "Covariance estimation
methods", "Fixed factors" and "Study designs"; RJafroc (Chakraborty), documentation of `dataset02`, whose figures were
checked against OR-DBM MRMC 2.51 of the University of Iowa.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bregma.evaluation.mrmc.analysis import Analysis, analyse
from bregma.evaluation.mrmc.covariance import COVARIANCES
from bregma.evaluation.mrmc.inference import Factors
from bregma.evaluation.mrmc.merit import Merit, auc, sensitivity
from bregma.evaluation.mrmc.planning import power
from bregma.evaluation.mrmc.pseudovalues import anova
from bregma.evaluation.mrmc.reader_study import Read, ReaderStudy, study_of
from bregma.evaluation.mrmc.table import read_table

pytestmark = pytest.mark.real_data

Row = dict[str, str]


@pytest.fixture(scope="module")
def table(real_ct: Path) -> Path:
    return real_ct.parent / "readers" / "van_dyke.csv"


@pytest.fixture(scope="module")
def van_dyke(table: Path) -> ReaderStudy:
    return read_table(table)


def coded(table: Path, case: Callable[[Row], str]) -> ReaderStudy:
    """The same reads under other names of the cases, which makes another design of it."""
    with table.open() as file:
        rows = list(csv.DictReader(file))
    return study_of(Read(r["reader"], r["treatment"], case(r), r["truth"] == "1", float(r["rating"])) for r in rows)


def analysis(study: ReaderStudy, merit: Merit, covariance: str = "jackknife", **fixed: bool) -> Analysis:
    return analyse(study, COVARIANCES[covariance](study, merit), Factors(**fixed), merit=merit.title)


def printed(value: float | None, as_printed: str) -> bool:
    """Whether a figure is the printed one, to its last digit."""
    assert value is not None
    digits = as_printed.partition("e")[0].lstrip("-0.").replace(".", "")
    return float(f"{value:.{len(digits)}g}") == float(as_printed)


def test_sensitivity_by_reader(van_dyke: ReaderStudy) -> None:
    means = analysis(van_dyke, sensitivity(3)).means
    assert [f"{figure.value:.3f}" for one in means for figure in one.readers.values()] == [
        *("0.889", "0.778", "0.822", "0.933", "0.689"),
        *("0.978", "0.822", "0.911", "1.000", "0.889"),
    ]


def test_sensitivity_by_jackknife(van_dyke: ReaderStudy) -> None:
    found = analysis(van_dyke, sensitivity(3))
    parts, test, (difference,) = found.components, found.test, found.differences
    assert test is not None
    assert printed(parts.treatment, "0.02390123")
    assert printed(parts.interaction, "0.001802469")
    assert printed(parts.error, "0.0023681257")
    assert printed(parts.cov1, "0.0009943883")
    assert printed(parts.cov2, "0.0010145903")
    assert printed(parts.cov3, "0.0006604938")
    assert printed(parts.reader_variance, "0.0049747475")
    assert printed(parts.interaction_variance, "0.0007828283")
    assert printed(test.denominator, "0.003572952")
    assert (test.statistic, test.df1) == ("F", 1)
    assert printed(test.value, "6.689493")
    assert printed(test.df2, "15.71732")
    assert printed(test.p, "0.02008822")
    assert printed(difference.difference.value, "-0.09777778")
    assert printed(difference.difference.standard_error, "0.03780451")
    assert difference.difference.interval is not None
    assert printed(difference.difference.interval.low, "-0.1780371")
    assert f"{difference.difference.interval.high:.7f}" == "-0.0175185"
    assert printed(difference.difference.p, "0.02008822")
    assert (found.cases, found.positives, parts.cases, found.missing) == (114, 45, 45, 0)


def check_mean(found: Analysis, place: int, value: str, error: str, df: str, low: str, high: str) -> None:
    mean = found.means[place].mean
    assert mean is not None
    assert mean.interval is not None
    assert f"{mean.value:.7f}" == value
    assert printed(mean.standard_error, error)
    assert printed(mean.df, df) if df else math.isinf(mean.df)
    assert (f"{mean.interval.low:.7f}", f"{mean.interval.high:.7f}") == (low, high)


def test_sensitivity_of_single_treatments(van_dyke: ReaderStudy) -> None:
    found = analysis(van_dyke, sensitivity(3))
    check_mean(found, 0, "0.8222222", "0.05893747", "14.456811", "0.6961876", "0.9482568")
    check_mean(found, 1, "0.9200000", "0.03741657", "7.575855", "0.8328691", "1.0000000")


AREAS = {
    "jackknife": {
        "reader": "0.0015349993", "interaction": "0.0002004025", "error": "0.0008022883", "cov1": "0.0003466137",
        "cov2": "0.0003440748", "cov3": "0.0002390284", "denominator": "0.001076263", "f": "4.456319", "df": "15.25967",
        "p": "0.05166569", "se": "0.02074862", "low": "-0.0879594986", "high": "0.0003588544",
    },
    "delong": {
        "reader": "0.0015364254", "interaction": "0.0002045840", "error": "0.0007921325", "cov1": "0.0003420090",
        "cov2": "0.0003395265", "cov3": "0.0002358497", "denominator": "0.001069415", "f": "4.484854", "df": "15.06611",
        "p": "0.05123303", "se": "0.0206825", "low": "-0.0878671960", "high": "0.0002665519",
    },
}  # fmt: skip


@pytest.mark.parametrize("covariance", AREAS)
def test_empirical_auc_by_jackknife_and_delong(van_dyke: ReaderStudy, covariance: str) -> None:
    found, gold = analysis(van_dyke, auc(), covariance), AREAS[covariance]
    parts, test, difference = found.components, found.test, found.differences[0].difference
    assert test is not None
    assert difference.interval is not None
    assert printed(parts.treatment, "0.004796171")
    assert printed(parts.reader, "0.0038362000")
    assert printed(parts.interaction, "0.0005510306")
    assert printed(parts.reader_variance, gold["reader"])
    assert f"{parts.interaction_variance:.10f}" == gold["interaction"]
    assert printed(parts.error, gold["error"])
    assert f"{parts.cov1:.10f}" == gold["cov1"]
    assert printed(parts.cov2, gold["cov2"])
    assert printed(parts.cov3, gold["cov3"])
    assert printed(test.denominator, gold["denominator"])
    assert printed(test.value, gold["f"])
    assert printed(test.df2, gold["df"])
    assert printed(test.p, gold["p"])
    assert printed(difference.value, "-0.04380032")
    assert printed(difference.standard_error, gold["se"])
    assert f"{difference.interval.low:.10f}" == gold["low"]
    assert f"{difference.interval.high:.10f}" == gold["high"]


def test_auc_of_single_treatments(van_dyke: ReaderStudy) -> None:
    found = analysis(van_dyke, auc())
    check_mean(found, 0, "0.8970370", "0.0331736", "12.74465", "0.8252236", "0.9688505")
    check_mean(found, 1, "0.9408374", "0.02156637", "12.71019", "0.8941378", "0.9875369")
    found = analysis(van_dyke, auc(), "delong")
    check_mean(found, 0, "0.8970370", "0.03307642", "12.59597", "0.8253461", "0.9687280")
    check_mean(found, 1, "0.9408374", "0.02150464", "12.5653", "0.8942155", "0.9874592")


def test_fixed_readers(van_dyke: ReaderStudy) -> None:
    found = analysis(van_dyke, auc(), random_readers=False)
    test, difference = found.test, found.differences[0]
    assert test is not None
    assert difference.difference.interval is not None
    assert (test.statistic, test.df1) == ("chi-squared", 1)
    assert math.isinf(test.df2)
    assert printed(test.denominator, "0.0008758604")
    assert printed(test.value, "5.475953")
    assert printed(test.p, "0.01927984")
    assert printed(difference.difference.standard_error, "0.01871748")
    assert f"{difference.difference.interval.high:.8f}" == "-0.00711473"
    check_mean(found, 0, "0.8970370", "0.02428971", "", "0.8494301", "0.9446440")
    check_mean(found, 1, "0.9408374", "0.01677632", "", "0.9079564", "0.9737183")
    assert [f"{figure.standard_error:.8f}" for figure in difference.readers.values()] == [
        *("0.02551213", "0.02630183", "0.03120965", "0.01729129", "0.04405746")
    ]
    assert [f"{figure.p:.6f}" for figure in difference.readers.values()] == [
        *("0.269339", "0.076831", "0.566834", "0.129017", "0.023001")
    ]
    assert [f"{figure.standard_error:.10f}" for one in found.means for figure in one.readers.values()] == [
        *("0.0301255164", "0.0363753335", "0.0282594118", "0.0173388332", "0.0417201720"),
        *("0.0221416887", "0.0298151099", "0.0297673065", "0.0007213348", "0.0262023046"),
    ]


def test_fixed_cases(van_dyke: ReaderStudy) -> None:
    found = analysis(van_dyke, auc(), random_cases=False)
    test, difference = found.test, found.differences[0].difference
    assert test is not None
    assert difference.interval is not None
    assert printed(test.value, "8.704")
    assert (test.df1, test.df2) == (1, 4)
    assert printed(test.p, "0.04195875")
    assert printed(difference.standard_error, "0.01484629")
    assert f"{difference.interval.low:.8f}" == "-0.08502022"
    check_mean(found, 0, "0.8970370", "0.02482994", "4", "0.8280981", "0.9659760")
    check_mean(found, 1, "0.9408374", "0.01615303", "4", "0.8959894", "0.9856854")


def test_cases_nested_in_readers(table: Path) -> None:
    found = analysis(coded(table, lambda row: f"{row['reader']}.{row['case']}"), auc())
    assert found.test is not None
    assert printed(found.components.error, "0.0008079682")
    assert printed(found.components.cov1, "0.0003490676")
    assert found.components.cov2 == pytest.approx(0, abs=1e-15)
    assert found.components.cov3 == pytest.approx(0, abs=1e-15)
    assert printed(found.components.reader_variance, "0.001293517")
    assert printed(found.components.interaction_variance, "0.00009213005")
    assert printed(found.test.value, "8.704")
    assert found.test.df2 == pytest.approx(4)
    assert printed(found.test.p, "0.04195875")
    assert found.missing == 10 * 570 - 1140


def test_cases_nested_in_treatments(table: Path) -> None:
    found = analysis(coded(table, lambda row: f"{row['treatment']}.{row['case']}"), auc())
    assert found.test is not None
    assert printed(found.components.error, "0.0008058382")
    assert found.components.cov1 == pytest.approx(0, abs=1e-15)
    assert printed(found.components.cov2, "0.0003455973")
    assert printed(found.test.denominator, "0.002279017")
    assert printed(found.test.value, "2.104491")
    assert printed(found.test.df2, "68.42325")
    assert printed(found.test.p, "0.1514363")
    check_mean(found, 0, "0.8970370", "0.03320586", "12.7943", "0.8251827", "0.9688914")
    check_mean(found, 1, "0.9408374", "0.0215873", "12.75962", "0.8941114", "0.9875634")


@pytest.mark.parametrize("merit", [auc(), sensitivity(3)], ids=lambda merit: merit.name)
def test_pseudovalues_say_the_same(van_dyke: ReaderStudy, merit: Merit) -> None:
    """Hillis et al. 2005: F and its degrees of freedom from the pseudovalues' own mean squares."""
    square = anova(van_dyke, merit).mean_squares
    below = square["TR"] + max(square["TC"] - square["TRC"], 0.0)
    test = analysis(van_dyke, merit).test
    assert test is not None
    assert square["T"] / below == pytest.approx(test.value, rel=1e-10)
    assert below**2 / (square["TR"] ** 2 / 4) == pytest.approx(test.df2, rel=1e-10)


def test_power_as_published(van_dyke: ReaderStudy) -> None:
    """RJafroc's tests and book, chapter "Sample size estimation", with the difference that was seen."""
    pilot = analysis(van_dyke, auc()).components
    seen = -0.043800322
    assert power(pilot, seen, 6, 111).power == pytest.approx(0.5526116, abs=5e-8)
    assert printed(power(pilot, seen, 10, 163).noncentrality, "8.1269825")
    assert printed(power(pilot, seen, 10, 133, Factors(random_readers=False)).noncentrality, "7.9873835")
    fixed_cases = power(pilot, seen, 10, 53, Factors(random_cases=False))
    assert printed(fixed_cases.noncentrality, "10.048716")
    assert printed(fixed_cases.power, "0.80496663")


def test_bootstrap_is_near(van_dyke: ReaderStudy) -> None:
    from bregma.evaluation.mrmc.covariance import bootstrap

    drawn = bootstrap(van_dyke, auc(), np.random.default_rng(0), replicates=1000)
    exact = COVARIANCES["delong"](van_dyke, auc())
    assert np.sqrt(np.diag(drawn.covariance)) == pytest.approx(np.sqrt(np.diag(exact.covariance)), rel=0.12)
    assert np.corrcoef(drawn.covariance.ravel(), exact.covariance.ravel())[0, 1] > 0.98
