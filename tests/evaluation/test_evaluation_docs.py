"""The how-to says what the code does."""

import re
from pathlib import Path

import pytest

from bregma.evaluation.bootstrap import METHOD, REPLICATES
from bregma.evaluation.measure import OVER_PATIENTS
from bregma.evaluation.metrics import PROPORTIONS
from bregma.evaluation.table import TITLES

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "evaluate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("title", TITLES.values())
def test_every_figure_is_explained(title: str) -> None:
    assert re.search(rf"^\| {re.escape(title)} \|", TEXT, re.MULTILINE)


def test_reasons_and_methods_are_named_as_the_code_names_them() -> None:
    for figure in PROPORTIONS:
        assert f"| {figure.unless} |" in TEXT
    assert f'"{METHOD}"' in TEXT
    assert f'"{OVER_PATIENTS}"' in TEXT
    assert f"{REPLICATES:,} times" in TEXT


def test_the_python_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "evaluate.md", "exec"), {})
