"""A reader study from sources: who is whom, what is left out, who may not judge, and patients with several cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bregma.evaluation.metrics import Counts
from bregma.evaluation.mrmc.analysis import analyse
from bregma.evaluation.mrmc.covariance import bootstrap, delong, jackknife
from bregma.evaluation.mrmc.inference import Factors
from bregma.evaluation.mrmc.merit import auc, sensitivity
from bregma.evaluation.mrmc.pseudovalues import pseudovalues
from bregma.evaluation.mrmc.roe_metz import LOW, simulate
from bregma.evaluation.references import Reference, Rule
from bregma.evaluation.sources.answers import Answers, CaseFacts
from bregma.evaluation.sources.reader_study import notes, study_of_sources, treatments_of
from bregma.scan.errors import RequestError

NAN = np.nan
REPORT = Reference(Rule.SOURCE, ("report",))
SAID = {
    "a": [1, 0, 1, 0, NAN, 1],
    "a+model": [1, 0, 1, 0, 1, NAN],
    "b": [0, 0, 1, 1, 1, NAN],
    "b+model": [0.9, 0.2, 0.8, 0.1, 0.7, 0.6],
    "report": [1, 0, 1, 0, NAN, NAN],
}
PAIRED = {"alone": ("a", "b"), "aided": ("a+model", "b+model")}


def answers(said: dict[str, list[float]] = SAID, slices: int = 1) -> Answers:
    cases = len(next(iter(said.values())))
    facts = tuple(CaseFacts(f"c{i}", f"p{i // slices}") for i in range(cases))
    return Answers("scan", "any", facts, tuple(said), np.array(list(said.values()), dtype=float))


def test_sources_become_readers_by_their_place_and_missing_reads_stay_missing() -> None:
    found = study_of_sources(answers(), PAIRED, REPORT)
    study = found.study
    assert (study.treatments, study.readers) == (("alone", "aided"), ("a", "b"))
    assert study.cases == ("c0", "c1", "c2", "c3")
    assert study.truth.tolist() == [True, False, True, False]
    assert study.ratings[0, 1].tolist() == [0, 0, 1, 1]
    assert study.ratings[1, 1].tolist() == [0.9, 0.2, 0.8, 0.1]
    assert (found.unknown, found.unread) == (2, 0)  # the last two were read, and the report says nothing
    assert notes(found)[1:] == [
        "Left out: 2 that were read and of which the reference has no answer.",
        "Readers under alone and aided: a is a and a+model; b is b and b+model.",
    ]


def test_a_read_that_is_missing_of_a_case_that_counts() -> None:
    said = {"a": [1, 0, NAN, 0], "b": [1, 1, 1, NAN], "report": [1, 0, 1, 0]}
    study = study_of_sources(answers(said), {"all": ("a", "b")}, REPORT).study
    read = dict(zip(study.cases, study.read[0].T.tolist(), strict=True))
    assert read == {"c0": [True, True], "c1": [True, True], "c2": [False, True], "c3": [True, False]}
    said["report"] += [1]
    said["a"] += [NAN]
    said["b"] += [NAN]
    assert study_of_sources(answers(said), {"all": ("a", "b")}, REPORT).unread == 1


def test_nested_readers_are_each_their_own() -> None:
    found = study_of_sources(answers(), {"alone": ("a",), "aided": ("b+model", "a+model")}, REPORT, nested=True)
    assert found.study.readers == ("a", "b+model", "a+model")
    assert found.study.read.any(axis=2).tolist() == [[True, False, False], [False, True, True]]
    with pytest.raises(
        RequestError, match=r"1 under 'alone', 2 under 'aided' sources; every reader needs one under each"
    ):
        study_of_sources(answers(), {"alone": ("a",), "aided": ("b+model", "a+model")}, REPORT)


@pytest.mark.parametrize(
    "reference",
    [
        Reference(Rule.SOURCE, ("a",)),
        Reference(Rule.MAJORITY, ("a", "b+model")),
        Reference(Rule.ADJUDICATED, ("b+model", "a+model"), "a"),
    ],
)
def test_nobody_is_judged_against_himself(reference: Reference) -> None:
    with pytest.raises(RequestError, match=r"a would be held against .*made of the same reads"):
        study_of_sources(answers(), {"all": ("a", "b")}, reference)


def test_a_panel_of_others_judges() -> None:
    found = study_of_sources(answers(), {"all": ("a",)}, Reference(Rule.CONSENSUS, ("b", "b+model")))
    # both say so: c1 no, c2 yes, c4 yes; they differ on c0 and c3, and b alone read c5
    assert found.study.cases == ("c1", "c2")
    assert found.study.truth.tolist() == [False, True]
    assert (found.unknown, found.unread) == (3, 1)
    assert found.reference == "consensus of b, b+model"


def test_no_case_in_common_is_an_error() -> None:
    said = {"a": [1, 0, NAN], "report": [NAN, NAN, 1]}
    with pytest.raises(RequestError, match="no scan was read and has an answer of report: 2 were read, 1 have"):
        study_of_sources(answers(said), {"all": ("a",)}, REPORT)


def test_words_for_treatments() -> None:
    known = ("a", "a+model", "b", "b+model", "report")
    assert treatments_of(["alone=a, b", "aided=a+model,b+model"], [], known) == PAIRED
    assert treatments_of([], ["b", "a*"], known) == {"all": ("b", "a", "a+model")}


@pytest.mark.parametrize(
    ("words", "sources", "message"),
    [
        (["x=a"], ["b"], "b stands beside --treatment"),
        (["a"], [], "treatment 'a' is not NAME=SOURCE,SOURCE"),
        (["x="], [], "treatment 'x=' is not"),
        (["x=a", "x=b"], [], "a treatment is named twice"),
        (["x=a", "y=a"], [], "a stands under two treatments"),
        (["x=c"], [], "there is no source 'c'"),
        ([], [], "no source is named"),
    ],
)
def test_treatments_that_mean_nothing_are_errors(words: list[str], sources: list[str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        treatments_of(words, sources, ("a", "b"))


def test_the_figure_of_one_reader_is_that_of_his_table() -> None:
    counts = Counts(tp=8, fp=3, fn=2, tn=17)
    called = [1.0] * 8 + [0.0] * 2 + [1.0] * 3 + [0.0] * 17
    said = {"a": called, "report": [1.0] * 10 + [0.0] * 20}
    study = study_of_sources(answers(said), {"all": ("a",)}, REPORT).study
    merit = sensitivity(0.5)
    found = analyse(study, jackknife(study, merit), Factors(random_readers=False), merit=merit.title)
    assert found.means[0].readers["a"].value == counts.tp / counts.positives


def test_slices_of_a_patient_are_left_out_together() -> None:
    """Every case read twice over says as much as once, when its copy is the same patient's; as another's more."""
    study = simulate(np.random.default_rng(3), LOW, readers=3, negatives=20, positives=20, aucs=(0.8, 0.9))
    copies = replace(
        study,
        cases=(*study.cases, *(f"{case} again" for case in study.cases)),
        truth=np.tile(study.truth, 2),
        ratings=np.tile(study.ratings, 2),
        patients=study.cases * 2,
    )
    once, twice = jackknife(study, auc()), jackknife(copies, auc())
    assert twice.covariance == pytest.approx(once.covariance)
    assert (twice.method, twice.cases) == ("jackknife over patients", 40)
    assert jackknife(replace(copies, patients=()), auc()).covariance[0, 0] < 0.6 * once.covariance[0, 0]
    found = analyse(copies, twice, Factors(), merit="AUC")
    assert (found.cases, found.patients) == (80, 40)
    for way in (delong, pseudovalues, lambda s, m: bootstrap(s, m, np.random.default_rng(0))):
        with pytest.raises(
            RequestError, match="80 cases are of 40 patients; take Obuchowski and Rockette's with jackknife"
        ):
            way(copies, auc())


def test_slices_know_their_patient() -> None:
    said = {"a": [1, 0, 1, 0, 1, 1], "report": [1, 0, 1, 0, 0, 1]}
    found = study_of_sources(answers(said, slices=2), {"all": ("a",)}, REPORT)
    assert found.study.patients == ("p0", "p0", "p1", "p1", "p2", "p2")
    assert "Patients have several cases: each is left out with all of his." in notes(found)
