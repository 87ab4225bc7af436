"""The documentation says what is there, and all of it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import typer.main

from bregma.cli.app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
COMMANDS_PAGE = DOCS / "commands.md"


def commands() -> dict[str, set[str]]:
    """Every command with its arguments and options, as the program knows them."""
    found: dict[str, set[str]] = {}

    def walk(words: str, command: object) -> None:
        inner = getattr(command, "commands", None)
        if inner is not None:
            for name, each in inner.items():
                walk(f"{words} {name}", each)
            return
        names: set[str] = set()
        for parameter in command.params:  # type: ignore[attr-defined]
            if parameter.param_type_name == "argument":
                names.add(parameter.name.upper())
            elif parameter.name != "help":
                names.update(parameter.opts)
        found[words] = names

    walk("bregma", typer.main.get_command(app))
    return found


def sections() -> dict[str, str]:
    parts = COMMANDS_PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(sections()) == set(commands())


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_is_documented_and_every_documented_option_exists(command: str) -> None:
    section = sections()[command]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {word for row in rows for word in re.findall(r"`([^`]+)`", row)} == commands()[command]


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_section_has_an_example(command: str) -> None:
    assert f"```sh\n{command}" in sections()[command]


def test_the_options_of_the_program_itself_are_documented() -> None:
    beginning = COMMANDS_PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    for option in ("--version", "--verbose", "--help"):
        assert f"`{option}`" in beginning


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    targets = [link.partition("#")[0] for link in links if "://" not in link]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert missing == []


def test_decisions_are_numbered_in_order() -> None:
    names = sorted(page.name for page in (DOCS / "decisions").iterdir())
    for number, name in enumerate(names, start=1):
        assert re.fullmatch(rf"{number:04d}-[a-z0-9]+(-[a-z0-9]+)*\.md", name)
        title = (DOCS / "decisions" / name).read_text(encoding="utf-8").partition("\n")[0]
        assert re.match(rf"# 0*{number}\. \S", title), f"{name} begins with {title!r}"


def flowing() -> list[tuple[str, str]]:
    """(class, module) of every type in the table "What flows"."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## What flows")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w, ]+) \| ([\w/]+) \|", table, flags=re.MULTILINE)
    return [
        (name, f"bregma.{home.replace('/', '.')}")
        for names, home in rows
        if names != "type"
        for name in names.split(", ")
    ]


@pytest.mark.parametrize(("name", "module"), flowing())
def test_what_flows_lives_where_the_architecture_says(name: str, module: str) -> None:
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_every_network_and_recipe_stands_where_each_paper_lives() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## Where each paper lives")[1].split("\n## ")[0]
    package = ROOT / "src" / "bregma"
    assert set(re.findall(r"`(\w+)`", table)) == {recipe.stem for recipe in (package / "recipes").rglob("*.toml")}
    files = re.findall(r"\b[a-z]+/\w+\.py\b", table)
    assert [name for name in files if not (package / name).is_file()] == []
    assert {"networks/radnet.py", "networks/slice_classifier.py", "networks/slice_set.py", "networks/sequence.py"} <= {
        *files
    }


def test_every_data_set_stands_in_the_readme() -> None:
    from bregma.catalogue.importers.by_name import IMPORTERS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in IMPORTERS if name not in text] == []


def test_glossary_words_are_there_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (DOCS / "glossary.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(words) == len(set(words))
    assert {"scan score", "counted"} <= set(words)


def test_codes_are_sought_in_the_table_of_codes() -> None:
    sources = sorted((ROOT / "src" / "bregma").rglob("*.py"))
    sending = re.compile(r"(?:word|code)s? (?:from|in)[^.]*docs/contract\.md")
    assert [source.name for source in sources if sending.search(source.read_text(encoding="utf-8"))] == []


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert "make demo" in text
    assert "make test" in text
