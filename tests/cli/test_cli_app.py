from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bregma import __version__
from bregma.cli import main
from bregma.cli.app import app
from tiny_models import tiny_package

run = CliRunner().invoke
VERBS = ["demo", "inspect", "read", "import", "labels", "split", "train", "evaluate", "models", "phantom", "doctor"]


def answer(*words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the program as a person runs it."""
    monkeypatch.setattr(sys, "argv", ["bregma", *words])
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_version() -> None:
    assert run(app, ["--version"]).output == f"bregma {__version__}\n"


def test_the_program_runs_without_its_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bregma", "--version"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("bregma.cli", run_name="__main__")
    assert not stopped.value.code
    assert capsys.readouterr().out == f"bregma {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = run(app, [verb, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in {"labels", "models"}])
def test_every_verb_shows_an_example(verb: str) -> None:
    assert "Example" in run(app, [verb, "--help"]).output


def test_help_imports_nothing_heavy() -> None:
    heavy = [
        "torch",
        "pydicom",
        "nibabel",
        "cv2",
        "scipy",
        "sqlalchemy",
        "onnxruntime",
        "matplotlib",
        "PIL",
        "numpy",
        "rich",
    ]
    code = f"import sys, bregma.cli.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", ["read", "inspect"])
def test_a_wrong_path_is_a_wrong_request(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = answer(verb, str(tmp_path / "nowhere"), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_wrong_point_is_a_wrong_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("no image")
    code, _, err = answer("inspect", str(tmp_path), "--at", "1,2", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "expected three numbers" in err


def test_a_wrong_option_is_a_wrong_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = answer("read", "--nonsense", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "nonsense" in err


def test_a_folder_without_a_scan_is_told_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("no image")
    target = tmp_path / "out.json"
    code, _, err = answer(
        "inspect", str(tmp_path / "in"), "--json", str(target), capsys=capsys, monkeypatch=monkeypatch
    )
    assert code == 1
    assert "not_an_image" in err
    written = json.loads(target.read_text())
    assert written["scans"] == []
    assert [row["code"] for row in written["refused"]] == ["not_an_image"]


def test_doctor_finds_decoders_and_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_package(tmp_path / "tiny")
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")  # what is said of a small memory would else break the lines
    result = run(app, ["doctor"])
    assert result.exit_code == 0
    for thing in ("JPEG Lossless", "JPEG-LS", "JPEG 2000", "RLE", "ONNX Runtime", "memory", "disk"):
        assert thing in result.output


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="only Linux says what is available")
def test_memory_that_the_system_only_keeps_for_files_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (row,) = [line for line in run(app, ["doctor"]).output.splitlines() if "memory free" in line]
    (kibibytes,) = [
        int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line
    ]
    said = float(row.split("memory free")[1].split()[0])
    assert said == pytest.approx(kibibytes * 1024 / 1e9, rel=0.3)


def test_training_without_torch_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("bregma.cli.train.importlib.util.find_spec", lambda _name: None)
    code, _, err = answer("train", "radnet", "--library", str(tmp_path), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "bregma[train]" in err
