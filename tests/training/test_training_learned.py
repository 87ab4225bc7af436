"""What a step came to: which answers are counted as right, by hand."""

from __future__ import annotations

import math
from typing import Any

import torch

from bregma.networks.batch import Outputs
from bregma.training.checkpoint import Position
from bregma.training.curves import read_rows
from bregma.training.learned import Learned, learned
from bregma.training.loop import fit
from bregma.training.partial import Partial, Targets
from bregma.training.recipe import load_recipe
from bregma.training.train import Run, prepare_job


def partial(value: list[list[float]], known: list[list[bool]]) -> Partial:
    return Partial(torch.tensor([value]), torch.tensor([known]))


def test_known_pairs_of_a_slice_and_a_finding_are_asked_once() -> None:
    """Three slices, two findings. Known: yes called yes, no called no, two thirds called no; one half is not asked."""
    logits = torch.tensor([[[2.0, -1.0], [-0.5, 3.0], [0.0, 9.0]]], requires_grad=True)
    target = partial([[1.0, 0.0], [2 / 3, 0.5], [0.0, 0.0]], [[True, True], [True, True], [False, False]])
    assert learned(0.7, Outputs(slice_logits=logits), Targets(slices=target)) == Learned(0.7, right=2, asked=3)


def test_a_probability_of_one_half_is_a_yes_as_on_validation() -> None:
    target = partial([[1.0], [0.0]], [[True], [True]])
    assert learned(0.0, Outputs(slice_logits=torch.zeros(1, 2, 1)), Targets(slices=target)) == Learned(0.0, 1, 2)


def test_without_answers_or_labels_of_slices_nothing_is_asked() -> None:
    assert learned(1.0, Outputs(), Targets(slices=partial([[1.0]], [[True]]))) == Learned(1.0, 0, 0)
    assert learned(1.0, Outputs(slice_logits=torch.zeros(1, 1, 1)), Targets()) == Learned(1.0, 0, 0)


def test_an_epoch_adds_its_steps_up() -> None:
    position = Position(epoch=3).after(1, Learned(0.5, 3, 4)).after(2, Learned(0.25, 0, 4))
    assert (position.epoch, position.step, position.loss, position.accuracy) == (3, 2, 0.75, 3 / 8)
    assert math.isnan(Position().accuracy)


def test_the_log_has_the_accuracy_of_both_parts(drawn_library: Any, tmp_path: Any) -> None:
    recipe = load_recipe(
        "densenet40",
        {
            "preprocessing.pixel_mm": 8,
            "network.growth": 2,
            "network.layers": 1,
            "network.hidden": 3,
            "network.branch": 2,
            "optimizer.epochs": 1,
        },
    )
    run = Run(tmp_path / "run", device="cpu", threads=1)
    run.folder.mkdir()
    fit(prepare_job(recipe, drawn_library, run))
    (row,) = read_rows(run.folder)
    assert 0 <= row["train_accuracy"] <= 1
    assert 0 <= row["slice_accuracy"] <= 1
