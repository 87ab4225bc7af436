"""The tumour recipes: the paper's numbers, the ablations, and what is wrong with a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bregma.scan.errors import RecipeError
from bregma.training.tumour_recipe import FOLDER, is_tumour_recipe, load_tumour_recipe, tumour_recipe_names


def test_every_recipe_can_be_built_and_differs_in_its_tasks_only() -> None:
    names = tumour_recipe_names()
    whole = load_tumour_recipe("tumour_multitask").model_dump()
    for name in names:
        recipe = load_tumour_recipe(name)
        assert recipe.name == name
        assert is_tumour_recipe(name)
        if name not in {"tumour_multitask", "tumour_multitask_2d"}:
            other = recipe.model_dump()
            assert {key for key in whole if whole[key] != other[key]} == {"name", "tasks"}
            left = {task for task, weight in other["tasks"].items() if weight}
            task = name.rpartition("_")[2]
            assert left == ({task} if "only" in name else set(whole["tasks"]) - {task})
    assert {f"tumour_{kind}_{task}" for kind in ("only", "without") for task in whole["tasks"]} <= set(names)


def test_the_paper_s_numbers_are_those_of_the_paper() -> None:
    recipe = load_tumour_recipe("tumour_multitask")
    rates = [recipe.optimizer.rate_at(epoch) for epoch in (0, 89, 90, 104, 105, 119)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert (recipe.patches.size, recipe.patches.steps, recipe.optimizer.epochs) == (2, 200, 120)
    assert recipe.optimizer.nesterov
    assert recipe.network.width == 64


def test_every_number_of_every_recipe_says_whose_it_is() -> None:
    for path in FOLDER.glob("*.toml"):
        for line in path.read_text().splitlines():
            if " = " in line and not line.startswith(("#", "name", "  ")):
                assert "(p)" in line or "(o)" in line, f"{path.name}: {line}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["network.widht=3"], "did you mean 'width'"),
        (["network.down=[3, 4, 4]"], "down"),
        (["view.patch=[0, 1, 1]"], "patch is"),
        (["tasks.mask=0.0"], "nothing to learn from"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(changes: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_tumour_recipe("tumour_only_mask", changes)


def test_a_recipe_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'tumour_multitask'"):
        load_tumour_recipe("tumour_multitaks")
    own = tmp_path / "own.toml"
    own.write_text("[tasks]\n")
    assert is_tumour_recipe(own)
    assert not is_tumour_recipe("radnet")
