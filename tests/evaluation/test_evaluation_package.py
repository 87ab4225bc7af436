"""A package measured on a library whose answers are known beforehand."""

import json
from pathlib import Path

import numpy as np
import pytest
from evaluation_world import Head, Memory, bleeding, blood_of

from bregma.evaluation.compare import compare
from bregma.evaluation.evaluate import evaluate_package
from bregma.evaluation.evaluation import Evaluation, json_of
from bregma.evaluation.metrics import Counts
from bregma.evaluation.newcombe_auc import newcombe_auc
from bregma.models.aggregate import Rule
from bregma.models.package import Package
from bregma.models.predictor import Predictor
from bregma.scan.errors import RequestError
from tiny_models import tiny_onnx, tiny_package

REPLICATES = 200


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return tiny_package(tmp_path_factory.mktemp("models") / "tiny")


def evaluate(package: Package, *heads: Head, **options) -> Evaluation:
    asked = {"split": "default", "part": "test", "replicates": REPLICATES, **options}
    return evaluate_package(package, Memory(*heads), **asked)


def five_scans() -> list[Head]:
    """Two found, one quiet, one bleed that the network cannot see, one alarm where nothing is said to be."""
    return [
        bleeding("a"),
        bleeding("b", 5, 9),
        Head("quiet"),
        Head("missed", truth=[0, 0, 0, 1, 1, 1, 0, 0, 0, 0], scan_truth=1.0),
        Head("alarm", {7: 12.0}, scan_truth=0.0),
    ]


def test_confusion_tables_are_those_of_the_story(package: Package) -> None:
    evaluation = evaluate(package, *five_scans())
    scan, slices = evaluation.level("scan", "any"), evaluation.level("slice", "any")
    assert scan.points[0].point.name == "rule"
    # 5 mm slices: one positive slice is 5 mm and enough, so the alarm is a positive scan
    assert scan.points[0].counts == Counts(2, 1, 1, 1)
    assert slices.points[0].counts == Counts(3 + 4, 1, 3, 50 - 11)
    assert [result.point.name for result in slices.points] == ["rule", "f1"]  # tiny_package carries a slice point
    figures = {measure.name: measure for measure in scan.points[0].measures}
    assert figures["recall"].value == pytest.approx(2 / 3)
    assert figures["accuracy"].value == pytest.approx(3 / 5)
    assert (scan.cases, scan.positives, scan.patients) == (5, 3, 5)


def test_every_figure_has_an_interval_inside_its_range_or_a_reason(package: Package) -> None:
    evaluation = evaluate(package, *five_scans())
    measures = [
        m for level in evaluation.levels for m in (*level.measures, *(x for p in level.points for x in p.measures))
    ]
    assert len(measures) > 15
    for measure in measures:
        assert (measure.interval is None or measure.value is None) <= (measure.reason is not None)
        if measure.interval is not None:
            assert 0 <= measure.interval.low <= measure.interval.high
            assert measure.interval.high <= 1 or measure.name == "log_loss"


def test_unlabelled_cases_are_counted_and_never_negative(package: Package) -> None:
    unknown = Head("unknown", {4: 12.0}, truth=[None] * 10, scan_truth=None)
    half = bleeding("half", truth=[None] * 3 + [1, 1, 1] + [0.5] + [0] * 3)
    evaluation = evaluate(package, bleeding("a"), Head("quiet"), unknown, half, Head("torn", scan_truth=0.5))
    assert evaluation.level("scan", "any").cases == 3
    assert evaluation.level("slice", "any").cases == 10 + 10 + 6 + 10
    rows = {(e.series_uid, e.level, e.slices, e.reason) for e in evaluation.excluded}
    assert rows == {
        ("unknown", "scan", 0, "nobody said whether it is there"),
        ("unknown", "slice", 10, "nobody said whether it is there"),
        ("half", "slice", 3, "nobody said whether it is there"),
        ("half", "slice", 1, "sources contradict each other"),
        ("torn", "scan", 0, "sources contradict each other"),
    }


def test_a_damaged_scan_is_a_row_and_not_a_stop(package: Package) -> None:
    evaluation = evaluate(package, bleeding("a"), Head("broken", damaged=True))
    assert len(evaluation.scans) == 1
    assert evaluation.excluded[0].series_uid == "broken"
    assert "damaged" in evaluation.excluded[0].reason
    with pytest.raises(RequestError, match="none of 1 scan could be read"):
        evaluate(package, Head("broken", damaged=True))


def test_an_empty_part_is_a_wrong_request(package: Package) -> None:
    with pytest.raises(RequestError, match="'validation'"):
        evaluate(package, bleeding("a"), part="validation")


def test_perfect_answers_keep_an_honest_interval(package: Package) -> None:
    evaluation = evaluate(package, *(bleeding(f"p{i}") for i in range(4)), *(Head(f"n{i}") for i in range(4)))
    point = evaluation.level("scan", "any").points[0]
    recall = point.measures[1]
    assert recall.value == 1.0
    assert recall.interval is not None
    assert recall.interval.low == pytest.approx(4 / (4 + 1.959964**2), abs=1e-4)
    of_slices = evaluation.level("slice", "any").points[0].measures[1].interval
    assert of_slices is not None
    assert of_slices.method == "wilson over patients"
    assert of_slices.low == pytest.approx(recall.interval.low)  # 4 of 4 patients, not 12 of 12 slices
    auc = evaluation.level("scan", "any").measures[0]
    assert auc.value == 1.0
    assert auc.interval == newcombe_auc(1.0, 4, 4)
    precision = evaluation.level("scan", "any").measures[1]
    assert precision.interval is None
    assert "all give the same average_precision" in (precision.reason or "")


def test_recall_ceiling_of_the_rule_on_this_data(tmp_path: Path) -> None:
    strict = tiny_package(tmp_path / "strict", rule=Rule(run_slices=3, run_mm=1000.0))
    short = bleeding("short", 3, 5)  # two slices of blood can never be a run of three
    evaluation = evaluate(strict, bleeding("long"), short, Head("quiet"), bleeding("half", truth=[None] + [1] * 9))
    assert (evaluation.ceiling.counts.reachable, evaluation.ceiling.counts.scans) == (1, 2)
    assert evaluation.ceiling.recall.value == 0.5
    assert evaluate(strict, Head("quiet")).ceiling.recall.reason == "no positive scan has all its slices labelled"


def test_lesions_found_missed_and_imagined(package: Package) -> None:
    found = bleeding("found")
    found.mask = blood_of(found)
    missed = Head("missed", truth=found.truth, scan_truth=1.0, mask=blood_of(bleeding("x")))
    alarm = Head("alarm", {7: 12.0}, mask=np.zeros((10, 80, 80), bool))
    lesions = evaluate(package, found, missed, alarm, bleeding("nobody drew it")).lesions
    assert lesions is not None
    assert (lesions.scans, lesions.lesions, lesions.found, lesions.false) == (3, 2, 1, 1)
    recall, false, dice = lesions.measures
    assert (recall.value, false.value) == (0.5, pytest.approx(1 / 3))
    assert dice.value is not None
    assert 0.4 < dice.value <= 0.5  # one almost perfect, one 0; scans without a lesion have no Dice
    assert lesions.froc is not None
    assert (lesions.froc.scans, lesions.froc.lesions) == (3, 2)
    assert lesions.froc.found[-1] == 0.5
    assert lesions.froc.false_per_scan[-1] == pytest.approx(1 / 3)
    at_one = next(measure for measure in lesions.froc.at_rates if measure.name == "lesions_found_at_1")
    assert at_one.value == 0.5


def test_a_network_without_a_map_has_no_lesions(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "flat", onnx=tiny_onnx(maps=False))
    head = bleeding("a")
    head.mask = blood_of(head)
    assert evaluate(package, head).lesions is None


def test_worst_errors_come_worst_first_with_their_slice(package: Package) -> None:
    evaluation = evaluate(package, *five_scans())
    scans = [error for error in evaluation.worst if error.level == "scan"]
    assert {error.series_uid for error in scans} == {"missed", "alarm"}
    by_uid = {error.series_uid: error for error in scans}
    assert by_uid["alarm"].slice_index == 7
    assert by_uid["alarm"].sop_instance_uid == "alarm.7"
    assert by_uid["alarm"].z_mm == 35.0
    assert by_uid["missed"].slice_index in (3, 4, 5)  # a slice on which the bleed is known to be
    distances = [error.distance for error in scans]
    assert distances == sorted(distances, reverse=True)


def test_leakage_between_parts_is_found(package: Package) -> None:
    same_patient = Head("t1", part="train", patient="patient-a")
    same_study = Head("t2", part="train", study="study-b")
    copy = bleeding("t3", part="train", noise=77)
    heads = [bleeding("a"), bleeding("b"), bleeding("c", noise=77), same_patient, same_study, copy]
    leakage = evaluate(package, *heads).leakage
    assert leakage.found
    assert leakage.checked_against == 3
    assert leakage.patients == ("patient-a",)
    assert leakage.studies == ("study-b",)
    assert leakage.pixels == (("c", "t3"),)


def test_a_clean_split_has_no_leakage_and_a_whole_library_is_not_checked(package: Package) -> None:
    heads = [bleeding("a"), bleeding("t", 1, 3, part="train")]
    assert not evaluate(package, *heads).leakage.found
    assert evaluate(package, *heads).leakage.checked_against == 1
    assert evaluate(package, *heads, split=None, part=None).leakage.checked_against == 0


def test_the_same_seed_gives_the_same_figures(package: Package) -> None:
    first, second, third = (json.dumps(json_of(evaluate(package, *five_scans(), seed=seed))) for seed in (1, 1, 2))
    assert first == second
    assert first != third


def test_order_of_the_scans_changes_no_figure(package: Package) -> None:
    plain, turned = evaluate(package, *five_scans()), evaluate(package, *five_scans()[::-1])
    for one, other in zip(plain.levels, turned.levels, strict=True):
        assert [m.value for m in one.measures] == pytest.approx([m.value for m in other.measures])
        assert one.points[0].counts == other.points[0].counts


def test_json_keeps_each_prediction_with_its_slice_and_unknown_is_absent(package: Package) -> None:
    document = json.loads(
        json.dumps(json_of(evaluate(package, bleeding("a", truth=[None] + [0] * 9), Head("q"))), allow_nan=False)
    )
    first = document["scans"][0]
    assert first["slices"][3]["sop_instance_uid"] == "a.3"
    assert first["slices"][3]["z_mm"] == 15.0
    assert first["slices"][3]["scores"]["any"] > 0.9
    assert first["slices"][0]["truth"] == {}
    assert first["slices"][1]["truth"] == {"any": 0.0}
    assert document["setup"]["digest"] == package.digest
    assert document["setup"]["part"] == "test"


def test_progress_counts_scans_and_an_open_predictor_serves(package: Package) -> None:
    seen: list[tuple[int, int]] = []
    evaluate(
        Predictor(package, threads=1), bleeding("a"), Head("q"), progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]


def test_only_one_kind_of_case_says_why_there_is_no_area(package: Package) -> None:
    evaluation = evaluate(package, Head("q1"), Head("q2"))
    level = evaluation.level("scan", "any")
    assert level.roc is None
    assert level.measures[0].reason == "auc is undefined: it needs a positive and a negative case"
    with pytest.raises(KeyError, match="subdural"):
        evaluation.level("scan", "subdural")


def test_a_library_without_labels_measures_nothing_and_says_so(package: Package) -> None:
    evaluation = evaluate(package, Head("u", {4: 9.0}, truth=[None] * 10, scan_truth=None))
    assert [level.cases for level in evaluation.levels] == [0, 0]
    assert all(m.value is None and m.reason for level in evaluation.levels for m in level.points[0].measures)


def test_a_better_package_is_better_on_the_same_cases(package: Package, tmp_path: Path) -> None:
    blind = tiny_package(tmp_path / "blind", onnx=tiny_onnx(gain=0.0), name="blind")
    heads = [*(bleeding(f"p{i}") for i in range(12)), *(Head(f"n{i}") for i in range(12))]
    first, second = evaluate(blind, *heads), evaluate(package, *heads)
    comparison = compare(first, second, level="scan", replicates=300)
    differences = {d.name: d for d in comparison.differences}
    assert (comparison.cases, comparison.left_out) == (24, 0)
    assert differences["auc"].value == pytest.approx(0.5)
    assert differences["accuracy"].value == pytest.approx(0.5)
    assert differences["accuracy"].interval is not None
    assert differences["accuracy"].interval.low > 0.2
    assert differences["precision"].reason == "precision is undefined for one of the two"
    same = compare(second, second, level="slice", replicates=50)
    assert all(d.value == 0 for d in same.differences)


def test_what_cannot_be_compared_is_said(package: Package) -> None:
    here = evaluate(package, bleeding("a"), Head("q"))
    with pytest.raises(RequestError, match="share no scan"):
        compare(here, evaluate(package, bleeding("b")))
    with pytest.raises(RequestError, match="does not answer 'subdural'"):
        compare(here, here, finding="subdural")
    with pytest.raises(RequestError, match="1 of 2 cases have another truth"):
        compare(here, evaluate(package, bleeding("a"), Head("q", scan_truth=1.0)))


def test_each_finding_of_a_package_has_its_figures(tmp_path: Path) -> None:
    two = tiny_package(tmp_path / "two", findings=("any", "subdural"))
    evaluation = evaluate(two, bleeding("a"), Head("q"))
    assert [(x.level, x.finding) for x in evaluation.levels] == [
        ("scan", "any"),
        ("scan", "subdural"),
        ("slice", "any"),
        ("slice", "subdural"),
        ("scan", "pooled"),
        ("slice", "pooled"),
    ]
    together = evaluation.level("slice", "pooled")
    assert (together.cases, together.positives, together.patients) == (40, 6, 2)
    assert not [error for error in evaluation.worst if error.finding == "pooled"]
    assert len(evaluation.level("slice", "subdural").points) == 1  # the package's own point is for `any`
    document = json_of(evaluation)
    assert set(document["scans"][0]["scores"]) == {"any", "subdural"}
