"""Figures of the validation part, thresholds and the card, where slices are known, only scans are, or nothing is."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bregma.models.aggregate import Rule
from bregma.networks.batch import Batch, Outputs
from bregma.training.card import Origin, make_card
from bregma.training.cases import Cases, cases_of
from bregma.training.curves import read_rows, write_row
from bregma.training.devices import choose_machine
from bregma.training.losses import Targets
from bregma.training.make_network import make_network
from bregma.training.partial import Partial
from bregma.training.recipe import load_recipe
from bregma.training.sampling import TrainingScan
from bregma.training.sections import LossSection
from bregma.training.thresholds import Choice, choose
from bregma.training.validation import SCORES, Answers, answer, figures_of, log_loss, standing, write_scores

D, FINDINGS = 5, ("any", "subdural")
ONE_SLICE = Rule(run_slices=1, run_mm=1.0)
LN3 = math.log(3)


def scan(slices: Any, whole: Any = None) -> TrainingScan:
    """Rows of slices and one row of the scan, K numbers each, None where nobody knows."""
    values = np.full((D, len(FINDINGS)), np.nan) if slices is None else np.array(slices, dtype=float)
    over = np.array([None, None] if whole is None else whole, dtype=float)
    return TrainingScan(
        "1.2.3",
        np.nan_to_num(values).astype(np.float32),
        np.isfinite(values),
        np.zeros(D, dtype=np.bool_),
        np.nan_to_num(over).astype(np.float32),
        np.isfinite(over),
        "none",
    )


def answers(*tops: tuple[float, float]) -> tuple[np.ndarray, ...]:
    """Per scan the logits of its middle slice; all others say -9."""
    said = np.full((len(tops), D, 2), -9.0, np.float32)
    said[:, 2] = tops
    return tuple(said)


@pytest.fixture
def records(drawn_library: Any) -> Any:
    return drawn_library.scans("default", "validation")


@pytest.fixture
def recipe() -> Any:
    changes = {"findings": list(FINDINGS), "rule.run_slices": 1}
    return load_recipe("densenet40", changes)


def cases(slices: str, scans: str = "") -> Cases:
    """From "0" and "1": truths, and logits that are right (+-ln 3)."""

    def truth(text: str) -> np.ndarray:
        return np.array([one == "1" for one in text], dtype=np.bool_)

    return Cases(np.where(truth(slices), LN3, -LN3), truth(slices), truth(scans) * 0.8 + 0.1, truth(scans))


def test_cases_are_the_known_slices_and_the_known_scans(records: Any) -> None:
    scans = [
        scan([[0, 0], [0, None], [1, None], [0, 1], [0, None]], [1, 1]),
        scan(None, [1, None]),
        scan([[0, None]] + [[None, None]] * 4),
        scan(None, [0, 0]),
    ]
    logits = answers((2, 1), (3, 0), (4, 0), (-1, 0))
    first = cases_of(logits, scans, records, ONE_SLICE)
    assert first.slice_truth.tolist() == [False, False, True, False, False, False]
    assert first.slice_logits.tolist() == [-9, -9, 2, -9, -9, -9]
    assert first.scan_truth.tolist() == [True, True, False]  # of the third only one slice was looked at
    assert first.scan_scores == pytest.approx([1 / (1 + math.exp(-x)) for x in (2, 3, -1)], abs=1e-6)
    second = cases_of(logits, scans, records, ONE_SLICE, finding=1)
    assert (second.slice_truth.tolist(), second.scan_truth.tolist()) == ([False, True], [True, False])


def test_what_two_readers_contradict_each_other_in_is_no_case(records: Any) -> None:
    """One half is neither a bleed nor none; two of three readers are a bleed, as in an evaluation."""
    scans = [scan([[0.5, 0], [1 / 3, 0], [2 / 3, 0], [0, 0], [0, 0]], [0.5, 0]), scan(None, [2 / 3, 0])]
    found = cases_of(answers((2, 1), (3, 0)), scans, records[:2], ONE_SLICE)
    assert found.slice_truth.tolist() == [False, True, False, False]
    assert found.scan_truth.tolist() == [True]


def test_figures_by_hand() -> None:
    """Right answers at p = 3/4 cost ln(4/3) each; one wrong one of `any` costs ln 4; `any` counts twice.

    The accuracy is over the four pairs of a slice and a finding, of which three are answered rightly."""
    first = Cases(np.array([LN3, LN3]), np.array([True, False]), np.array([0.9, 0.6]), np.array([True, False]))
    figures = figures_of([first, cases("10")], FINDINGS, ONE_SLICE)
    any_loss, other = (math.log(4 / 3) + math.log(4)) / 2, math.log(4 / 3)
    assert figures == pytest.approx(
        {
            "slice_auc": 0.5,
            "slice_accuracy": 0.75,
            "slice_log_loss": (2 * any_loss + other) / 3,
            "scan_auc": 1.0,
            "scan_accuracy": 0.5,
        }
    )


def test_a_finding_of_which_no_slice_is_known_does_not_count() -> None:
    assert log_loss([cases(""), cases("10")], FINDINGS) == pytest.approx(math.log(4 / 3))
    figures = figures_of([cases(""), cases("")], FINDINGS, ONE_SLICE)
    assert all(math.isnan(value) for value in figures.values())


@pytest.mark.parametrize(
    ("slices", "scans", "best", "expected"),
    [
        ("10", "10", "slice_auc", 0.7),
        ("10", "10", "slice_accuracy", 0.8),
        ("10", "10", "slice_log_loss", -0.4),
        ("10", "10", "loss", -0.3),
        ("00", "10", "slice_accuracy", 0.6),  # always no would be right of every slice
        ("", "10", "slice_auc", 0.6),
        ("", "11", "slice_accuracy", -0.3),
        ("11", "", "slice_auc", -0.3),
        ("11", "10", "slice_log_loss", 0.6),
    ],
)
def test_the_figure_that_decides(slices: str, scans: str, best: str, expected: float) -> None:
    row = {"slice_auc": 0.7, "slice_accuracy": 0.8, "slice_log_loss": 0.4, "scan_auc": 0.6, "loss": 0.3}
    assert standing(row, best, cases(slices, scans)) == expected


def test_any_is_at_least_as_likely_as_the_likeliest_subtype() -> None:
    said = torch.tensor([[[1.0, 2.0], [3.0, -1.0]]])
    inputs: Any = SimpleNamespace(
        scans=[None], whole=lambda _: (Batch(torch.zeros(1, 2, 1, 4, 4), torch.ones(1, 2, dtype=torch.bool)), Targets())
    )

    class Says(torch.nn.Module):
        def forward(self, _batch: Batch) -> Outputs:
            return Outputs(said)

    network = Says()
    section = LossSection(slice=1.0, slice_kind="cross_entropy")
    given = answer(network, inputs, choose_machine("cpu", "fp32"), section, FINDINGS)
    assert given.logits[0].tolist() == [[2.0, 2.0], [3.0, -1.0]]
    assert math.isnan(given.loss)
    assert network.training


def test_a_scan_of_which_nothing_is_known_does_not_lower_the_loss() -> None:
    """Two scans of one slice and one finding, logit 0: the loss of the labelled one is log 2, and so is the mean."""
    known = Partial(torch.ones(1, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool))
    unknown = Partial(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.bool))
    batch = Batch(torch.zeros(1, 1, 1, 4, 4), torch.ones(1, 1, dtype=torch.bool))
    inputs: Any = SimpleNamespace(
        scans=[None, None], whole=lambda index: (batch, Targets(slices=(known, unknown)[index]))
    )

    class Silent(torch.nn.Module):
        def forward(self, _batch: Batch) -> Outputs:
            return Outputs(torch.zeros(1, 1, 1))

    section = LossSection(slice=1.0, slice_kind="cross_entropy")
    given = answer(Silent(), inputs, choose_machine("cpu", "fp32"), section, ("any",))
    assert given.loss == pytest.approx(math.log(2))


LABELLED = [[0, 0], [0, 0], [1, 1], [0, 0], [0, 0]], [1, 1]
CLEAR = [[0, 0]] * D, [0, 0]


def chosen(scans: list[TrainingScan], records: Any, recipe: Any) -> Choice:
    return choose(Answers(answers((2, 1), (3, 2), (-4, -5), (-3, -6)), 0.0), scans, records, recipe)


def test_every_finding_has_points_at_both_levels(records: Any, recipe: Any) -> None:
    choice = chosen([scan(*LABELLED), scan(*LABELLED), scan(*CLEAR), scan(*CLEAR)], records, recipe)
    assert [(one.finding, one.level, one.name) for one in choice.points] == [
        (finding, level, name) for finding in FINDINGS for level in ("slice", "scan") for name in ("sensitive", "f1")
    ]
    assert choice.fitted_on == "slices"
    point = choice.point("f1", "scan", "any")
    assert point is not None
    assert choice.rule.threshold == point.threshold
    assert choice.point("f1", "lesion", "any") is None
    assert all(one.sensitivity == one.specificity == 1 for one in choice.points)


def test_only_scans_labelled(records: Any, recipe: Any) -> None:
    """Absent in the scan is absent in its slices, so the known slices are all negative: scans decide everything."""
    scans = [scan(None, [1, 1]), scan(None, [1, None]), scan(CLEAR[0], [0, 0]), scan(None, [0, None])]
    choice = chosen(scans, records, recipe)
    assert (choice.fitted_on, choice.calibration.temperature < 1) == ("scans", True)  # it was right and too unsure
    assert {(one.finding, one.level) for one in choice.points} == {("any", "scan"), ("subdural", "scan")}


def test_a_temperature_fitted_on_scans_undoes_too_much_confidence(records: Any, recipe: Any) -> None:
    """Of the scans called with p = 0.99 half are positive and half of those called with 0.01: a temperature so high
    that it says nothing."""
    sure = math.log(99)
    said = Answers(answers((sure, -9), (sure, -9), (-sure, -9), (-sure, -9)), 0.0)
    scans = [scan(None, [value, None]) for value in (1, 0, 1, 0)]
    assert choose(said, scans, records, recipe).calibration.temperature == pytest.approx(20, rel=0.01)


def test_nothing_labelled(records: Any, recipe: Any) -> None:
    choice = chosen([scan(None)] * 4, records, recipe)
    assert (choice.fitted_on, choice.points, choice.rule.threshold) == ("nothing", (), 0.5)
    assert choice.calibration.temperature == 1


def test_the_rule_calls_where_the_recipe_wants_it_to(records: Any, recipe: Any) -> None:
    """Scans of 2 and -4 bleed, those of 3 and -3 do not; at a specificity of 0.5 the calls may begin at 2."""
    half = recipe.model_copy(update={"rule": recipe.rule.model_copy(update={"specificity": 0.5, "point": "sensitive"})})
    scans = [scan(*LABELLED), scan(*CLEAR), scan(*LABELLED), scan(*CLEAR)]
    choice = chosen(scans, records, half)
    point = choice.point("sensitive", "scan", "any")
    assert point is not None
    assert point.specificity >= 0.5
    assert choice.rule.threshold == point.threshold
    usual = chosen(scans, records, recipe)
    highest = usual.point("f1", "scan", "any")
    assert highest is not None
    assert usual.rule.threshold == highest.threshold != point.threshold


@pytest.mark.parametrize(
    ("scans", "limit", "metrics"),
    [
        (
            [LABELLED, LABELLED, CLEAR, CLEAR],
            None,
            {(name, level) for name, level in (("AUC", "slice"), ("AUC", "scan"), ("recall", "scan"))},
        ),
        ([(None, [1, 1]), (None, [1, 1]), (None, [0, 0]), CLEAR], "fitted on whole scans", {("AUC", "scan")}),
        ([(None, None)] * 4, "uncalibrated", set()),
    ],
)
def test_the_card_says_what_was_known(scans: Any, limit: Any, metrics: Any, records: Any, recipe: Any) -> None:
    choice = chosen([scan(*one) for one in scans], records, recipe)
    job: Any = SimpleNamespace(recipe=recipe, records=records, network=make_network(recipe, seed=0))
    card = make_card(job, Origin("default", (0,), records), choice)
    assert card.summary == "Probability of a bleed and of each of these kinds per slice: subdural."
    assert len(card.limits) == 2 if limit is None else limit in card.limits[2]
    for finding in FINDINGS:
        figures = {(one.name, one.level) for one in card.metrics if one.finding == finding}
        assert figures >= metrics
        assert bool(figures) == bool(metrics)


def test_scores_of_every_finding(tmp_path: Path, records: Any) -> None:
    scans = [scan(*LABELLED), scan([[0, None]] * D), scan(*CLEAR), scan(None)]
    inputs: Any = SimpleNamespace(scans=scans)
    write_scores(tmp_path, Answers(answers((2, 1), (3, 0), (4, 0), (1, 0)), 0.0), inputs, records, FINDINGS)
    rows = list(csv.DictReader((tmp_path / SCORES).read_text().splitlines()))
    assert [rows[2][name] for name in ("truth", "logit", "truth_subdural", "logit_subdural")] == [
        "1",
        "2.00000",
        "1",
        "1.00000",
    ]
    assert (rows[7]["truth"], rows[7]["truth_subdural"]) == ("0", "")


def test_a_log_from_before_a_column_was_there_is_continued(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,rate,slice_auc\n1,0.1,0.5\n")
    write_row(tmp_path, {"epoch": 2.0, "slice_auc": 0.6, "slice_log_loss": 0.3})
    first, second = read_rows(tmp_path)
    assert (first["slice_auc"], second["slice_auc"], second["slice_log_loss"]) == (0.5, 0.6, 0.3)
    assert math.isnan(first["slice_log_loss"])
