"""`bregma read` with several installed packages, some of which cannot be run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bregma.cli import main
from bregma.models import predictor
from bregma.models.package import MANIFEST
from bregma.scan.errors import PackageError
from tiny_models import tiny_onnx, tiny_package

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(root / "data"))
        words = ["bregma", "phantom", root / "drawn", "-n", 1, "--size", 64, "--slices", 8, "--workers", 1]
        patch.setattr(sys, "argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code
    return root / "drawn" / "scans"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where packages are looked for."""
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("bregma.models.package.BUNDLED", tmp_path / "none bundled")
    return tmp_path / "models"


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_all_installed_packages_read_and_a_damaged_one_is_a_warning(
    models: Path,
    head: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_package(models / "a", name="a")
    tiny_package(models / "b", name="b", findings=("any", "subdural"), onnx=tiny_onnx(findings=2, maps=False))
    (models / "torn").mkdir()
    (models / "torn" / MANIFEST).write_text("{")
    assert run(monkeypatch, "read", head, "--json", tmp_path / "o.json", "--html", tmp_path / "pages") == 0
    said = capsys.readouterr()
    assert said.err.count("warning: package torn is left out: package.json") == 1
    (scan,) = json.loads((tmp_path / "o.json").read_text())["scans"]
    assert [model["name"] for model in scan["models"]] == ["a", "b"]
    assert [one["name"] for one in scan["models_left_out"]] == ["torn"]
    (page,) = (tmp_path / "pages").iterdir()
    assert "2 models together" in page.read_text()
    assert run(monkeypatch, "models", "list") == 1
    assert "all of them together" in capsys.readouterr().out


def test_a_package_that_cannot_be_run_is_left_out_unless_it_was_asked_for(
    models: Path,
    head: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_package(models / "a", name="a")
    tiny_package(models / "new", name="new", onnx=tiny_onnx(metadata={"opset": "of the future"}))
    opened = predictor.open_session

    def session(onnx: bytes, *, threads: int | None = None) -> object:
        if b"of the future" in onnx:
            raise PackageError("ONNX Runtime cannot run this model")
        return opened(onnx, threads=threads)

    monkeypatch.setattr(predictor, "open_session", session)
    assert run(monkeypatch, "read", head) == 0
    said = capsys.readouterr()
    assert "package new is left out: ONNX Runtime cannot run this model" in said.err
    assert "new was left out" in said.out
    assert run(monkeypatch, "read", head, "--model", "a", "--model", "new") == 2
    assert "ONNX Runtime cannot run this model" in capsys.readouterr().err


def test_when_none_can_be_run_it_stops(
    models: Path, head: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "torn").mkdir(parents=True)
    (models / "torn" / MANIFEST).write_text("{")
    assert run(monkeypatch, "read", head) == 2
    err = capsys.readouterr().err
    assert "no model package is installed" in err
    assert "damaged: package.json in 'torn'" in err


def test_a_package_named_twice_counts_once(
    models: Path, head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_package(models / "a", name="a")
    assert run(monkeypatch, "read", head, "-m", "a", "-m", models / "a", "--json", tmp_path / "o.json") == 0
    (scan,) = json.loads((tmp_path / "o.json").read_text())["scans"]
    assert len(scan["models"]) == 1
