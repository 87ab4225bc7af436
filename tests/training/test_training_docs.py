"""Every recipe and every key is in docs/recipes.md, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from bregma.training import checkpoint, curves, train, validation
from bregma.training.anatomy_recipe import AnatomyRecipe, anatomy_recipe_names
from bregma.training.network_sections import Section
from bregma.training.recipe import Recipe, load_recipe, recipe_names
from bregma.training.sections import OptimizerSection
from bregma.training.tumour_recipe import TumourRecipe, tumour_recipe_names

DOCS = Path(__file__).parents[2] / "docs"


def keys_of(section: type[Section], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, field in section.model_fields.items():
        inner = field.annotation
        for one in get_args(inner):  # [network] is one of several sections
            if isinstance(one, type) and issubclass(one, Section):
                keys |= keys_of(one, f"{name}.")
                inner = None
        if inner is None:
            continue
        is_section = isinstance(inner, type) and issubclass(inner, Section)
        keys |= keys_of(inner, f"{name}.") if is_section else {f"{prefix}{name}"}
    return keys


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    table = (DOCS / "recipes.md").read_text().split("## Keys")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", table, flags=re.MULTILINE))
    assert documented == keys_of(Recipe)


def test_every_recipe_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text()
    assert [name for name in recipe_names() if f"| `{name}` |" not in text] == []


def test_the_changes_of_recipes_in_the_how_to_are_possible() -> None:
    changes = re.findall(r"--set (\S+)", (DOCS / "how-to" / "train.md").read_text())
    assert len(changes) >= 3
    assert load_recipe("radnet", changes).optimizer.epochs == 1


def test_the_how_to_names_every_file_that_a_run_leaves() -> None:
    text = (DOCS / "how-to" / "train.md").read_text()
    files = (train.IDENTITY, train.RECIPE, curves.LOG, checkpoint.LAST, checkpoint.BEST, validation.SCORES)
    assert [name for name in files if f"`{name}`" not in text] == []
    assert f"`{train.PACKAGE}/`" in text


def test_every_recipe_and_key_of_places_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text().split("## Where a lesion is")[1].split("\n## ")[0]
    assert [name for name in anatomy_recipe_names() if f"| `{name}` |" not in text] == []
    documented = set(re.findall(r"^\| `(\w+\.\w+)` \|", text, flags=re.MULTILINE))
    inner = {"name", "window.center", "window.width"}  # of the one window, which is documented as a whole
    assert documented == keys_of(AnatomyRecipe) - inner | {"regions.window"}


def test_every_recipe_and_key_of_tumours_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text().split("## Which tumours are alike")[1].split("\n## ")[0]
    assert [name for name in tumour_recipe_names() if f"| `{name}` |" not in text] == []
    documented = set(re.findall(r"^\| `(\w+\.\w+|neighbours)` \|", text, flags=re.MULTILINE))
    said_elsewhere = keys_of(OptimizerSection, "optimizer.") | {"name"}
    assert documented == keys_of(TumourRecipe) - said_elsewhere
