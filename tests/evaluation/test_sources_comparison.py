"""Sources against a reference: the paper's tables from their counts, nobody his own judge, differences, clusters."""

import json

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from source_tables import lines_of, write_table

from bregma.evaluation.bootstrap import METHOD
from bregma.evaluation.holm import holm
from bregma.evaluation.intervals import wilson
from bregma.evaluation.mcnemar import mid_p
from bregma.evaluation.metrics import Counts
from bregma.evaluation.newcombe_auc import newcombe_auc
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources import pictures, rows
from bregma.evaluation.sources.answers import Answers, CaseFacts, known_sources, named_sources
from bregma.evaluation.sources.comparison import SourceComparison, compare_sources
from bregma.evaluation.sources.page import sources_document, sources_page
from bregma.evaluation.sources.question import SourceQuestion, reference_named, thresholds_of
from bregma.evaluation.sources.table_answers import table_answers
from bregma.scan.errors import RequestError

NAN = np.nan

# Grewal et al. 2018, tables 1 and 2, and what is printed: accuracy, recall, precision, F1 in %
RADNET = {
    "model:densenet": (Counts(37, 14, 7, 19), (72.73, 84.10, 72.55, 77.90)),
    "model:densenet-a": (Counts(40, 11, 4, 22), (80.52, 90.91, 78.43, 84.21)),
    "model:radnet": (Counts(39, 9, 5, 24), (81.82, 88.64, 81.25, 84.78)),
    "reader:1": (Counts(36, 6, 8, 27), (81.82, 81.82, 85.71, 83.72)),
    "reader:2": (Counts(39, 6, 5, 27), (85.71, 88.64, 86.67, 87.64)),
    "reader:3": (Counts(33, 7, 5, 26), (83.10, 86.84, 82.50, 84.62)),
}
# The two rounding quirks: one decimal, printed with a zero behind it
QUIRKS = {("model:densenet", "recall"): 84.09, ("model:densenet", "f1"): 77.89}


@pytest.fixture(scope="module")
def radnet(tmp_path_factory: pytest.TempPathFactory) -> SourceComparison:
    """Both tables of the paper at once, the model first, from a table of reads that has their counts."""
    counts = {source: counts for source, (counts, _) in RADNET.items()}
    table = write_table(tmp_path_factory.mktemp("t") / "t.csv", lines_of(counts, positives=44, negatives=33))
    answers = table_answers(table, level="scan", findings=["any"])
    known = known_sources(answers)
    asked = named_sources(["model:radnet", "model:*", "reader:*"], known)
    question = SourceQuestion(reference_named("report", known), asked, replicates=300)
    return compare_sources(answers, question)[0]


@pytest.mark.parametrize("source", RADNET)
def test_radnets_tables_to_the_printed_digit(radnet: SourceComparison, source: str) -> None:
    counts, printed = RADNET[source]
    (one,) = [judged for judged in radnet.judged if judged.source == source]
    assert one.counts == counts
    names = ("accuracy", "recall", "precision", "f1")
    found = {name: round(100 * one.measure(name).value, 2) for name in names}
    assert found == {n: QUIRKS.get((source, n), v) for n, v in zip(names, printed, strict=True)}
    for name in names:
        interval = one.measure(name).interval
        assert interval.low < one.measure(name).value < interval.high


def test_radnets_accuracy_reaches_from_72_to_89_percent(radnet: SourceComparison) -> None:
    model = radnet.judged[0]
    assert model.source == "model:radnet"
    accuracy, exact = model.measure("accuracy"), next(one for one in model.others if one.name == "accuracy")
    assert rows.paper_cells(radnet)[0][6] == ("81.8 %", "71.8 to 88.8")
    assert accuracy.interval.method == "wilson"
    assert (round(100 * exact.interval.low, 1), round(100 * exact.interval.high, 1)) == (71.4, 89.7)


def test_reader_three_is_counted_on_71_of_77_scans_like_everybody_else(radnet: SourceComparison) -> None:
    cases = {one.source: (one.cases, one.unanswered) for one in radnet.judged}
    assert cases.pop("reader:3") == (71, 6)
    assert set(cases.values()) == {(77, 0)}
    model = radnet.judged[0]
    assert model.measure("auc") is None  # only yes and no are known of it
    to_three = next(pair for pair in radnet.pairs if pair.second == "reader:3")
    assert to_three.cases == 71
    assert "reader:3: 6 not answered." in rows.notes(radnet)


def test_no_reader_differs_from_radnet_beyond_chance(radnet: SourceComparison) -> None:
    """What a point value hides: on 77 scans no difference in accuracy from any reader is shown."""
    p_values = [
        d.difference.adjusted_p
        for pair in radnet.pairs
        if pair.second.startswith("reader:")
        for d in pair.differences
        if d.difference.name == "accuracy"
    ]
    assert len(p_values) == 3
    assert min(p_values) > 0.05


def test_heterogeneous_labels_from_its_counts() -> None:
    from bregma.evaluation.sources.table_figures import count_figures

    figures = {one.name: one for one in count_figures(Counts(13_266, 2_461, 5_341, 106_932))}
    assert [round(figures[name].value, 2) for name in ("precision", "recall", "f1")] == [0.84, 0.71, 0.77]
    accuracy = figures["accuracy"]
    assert round(100 * accuracy.value, 1) == 93.9
    assert (round(100 * accuracy.interval.low, 1), round(100 * accuracy.interval.high, 1)) == (93.8, 94.0)


def answers(values: list[list[float]], *sources: str, patients=None, facts=None) -> Answers:
    cases = len(values[0])
    patients, facts = patients or [f"p{i}" for i in range(cases)], facts or [{}] * cases
    return Answers(
        "scan",
        "any",
        tuple(CaseFacts(f"c{i:02d}", patients[i], facts[i]) for i in range(cases)),
        sources,
        np.array(values, dtype=float),
    )


def majority(*readers: str) -> Reference:
    return Reference(Rule.MAJORITY, readers)


def test_a_reader_is_held_against_the_others_and_a_model_against_all() -> None:
    said = answers(
        [[1, 1, 0, 0, 0, 1], [1, 1, 1, 0, 0, 0], [1, 0, 1, 0, NAN, 1], [1, 1, 0, 1, 0, 1]],
        "reader:a", "reader:b", "reader:c", "model:m",
    )  # fmt: skip
    asked = SourceQuestion(majority("reader:a", "reader:b", "reader:c"), ("model:m", "reader:a"), replicates=200)
    (found,) = compare_sources([said], asked)
    model, reader = found.judged
    assert model.reference == "majority of reader:a, reader:b, reader:c"
    assert model.counts == Counts(3, 1, 1, 1)  # truth 1 1 1 0 0 1
    assert reader.reference == "majority of reader:b, reader:c"
    assert (reader.cases, reader.unknown) == (4, 2)  # b and c differ on the second and the last
    assert reader.counts == Counts(1, 0, 1, 2)
    assert (found.reference.positive, found.reference.negative, found.reference.unknown) == (4, 2, 0)
    (pair,) = found.pairs
    assert pair.reference == "majority of reader:b, reader:c"
    assert found.readers is None  # one reader agrees with nobody


def test_who_makes_the_reference_alone_cannot_be_judged() -> None:
    said = answers([[1, 0], [1, 1]], "reader:a", "reader:b")
    alone = SourceQuestion(Reference(Rule.SOURCE, ("reader:a",)), ("reader:a",))
    with pytest.raises(RequestError, match="reader:a cannot be held against reader:a"):
        compare_sources([said], alone)
    both = SourceQuestion(majority("reader:a", "reader:b"), ("reader:a", "reader:b"), replicates=100)
    (found,) = compare_sources([said], both)
    assert "it is made of the same reads" in found.pairs[0].reason
    assert any(note.startswith("reader:b and reader:a: ") for note in rows.notes(found))
    latent = SourceQuestion(Reference(Rule.LATENT, ("reader:a", "reader:b", "c")), ("c",))
    with pytest.raises(RequestError, match="2 others would be left, and a latent reference needs 3"):
        compare_sources([answers([[1, 0], [1, 1], [1, 0]], "c", "reader:a", "reader:b")], latent)


def test_nothing_in_common_is_an_error_and_between_two_a_reason() -> None:
    said = answers([[1, 0, 1, NAN], [1, NAN, NAN, 0], [NAN, 0, 1, NAN]], "report", "a", "b")
    both = SourceQuestion(Reference(Rule.SOURCE, ("report",)), ("a", "b"), replicates=100)
    (found,) = compare_sources([said], both)
    assert found.pairs[0].reason == "there is no case that both answered and the reference knows"
    nobody = answers([[1, NAN], [NAN, 0]], "report", "a")
    with pytest.raises(RequestError, match="a and report know 'any' of no scan in common"):
        compare_sources([nobody], SourceQuestion(Reference(Rule.SOURCE, ("report",)), ("a",)))


def graded(cases: int = 120, *, slices: int = 1, seed: int = 1) -> Answers:
    """Two models that score, a reader and a report, on patients with one case or several, from two sites."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.random(cases // slices) < 0.4, slices)
    scores = 1 / (1 + np.exp(-(rng.normal(size=(2, cases)) + 2.0 * truth - np.array([[1.0], [0.6]]))))
    reader = truth ^ (rng.random(cases) < 0.1)
    patients = [f"p{i // slices}" for i in range(cases)]
    facts = [{"age": 20 + i % 70, "site": "ab"[i % 2]} for i in range(cases)]
    values = [scores[0], scores[1], reader, truth]
    return answers([list(row) for row in values], "model:x", "model:y", "reader:a", "report", patients=patients,
                   facts=facts)  # fmt: skip


REPORT = Reference(Rule.SOURCE, ("report",))
SOURCES = ("model:x", "model:y", "reader:a")


def test_scores_have_areas_operating_points_and_curves_and_reads_do_not() -> None:
    said = graded()
    question = SourceQuestion(REPORT, SOURCES, replicates=200, prevalence=0.1, scans_per_day=50, subgroups=("age",))
    (found,) = compare_sources([said], question)
    model, _, reader = found.judged
    assert model.measure("auc").value == pytest.approx(roc_auc_score(said.of("report"), said.of("model:x")))
    assert model.measure("auc").interval.method == "delong"
    assert [one.interval.method for one in model.others if one.name == "auc"] == [METHOD]
    assert set(model.graded.by_site) == {"a", "b"}
    assert len(model.graded.decisions) == 19
    assert reader.measure("auc") is None
    assert reader.graded is None
    assert [m.name for m in reader.day.measures] == ["true_alerts", "false_alerts", "missed"]
    assert {one.name for one in reader.subgroups} == {"18 to 40", "40 to 65", "65 to 80", "80 to 120"}
    assert sum(one.counts.cases for one in reader.subgroups) == 120
    assert any("too few cases" in note for one in reader.subgroups for note in one.warnings)
    names = {d.difference.name for d in found.pairs[0].differences}
    assert {"auc", "brier", "accuracy"} <= names
    assert "auc" not in {d.difference.name for d in found.pairs[1].differences}


def test_shares_of_independent_cases_differ_by_mcnemar() -> None:
    said = graded()
    (found,) = compare_sources([said], SourceQuestion(REPORT, SOURCES, replicates=200, all_pairs=True))
    assert [(p.first, p.second) for p in found.pairs] == [
        ("model:x", "model:y"), ("model:x", "reader:a"), ("model:y", "reader:a"),
    ]  # fmt: skip
    truth = said.of("report") == 1
    right = [(said.of(name) >= 0.5) == truth for name in SOURCES]
    tested = next(d for d in found.pairs[1].differences if d.difference.name == "accuracy")
    only_model, only_reader = int((right[0] & ~right[2]).sum()), int((right[2] & ~right[0]).sum())
    assert tested.test == "mcnemar, mid-p"
    assert tested.difference.p == mid_p(only_model, only_reader)
    assert tested.difference.value == pytest.approx((only_reader - only_model) / 120)
    family = [d.difference for pair in found.pairs for d in pair.differences if d.difference.name == "accuracy"]
    assert [one.adjusted_p for one in family] == pytest.approx(holm([one.p for one in family]))


def test_patients_with_several_cases_are_drawn_again() -> None:
    said = graded(240, slices=6)
    (found,) = compare_sources([said], SourceQuestion(REPORT, SOURCES, replicates=200, prevalence=0.1))
    model = found.judged[0]
    assert not model.independent
    methods = {m.name: m.interval.method for m in model.measures if m.interval}
    assert methods.pop("auc") == "newcombe, method 5, over patients"  # 14 of 40 patients have the finding
    assert {methods.pop(name) for name in ("accuracy", "recall", "specificity", "precision")} == {
        "wilson over patients"
    }
    assert {methods.pop(name) for name in ("brier", "log_loss")} == {"studentised patient bootstrap"}
    assert methods.pop("average_precision") == "logit, patient bootstrap"
    assert set(methods.values()) == {METHOD}
    assert [(one.name, one.interval.method) for one in model.others] == [("auc", METHOD)]
    tests = {d.difference.name: d.test for d in found.pairs[0].differences}
    assert tests["accuracy"] == METHOD
    assert tests["auc"] == "delong over patients"
    assert any("patients have several cases" in note for note in rows.notes(found))


def test_a_share_of_all_cases_of_few_patients_has_wilsons_interval_over_them() -> None:
    said = answers([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1]], "report", "a", patients=["p", "p", "q", "q", "r", "r"])
    (found,) = compare_sources([said], SourceQuestion(REPORT, ("a",), replicates=100))
    recall = found.judged[0].measure("recall")
    assert (recall.value, recall.interval.method) == (1.0, "wilson over patients")
    assert recall.interval.low == wilson(1, 1).low
    assert any("only 3 patients: they are too narrow" in note for note in rows.notes(found))


def test_order_of_cases_does_not_matter() -> None:
    said = graded()
    order = np.random.default_rng(5).permutation(120)
    mixed = Answers(said.level, said.finding, tuple(said.cases[i] for i in order), said.sources, said.values[:, order])
    question = SourceQuestion(REPORT, SOURCES, replicates=100)
    (one,), (other,) = compare_sources([said], question), compare_sources([mixed], question)
    for first, second in zip(one.judged, other.judged, strict=True):
        assert first.counts == second.counts
        assert [m.value for m in first.measures] == pytest.approx([m.value for m in second.measures])


def test_one_case_of_a_kind_has_no_delong() -> None:
    said = answers([[1, 0, 0, 0], [0.9, 0.2, 0.3, 0.4], [0.8, 0.3, 0.3, 0.9]], "report", "x", "y")
    (found,) = compare_sources([said], SourceQuestion(REPORT, ("x", "y"), replicates=100))
    assert found.judged[0].measure("auc").interval == newcombe_auc(1.0, 1, 3)
    assert "auc" not in {one.name for one in found.judged[0].others}  # resampled, it is always 1
    auc = next(d for d in found.pairs[0].differences if d.difference.name == "auc")
    assert auc.difference.reason == "auc needs two patients of each kind"


def test_one_kind_of_case_only_says_why_there_is_no_figure() -> None:
    said = answers([[1, 1, 1], [1, 0, 1], [1, 1, 0]], "report", "x", "y")
    (found,) = compare_sources([said], SourceQuestion(REPORT, ("x", "y"), replicates=100))
    by_name = {d.difference.name: d.difference for d in found.pairs[0].differences}
    assert by_name["specificity"].reason == "specificity is undefined for one of the two"
    assert by_name["recall"].p == pytest.approx(mid_p(1, 1))
    assert any("specificity is undefined: there is no negative case" in note for note in rows.notes(found))


def test_the_page_and_the_json_hold_everything() -> None:
    question = SourceQuestion(
        REPORT, SOURCES, replicates=200, prevalence=0.1, scans_per_day=50, subgroups=("age",), all_pairs=True
    )
    found = compare_sources([graded()], question)
    html = sources_page(found, question)
    for words in ("Subgroups", "Operating points", "p (Holm)", "Cohen&#39;s kappa", "Net benefit of model:x"):
        assert words in html
    assert html.count("data:image/png") == 1 + 5 + 1 + 4
    assert "http" not in html.replace("http-equiv", "")
    document = json.loads(json.dumps(sources_document(found, question)))
    (finding,) = document["findings"]
    assert finding["judged"][0]["counts"] == {
        name: getattr(found[0].judged[0].counts, name) for name in ("tp", "fp", "fn", "tn")
    }
    assert finding["pairs"][0]["differences"][0]["difference"]["name"] == "auc"
    assert document["question"]["sources"] == list(SOURCES)


def test_nothing_is_cut_off_a_picture_and_differences_stand_in_digits() -> None:
    """The outermost pixels are background, however long the names; a name too long loses its middle."""
    said = graded()
    names = {name: f"{name}:densenet40_attention-with-a-name-that-goes-on:2026" for name in ("model:x", "model:y")}
    sources = tuple(names.get(one, one) for one in said.sources)
    longer = Answers(said.level, said.finding, said.cases, sources, said.values)
    question = SourceQuestion(REPORT, (*names.values(), "reader:a"), replicates=100, all_pairs=True)
    (found,) = compare_sources([longer], question)
    assert found.agreement is not None
    drawn = [pictures.forest_picture(found, name) for name in ("accuracy", "auc")]
    for png in (*drawn, pictures.agreement_picture(found.agreement, "any"), pictures.roc_picture(found)):
        grey = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        assert min(edge.min() for edge in (grey[0], grey[-1], grey[:, 0], grey[:, -1])) == 255
        assert grey.min() < 60
    short = pictures.short(names["model:x"])
    assert len(short) <= pictures.LONGEST
    assert (short[:7], short[-4:]) == ("model:x", "2026")
    assert pictures.short("reader:a") == "reader:a"


def test_rows_for_the_terminal() -> None:
    question = SourceQuestion(REPORT, SOURCES, replicates=200, prevalence=0.1, scans_per_day=50)
    (found,) = compare_sources([graded()], question)
    paper = rows.paper_rows(found)
    assert [row[0] for row in paper] == list(SOURCES)
    share = wilson(found.judged[0].counts.tp + found.judged[0].counts.tn, 120)
    assert f"({100 * share.low:.1f} to {100 * share.high:.1f})" in paper[0][6]
    assert paper[2][-1] == "-"
    assert {row[1] for row in rows.day_rows(found)} == {"50"}
    assert len(rows.confusion_rows(found)) == 3
    assert all(len(row) == len(rows.POINT_HEADER) for row in rows.point_rows(found))
    assert all(len(row) == len(rows.FIGURE_HEADER) for row in rows.figure_rows(found))
    assert all(len(row) == len(rows.AGREEMENT_HEADER) for row in rows.agreement_rows(found))


def test_words_for_references_and_thresholds() -> None:
    known = ("model:x", "reader:a", "reader:b", "reader:c", "report")
    assert reference_named("majority", known) == majority("reader:a", "reader:b", "reader:c")
    assert reference_named("reader:a", known) == Reference(Rule.SOURCE, ("reader:a",))
    assert reference_named("adjudicated:reader:c", known) == Reference(
        Rule.ADJUDICATED, ("reader:a", "reader:b"), "reader:c"
    )
    assert reference_named("consensus", known, ("report", "reader:a")).readers == ("report", "reader:a")
    assert thresholds_of(["model:x=0.3", "0.6"], ("model:x", "report")) == {"model:x": 0.3, "report": 0.6}


@pytest.mark.parametrize("words", ["majorty", "adjudicated", "majority:reader:a", "adjudicated:nobody"])
def test_a_reference_that_means_nothing_is_an_error(words: str) -> None:
    with pytest.raises(RequestError, match="there is no reference"):
        reference_named(words, ("reader:a", "reader:b"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: reference_named("majority", ("report",)), "nobody makes the reference"),
        (lambda: thresholds_of(["x=much"], ("x",)), "'x=much' is no number"),
        (lambda: thresholds_of(["y=0.3"], ("x",)), "names no source"),
        (lambda: SourceQuestion(REPORT, ()), "no source to judge"),
        (lambda: SourceQuestion(REPORT, ("a",), scans_per_day=10), "mean nothing without a prevalence"),
        (lambda: SourceQuestion(REPORT, ("a",), specificity=1.0), "specificity is 1"),
        (lambda: named_sources(["model:*"], ("reader:a",)), "there is no source 'model:\\*'"),
        (lambda: named_sources(["reader:b"], ("reader:a",)), "did you mean 'reader:a'"),
        (lambda: graded().of("reader:b"), "'reader:b' said nothing about 'any' at level scan; did you mean"),
    ],
)
def test_what_cannot_be_asked_is_an_error(make, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()
