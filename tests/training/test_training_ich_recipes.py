"""The recipe of heterogeneous labels and its arms: the paper's choices, and nothing else that differs."""

from __future__ import annotations

from typing import Any

import pytest

from bregma.scan.terms import FINDINGS
from bregma.training.recipe import load_recipe

WHOLE = "ich_heterogeneous"

ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "ich_heterogeneous_literal": (WHOLE, {"loss.smoothness_kind": "literal"}),
    "ich_mixed": (WHOLE, {"loss.smoothness": 0.0, "batches.mix": (2, 2, 0)}),
    "ich_slices": (WHOLE, {"loss.scan": 0.0, "loss.smoothness": 0.0, "batches.mix": (4, 0, 0)}),
    "ich_scans": (WHOLE, {"loss.slice": 0.0, "loss.smoothness": 0.0, "batches.mix": ()}),
    "ich_scans_mean": ("ich_scans", {"loss.scan_kind": "mean"}),
}
"""Arm -> the recipe it is an arm of, and what it changes there besides the name."""


def test_the_papers_choices() -> None:
    recipe = load_recipe(WHOLE)
    assert recipe.findings == tuple(term.name for term in FINDINGS)
    assert (recipe.network.name, recipe.network.model_dump()["backbone"]) == ("slice_set", "resnet18")
    loss = recipe.loss
    assert (loss.slice_kind, loss.scan_kind, loss.smoothness_kind) == ("focal", "max", "shuffled")
    assert min(loss.slice, loss.scan, loss.smoothness, loss.margin, *recipe.batches.mix) > 0
    assert recipe.batches.balance
    assert recipe.preprocessing.settings.channels == 3


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_differs_in_what_it_is_about_and_in_nothing_else(name: str) -> None:
    whole, changes = ARMS[name]
    expected = load_recipe(whole).model_dump()
    for key, value in changes.items():
        section, last = key.split(".")
        assert expected[section][last] != value
        expected[section][last] = value
    assert load_recipe(name).model_dump() == {**expected, "name": name}
