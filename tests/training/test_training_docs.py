"""Every recipe and every key is in docs/recipes.md, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

from bregma.training.recipe import recipe_names
from bregma.training.sections import Recipe, Section

DOCS = Path(__file__).parents[2] / "docs"


def keys_of(section: type[Section], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, field in section.model_fields.items():
        inner = field.annotation
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
