"""Pseudonyms: the same for the same patient on one installation, another on the next, never the id."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bregma.io import pseudonym as module
from bregma.io.pseudonym import key_path, pseudonym


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BREGMA_KEY", raising=False)
    return tmp_path


def test_one_patient_has_one_pseudonym(place: Path) -> None:
    assert pseudonym("4711") == pseudonym(" 4711 ")
    assert pseudonym("4711") != pseudonym("4712")
    assert "4711" not in pseudonym("4711")
    assert len(pseudonym("4711")) == 14
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert [path.name for path in key_path().parent.iterdir()] == ["key"]


def test_another_installation_has_others(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pseudonym("4711")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert pseudonym("4711") != first
    monkeypatch.setenv("BREGMA_KEY", "shared by two machines")
    assert pseudonym("4711") == "PXDKOHBGQG3RFO"


def test_a_folder_that_cannot_be_written_gives_pseudonyms_for_this_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "file"))
    assert pseudonym("4711") == pseudonym("4711")


def test_whoever_comes_second_takes_the_key_that_is_there(place: Path) -> None:
    pseudonym("4711")
    kept = key_path().read_bytes()
    module._write_once(key_path(), b"x" * 32)
    assert key_path().read_bytes() == kept
