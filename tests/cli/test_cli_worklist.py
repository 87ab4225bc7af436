"""`bregma worklist` as a person runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bregma.cli import main

pytestmark = pytest.mark.xdist_group("cli")


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bregma", "worklist", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_loads_and_prevalences_are_crossed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "queue.json"
    words = (
        "--load",
        0.6,
        "--load",
        0.8,
        "--prevalence",
        0.1,
        "--prevalence",
        0.3,
        "--replicates",
        5,
        "--json",
        target,
    )
    code, out, _ = run(capsys, monkeypatch, *words)
    written = json.loads(target.read_text())["worklists"]
    assert code == 0
    assert [(one["setting"]["load"], one["setting"]["prevalence"]) for one in written] == [
        *((0.6, 0.1), (0.6, 0.3), (0.8, 0.1), (0.8, 0.3))
    ]
    assert all(one["positives"]["saved"] > 0 > one["negatives"]["saved"] for one in written)
    assert f"{written[0]['positives']['saved']:+.1f}" in out


def test_scores_from_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(
        "scan,truth,score\n" + "".join(f"{n},{n % 4 == 0:d},{0.1 + 0.8 * (n % 4 == 0)}\n" for n in range(20))
    )
    target = tmp_path / "queue.json"
    assert run(capsys, monkeypatch, "--scores", table, "--replicates", 5, "--json", target)[0] == 0
    perfect = json.loads(target.read_text())["worklists"][1]["positives"]["saved"]
    assert run(capsys, monkeypatch, "--sensitivity", 1, "--specificity", 1, "--replicates", 5, "--json", target)[0] == 0
    assert json.loads(target.read_text())["worklists"][1]["positives"]["saved"] == pytest.approx(perfect, rel=0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("truth\n1\n", "has not both columns"),
        ("truth,score\n1,high\n", "row 2: expected a truth of 0 or 1 and a number"),
        ("truth,score\n1,nan\n", "row 2"),
        ("truth,score\nyes,0.5\n", "row 2"),
        ("truth,score\n1,0.5\n", "at least one of each"),
    ],
)
def test_wrong_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(text)
    code, _, err = run(capsys, monkeypatch, "--scores", table)
    assert code == 2
    assert sentence in err


def test_wrong_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "grows for ever" in run(capsys, monkeypatch, "--load", 1.5)[2]
    assert "there is no file 'absent.csv'" in run(capsys, monkeypatch, "--scores", tmp_path / "absent.csv")[2]
