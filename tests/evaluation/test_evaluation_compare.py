"""Several packages on one library: what is shared, grouped, corrected, and prepared once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from evaluation_world import Head, Memory, bleeding

import bregma.evaluation.score as score_module
from bregma.evaluation import summary
from bregma.evaluation.compare import compare, compare_groups
from bregma.evaluation.comparison import Table
from bregma.evaluation.evaluate import Contender, Question, Watch, evaluate_packages
from bregma.evaluation.evaluation import Evaluation
from bregma.evaluation.groups import Group, alone, by_group
from bregma.models.package import Package
from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import Window
from bregma.scan.errors import RequestError
from bregma.scan.terms import FINDINGS
from tiny_models import CARD, tiny_onnx, tiny_package

SIX = tuple(term.name for term in FINDINGS)
QUESTION = Question("default", "test", replicates=200)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    folder = tmp_path_factory.mktemp("models")
    made = {
        "good": tiny_package(folder / "good", onnx=tiny_onnx(), name="good"),
        "softer": tiny_package(folder / "softer", onnx=tiny_onnx(gain=20.0, offset=-15.0), name="good"),
        "blind": tiny_package(folder / "blind", onnx=tiny_onnx(gain=0.0, offset=-1.0), name="blind"),
        "six": tiny_package(folder / "six", findings=SIX, name="six"),
    }
    assert len({package.digest for package in made.values()}) == 4
    return made


def heads() -> list[Head]:
    """Bleeds and quiet heads; in two of them somebody is wrong, so that nothing is perfect."""
    wrong = [Head("alarm", {7: 12.0}), Head("missed", truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 0], scan_truth=1.0)]
    return [*(bleeding(f"p{i}") for i in range(6)), *(Head(f"n{i}") for i in range(6)), *wrong]


def measured(*contenders: Contender, library: Memory | None = None, watch: Watch | None = None) -> list[Evaluation]:
    return evaluate_packages(contenders, library or Memory(*heads()), QUESTION, watch=watch)


def table(tables: list[Table], level: str, finding: str) -> Table:
    (one,) = [t for t in tables if (t.level, t.finding) == (level, finding)]
    return one


def test_the_mean_of_two_seeds_and_its_difference_by_hand(packages: dict[str, Package]) -> None:
    found = measured(
        Contender(packages["blind"], "blind-0", "blind"),
        Contender(packages["good"], "a-0", "a"),
        Contender(packages["softer"], "a-1", "a"),
    )
    groups = by_group(found)
    assert [(group.name, len(group.members)) for group in groups] == [("blind", 1), ("a", 2)]
    slices = table(compare_groups(groups, replicates=200), "slice", "any")
    (_, blind), (_, both) = slices.groups
    by_name = {mean.measure.name: mean for mean in both}
    losses = [next(m.value for m in e.level("slice", "any").measures if m.name == "log_loss") for e in found]
    assert by_name["log_loss"].members == pytest.approx(losses[1:])
    assert by_name["log_loss"].measure.value == pytest.approx((losses[1] + losses[2]) / 2)
    assert by_name["log_loss"].over_seeds is not None
    assert blind[0].over_seeds is None
    (comparison,) = slices.comparisons
    difference = {d.name: d for d in comparison.differences}["log_loss"]
    assert difference.value == pytest.approx((losses[1] + losses[2]) / 2 - losses[0])
    assert difference.over_seeds is None  # one seed of the first says nothing about others
    assert difference.interval is not None
    auc = {d.name: d for d in comparison.differences}["auc"]
    assert auc.value == pytest.approx(by_name["auc"].measure.value - 0.5)
    assert auc.p is not None
    assert auc.p < 0.05


def test_a_seed_twice_is_the_seed(packages: dict[str, Package]) -> None:
    once = measured(Contender(packages["blind"], "b"), Contender(packages["good"], "g"))
    twice = measured(
        Contender(packages["blind"], "b"),
        Contender(packages["good"], "g-0", "g"),
        Contender(packages["good"], "g-1", "g"),
    )
    one = table(compare_groups(alone(once), replicates=100), "scan", "any").comparisons[0]
    two = table(compare_groups(by_group(twice), replicates=100), "scan", "any").comparisons[0]
    for single, double in zip(one.differences, two.differences, strict=True):
        assert double.value == pytest.approx(single.value)
        assert (double.interval is None) == (single.interval is None)
        if single.interval and double.interval:
            assert (double.interval.low, double.interval.high) == pytest.approx(
                (single.interval.low, single.interval.high)
            )


def test_groups_of_different_recipes_are_refused(packages: dict[str, Package], tmp_path: Path) -> None:
    card = dataclasses.replace(CARD, recipe_digest="1" * 64)
    other = tiny_package(tmp_path / "other", card=card)
    found = measured(Contender(packages["good"], "a-0", "a"), Contender(other, "a-1", "a"))
    with pytest.raises(RequestError, match=r"group 'a' come from different recipes \(a-0, a-1\)"):
        by_group(found)


def test_only_common_findings_are_compared(packages: dict[str, Package]) -> None:
    found = measured(
        Contender(packages["six"]), Contender(packages["good"], "good"), Contender(packages["six"], "six b")
    )
    tables = compare_groups(alone(found), replicates=100)
    assert [name for name, _ in table(tables, "slice", "any").groups] == ["six", "good", "six b"]
    assert [name for name, _ in table(tables, "slice", "subdural").groups] == ["six", "six b"]
    together = table(tables, "slice", "pooled")
    assert together.findings == SIX
    assert [name for name, _ in together.groups] == ["six", "six b"]
    assert together.cases == 6 * 140
    assert {d.name for d in together.comparisons[0].differences} >= {"weighted_log_loss", "auc", "accuracy"}
    turned = compare_groups(alone([found[1], found[0]]), replicates=50)
    assert table(turned, "slice", "subdural").comparisons == ()  # the first does not answer it
    assert table(turned, "slice", "pooled").comparisons == ()


def test_p_values_are_corrected_per_figure_and_level(packages: dict[str, Package]) -> None:
    found = measured(*(Contender(packages[name], name) for name in ("blind", "good", "softer")))
    tables = compare_groups(alone(found), replicates=100)
    differences = [d for c in table(tables, "scan", "any").comparisons for d in c.differences if d.name == "auc"]
    assert [d.p for d in differences] == pytest.approx([2 / 101] * 2, abs=0.05)
    assert differences[0].adjusted_p == pytest.approx(2 * min(d.p for d in differences if d.p))
    alone_two = compare(found[0], found[1], replicates=100)
    assert all(d.adjusted_p is None for d in alone_two.differences)


def test_a_finding_that_nobody_labelled_has_no_table(packages: dict[str, Package]) -> None:
    library = Memory(*(Head(f"q{i}", truth=[1] + [0] * 9, scan_truth=None) for i in range(3)))
    found = measured(Contender(packages["good"], "a"), Contender(packages["blind"], "b"), library=library)
    assert [t.level for t in compare_groups(alone(found), replicates=50)] == ["slice"]


def test_a_scan_is_prepared_once_for_all_packages_that_prepare_alike(
    packages: dict[str, Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Preprocessing(windows=(Window(40.0, 100.0),), pixel_mm=4.0, field_of_view_mm=160.0, size=40)
    wide = tiny_package(tmp_path / "wide", preprocessing=settings)
    seen: list[str] = []
    prepare = score_module.prepare

    def counting(volume, chosen):
        seen.append(chosen.digest)
        return prepare(volume, chosen)

    monkeypatch.setattr(score_module, "prepare", counting)
    library = Memory(bleeding("a"), Head("q"))
    chosen = [Contender(packages["good"]), Contender(wide, "wide"), Contender(packages["blind"])]
    found = measured(*chosen, library=library)
    assert len(seen) == 2 * 2
    assert [e.setup.label for e in found] == ["good", "wide", "blind"]
    one_by_one = [measured(each, library=library)[0] for each in chosen]
    for together, single in zip(found, one_by_one, strict=True):
        for scan, same in zip(together.scans, single.scans, strict=True):
            assert np.array_equal(scan.slice_scores, same.slice_scores)


def test_time_is_that_of_the_clock(packages: dict[str, Package]) -> None:
    ticks = iter(float(2**i) for i in range(100))  # a scan takes 1, 4, 16, 64 seconds
    watch = Watch(lambda: next(ticks), "2 cores of nothing")
    library = Memory(bleeding("a"), Head("b"), Head("c"), Head("d"))
    (found,) = measured(Contender(packages["good"]), library=library, watch=watch)
    assert [scan.seconds for scan in found.scans] == [1.0, 4.0, 16.0, 64.0]
    assert found.cost.seconds == 10.0
    assert found.cost.seconds_p90 == pytest.approx(16 + 0.7 * 48)
    assert found.cost.machine == "2 cores of nothing"
    (silent,) = measured(Contender(packages["good"]), library=library)
    assert (silent.cost.seconds, silent.cost.machine) == (None, None)


def test_a_specificity_outside_0_and_1_is_refused() -> None:
    with pytest.raises(RequestError, match="specificity is 90; expected a share"):
        Question("default", "test", specificity=90.0)


def test_rows_for_the_terminal(packages: dict[str, Package]) -> None:
    found = measured(
        Contender(packages["six"], "six"),
        Contender(packages["good"], "a-0", "a"),
        Contender(packages["softer"], "a-1", "a"),
    )
    groups = by_group(found)
    tables = compare_groups(groups, replicates=100)
    header = summary.summary_header(groups)
    rows = summary.summary_rows(groups, tables)
    assert [row[0] for row in rows] == ["six", "a (2 seeds)"]
    assert all(len(row) == len(header) for row in rows)
    assert rows[0][header.index("slice AUC, pooled")] != "-"
    assert rows[1][header.index("slice AUC, pooled")] == "-"
    assert "%" in rows[0][header.index("slice accuracy, pooled")]
    assert "sensitivity at 90 %, slices" in header
    for everything in (False, True):
        means, differences = (
            summary.group_rows(tables, everything=everything),
            summary.difference_rows(tables, everything=everything),
        )
        assert all(len(row) == len(summary.GROUP_HEADER) for row in means)
        assert all(len(row) == len(summary.DIFFERENCE_HEADER) for row in differences)
        assert ("slice subdural" in {row[0] for row in means}) == everything
    assert Group("x", (found[0],)).findings == SIX


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (12, "12"), (1200, "1.2 k"), (25_557_032, "25.6 M"), (4_111_514_624, "4.11 G")],
)
def test_large_numbers(number: int | None, text: str) -> None:
    assert summary.large(number) == text


@pytest.mark.parametrize(("p", "text"), [(None, "-"), (0.0001, "< 0.001"), (0.0334, "0.033"), (1.0, "1.000")])
def test_p_values_as_text(p: float | None, text: str) -> None:
    assert summary.p_text(p) == text
