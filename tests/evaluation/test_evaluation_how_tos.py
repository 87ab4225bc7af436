"""The Python on the how-to pages about readers, lesions and worklists runs, and says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bregma.evaluation.localisation.froc import RATES
from bregma.evaluation.localisation.marks import WITHIN_MM
from bregma.evaluation.mrmc.covariance import COVARIANCES, REPLICATES
from bregma.evaluation.mrmc.table import COLUMNS

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = ("reader-study.md", "lesions-and-masks.md", "worklist.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_python_examples_run(page: str) -> None:
    examples = re.findall(r"```python\n(.*?)```", (FOLDER / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for code in examples:
        exec(compile(code, page, "exec"), {})


def test_the_pages_name_what_the_code_names() -> None:
    study, lesions = ((FOLDER / page).read_text(encoding="utf-8") for page in PAGES[:2])
    for column in COLUMNS:
        assert f"| {column} |" in study
    for name in COVARIANCES:
        assert f"`--covariance {name}`" in study
    assert f"{REPLICATES:,} times" in study
    assert f"at most {WITHIN_MM:g} mm" in lesions
    assert f"`lesions_found_at_{RATES[1]:g}`" in lesions
