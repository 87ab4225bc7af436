"""Every code that is said is in the table, and docs/codes.md is the table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import bregma.io
from bregma.io.codes import CODES, as_markdown
from bregma.io.find import find_scans
from bregma.scan.study import INCOMPLETE, Refusal

SOURCES = sorted(Path(bregma.io.__file__).parent.glob("*.py"))
SAYING = {"RefusedError", "Refusal", "Remark", "_aside"}


def said_in(source: Path) -> set[str]:
    """The codes that are written as the first argument of what refuses or warns."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_code_is_in_the_table(source: Path) -> None:
    assert said_in(source) <= CODES.keys()


def test_the_codes_that_make_a_scan_incomplete_exist() -> None:
    assert CODES.keys() >= INCOMPLETE


def test_the_documentation_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "codes.md"
    assert page.read_text() == as_markdown(), "write docs/codes.md anew from as_markdown()"


def test_meanings_are_sentences() -> None:
    for code, meaning in CODES.items():
        assert code == code.lower()
        assert meaning[0].isupper(), code
        assert meaning.endswith("."), code


def test_a_fault_of_ours_costs_one_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.nii").write_bytes(bytes(400))
    monkeypatch.setattr("bregma.io.nifti.load_nifti", lambda *_: 1 // 0)
    (found,) = find_scans(tmp_path)
    assert isinstance(found, Refusal)
    assert (found.code, found.files) == ("reader_failed", ("a.nii",))
    assert "ZeroDivisionError" in found.reason
