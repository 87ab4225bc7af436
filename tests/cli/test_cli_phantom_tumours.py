"""`bregma phantom --tumours`, and the library that comes of it."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from bregma.catalogue.library import Library
from bregma.catalogue.tumours import tumour_scans
from bregma.cli.app import app


def test_drawn_tumours_go_into_a_library(tmp_path: Path) -> None:
    run = CliRunner().invoke
    heads, small = str(tmp_path / "heads"), ["--size", "48", "--slices", "12", "--workers", "1"]
    drawn = run(app, ["phantom", heads, "--tumours", "-n", "1", *small])
    assert drawn.exit_code == 0, drawn.output
    assert "--as table" in drawn.output.replace("\n", " ")
    taken = run(app, ["import", heads, "--as", "table", "-L", str(tmp_path / "lib"), "--workers", "1"])
    assert "1 stored" in taken.output
    with Library.open(tmp_path / "lib") as library:
        assert len(tumour_scans(library)) == 1


def test_nifti_without_tumours_is_a_mistake(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["phantom", str(tmp_path / "heads"), "--nifti"])
    assert told.exit_code != 0
    assert not (tmp_path / "heads").exists()
