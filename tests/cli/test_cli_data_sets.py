"""`bregma import --as`: what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bregma.cli.app import app
from bregma.phantom.studies import write_studies
from bregma.scan.errors import BregmaError


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One drawn study with its table."""
    folder = tmp_path_factory.mktemp("data") / "heads"
    write_studies(folder, count=1, seed=3, size=64, slices=8, positive_share=0.0)
    return folder


def run(*words: object) -> tuple[int, str]:
    """Exit code and what was printed."""
    result = CliRunner().invoke(app, ["import", *map(str, words), "--workers", "1"])
    if isinstance(result.exception, BregmaError):
        raise result.exception
    return result.exit_code, result.output


def test_scans_and_labels_come_in_one_go(heads: Path, tmp_path: Path) -> None:
    code, said = run(heads, "--as", "table", "--library", tmp_path / "lib")
    assert code == 0
    assert "1 scan of 8 slices: 1 stored, 0 already there" in said
    assert "scan any: 0 present, 1 absent" in said
    code, said = run(heads, "--as", "table", "--library", tmp_path / "lib")
    assert code == 0
    assert "0 stored, 1 already there" in said
    assert "0 new labels" in said


def test_a_row_that_cannot_be_used_is_exit_code_1(heads: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "scans").symlink_to(heads / "scans")
    file = next(path.relative_to(heads) for path in heads.glob("scans/*/*.dcm"))
    (tmp_path / "mine" / "labels.csv").write_text(f"file,level,any,source,mask\n{file},scan,1,a,gone.nii\n")
    code, said = run(tmp_path / "mine", "--as", "table", "--library", tmp_path / "lib")
    assert code == 1
    assert "1 row or file that cannot be used:" in said
    assert "row 2, column 'mask': there is no file 'gone.nii'" in said


def test_a_data_set_without_a_readable_scan_is_exit_code_1(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.nii").write_bytes(b"\x5c\x01\x00\x00" + b"\0" * 400)
    (folder / "labels.csv").write_text("file,level,any,source\na.nii,scan,1,a\n")
    code, said = run(folder, "--as", "table", "--library", tmp_path / "lib")
    assert code == 1
    assert "no scan of 'mine' could be read" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [("rsna", "'rsna' is no data set; did you mean 'rsna2019'"), ("cq500", "this folder is no cq500")],
)
def test_a_wrong_request_says_so(heads: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(BregmaError, match=words):
        run(heads, "--as", name, "--library", tmp_path / "lib")
