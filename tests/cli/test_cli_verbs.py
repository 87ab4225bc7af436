"""Every verb as a person runs it: a few drawn heads from the folder to the evaluation, with luck and without."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sqlalchemy.exc import OperationalError

from bregma.cli import main
from bregma.scan.errors import StoppedError
from tiny_models import tiny_package

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.cli.output import Progress
    from bregma.training.recipe import Recipe
    from bregma.training.train import Run

pytestmark = pytest.mark.xdist_group("cli")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    def refuses(self, words: str, code: int = 2) -> None:
        """Exit code and one sentence on stderr, never a traceback."""
        assert self.code == code, self.err
        assert words in self.err
        assert "Traceback" not in self.err
        assert self.err.count("error:") == 1


class Program:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *words: object) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 0
        said = self.capsys.readouterr()
        return Answer(code, said.out, said.err)


@pytest.fixture
def bregma(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(monkeypatch, capsys)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn heads, a package, and a library with all of them; every step through the program."""
    root = tmp_path_factory.mktemp("Köpfe mit Leerzeichen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(root / "config"))
        patch.setenv("XDG_DATA_HOME", str(root / "data"))
        for words in (
            ["phantom", root / "heads", "-n", 6, "--size", 64, "--slices", 8, "--workers", 1],
            ["import", root / "heads" / "scans", "--library", root / "lib", "--workers", 1],
            ["labels", "import", root / "heads" / "labels.csv", "--library", root / "lib"],
            ["split", "--library", root / "lib", "--train", 0.5, "--validation", 0, "--test", 0.5],
        ):
            patch.setattr(sys, "argv", ["bregma", *map(str, words)])
            with pytest.raises(SystemExit) as stopped:
                main()
            assert not stopped.value.code
    tiny_package(root / "tiny")
    (root / "a file").write_text("no image")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def head(world: Path) -> Path:
    return world / "heads" / "scans" / "study_00001"


def test_read_writes_all_that_is_asked_for(bregma: Program, world: Path, head: Path, tmp_path: Path) -> None:
    answer = bregma(
        *("read", head, "--model", world / "tiny", "--at", "-12,30,55", "--at", "0,0,9999"),
        *("--json", tmp_path / "new" / "ü.json", "--csv", tmp_path / "rows.csv"),
        *("--html", tmp_path / "pages", "--masks", tmp_path / "masks"),
    )
    assert answer.code == 0, answer.err
    assert "at [-12.0, 30.0, 55.0] mm: " in answer.out
    assert "outside the scan" in answer.out
    written = json.loads((tmp_path / "new" / "ü.json").read_text())
    assert [point["mm"] for point in written["scans"][0]["points"]] == [[-12, 30, 55], [0, 0, 9999]]
    with (tmp_path / "rows.csv").open(newline="") as rows:
        assert len(list(csv.DictReader(rows))) == 8
    assert len(list((tmp_path / "pages").glob("*.html"))) == 1
    assert len(list((tmp_path / "masks").glob("*.nii.gz"))) == 1


def test_a_truncated_slice_is_told(bregma: Program, world: Path, head: Path, tmp_path: Path) -> None:
    shutil.copytree(head, tmp_path / "scan")
    first = min((tmp_path / "scan").iterdir())
    first.write_bytes(first.read_bytes()[:3000])
    answer = bregma("inspect", tmp_path / "scan")
    assert answer.code == 1
    assert "truncated_pixels" in answer.err
    assert "1 image of the series damaged and left out" in " ".join(answer.out.split())
    for counts in ("1 stored, 0 already there", "0 stored, 1 already there"):
        answer = bregma("import", tmp_path / "scan", "--library", tmp_path / "lib", "--workers", 1)
        assert answer.code == 1
        assert answer.out.startswith(
            f"{counts}, 0 refused, 1 file left out of the scans\n  left out (truncated_pixels)"
        )
        assert answer.out.rstrip().endswith("[0001.dcm]")


def test_masks_as_dicom_refer_to_the_input(bregma: Program, world: Path, head: Path, tmp_path: Path) -> None:
    import pydicom

    answer = bregma("read", head, "--model", world / "tiny", "--masks", tmp_path / "masks", "--dicom-masks")
    assert answer.code == 0, answer.err
    (path,) = (tmp_path / "masks").iterdir()
    assert f"mask: {path}" in answer.out
    mask, image = pydicom.dcmread(path), pydicom.dcmread(min(head.iterdir()))
    assert mask.Modality == "SEG"
    assert (mask.Rows, mask.Columns, mask.StudyInstanceUID) == (64, 64, image.StudyInstanceUID)
    assert mask.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID


def test_inspect_tells_points(bregma: Program, head: Path) -> None:
    answer = bregma("inspect", head, "--at", "0,0,9999")
    assert answer.code == 0
    assert "at [0.0, 0.0, 9999.0] mm: outside the scan" in answer.out


@pytest.mark.parametrize("point", ["nan,1,2", "1e999,1,2", "1,2", "a,b,c"])
def test_no_point(bregma: Program, head: Path, point: str) -> None:
    bregma("inspect", head, "--at", point).refuses("expected three numbers")


@pytest.mark.parametrize("verb", ["inspect", "import"])
def test_an_empty_folder_is_told(bregma: Program, world: Path, tmp_path: Path, verb: str) -> None:
    more = ["--library", tmp_path / "lib"] if verb == "import" else []
    bregma(verb, world / "empty", *more).refuses("no scan was found in 'empty'", code=1)


@pytest.mark.parametrize("option", ["--json", "--csv", "--html", "--masks"])
def test_a_place_that_cannot_be_written_stops_before_the_work(
    bregma: Program, world: Path, head: Path, option: str
) -> None:
    answer = bregma("read", head, "--model", world / "tiny", option, world / "a file" / "x")
    answer.refuses("'a file' is a file, not a folder")
    assert answer.out == ""


def test_results_never_replace_what_is_read_or_each_other(
    bregma: Program, world: Path, head: Path, tmp_path: Path
) -> None:
    one = tmp_path / "one.dcm"
    shutil.copy(min(head.iterdir()), one)
    before = one.read_bytes()
    bregma("inspect", one, "--json", one).refuses("would be overwritten")
    bregma("read", tmp_path, "--model", world / "tiny", "--csv", one).refuses("would be overwritten")
    assert one.read_bytes() == before
    target = tmp_path / "new"
    bregma("read", one, "--model", world / "tiny", "--csv", target, "--json", target).refuses("asked for twice")
    bregma("inspect", one, "--json", tmp_path).refuses("is a folder")


@pytest.fixture
def no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the one that comes with Bregma."""
    monkeypatch.setattr("bregma.models.package.BUNDLED", tmp_path / "none bundled")


def test_reading_without_a_model(bregma: Program, head: Path, no_model: None) -> None:
    bregma("read", head).refuses("no model package is installed")


def test_without_a_model_the_doctor_misses_it_and_nothing_is_broken(bregma: Program, no_model: None) -> None:
    answer = bregma("doctor")
    assert answer.code == 0, answer.out
    (line,) = [line for line in answer.out.splitlines() if "none installed" in line]
    assert line.split()[:2] == ["missing", "models"]
    assert "broken" not in answer.out


def test_without_a_model_the_demo_draws_nothing(bregma: Program, no_model: None, tmp_path: Path) -> None:
    bregma("demo", "--out", tmp_path / "demo").refuses("no model package is installed")
    assert not (tmp_path / "demo").exists()


def test_without_a_model_no_name_is_guessed(bregma: Program, no_model: None) -> None:
    bregma("models", "show", "radnet").refuses("no package called 'radnet' is installed; none is known (looked")
    assert bregma("models", "list").code == 0


def test_a_damaged_package_is_listed_as_damaged(
    bregma: Program, world: Path, tmp_path: Path, no_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world / "tiny", tmp_path / "models" / "tiny")
    shutil.copytree(world / "tiny", tmp_path / "models" / "torn")
    (tmp_path / "models" / "torn" / "package.json").write_text("{")
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "300")
    listed = bregma("models", "list")
    assert listed.code == 1
    assert [line for line in listed.out.splitlines() if line.startswith("tiny ")]
    (line,) = [line for line in listed.out.splitlines() if line.startswith("damaged ")]
    assert "torn: " in line
    assert "package.json" in line
    told = bregma("doctor")
    assert told.code == 1
    (line,) = [line for line in told.out.splitlines() if line.startswith("broken")]
    assert "model: torn" in line
    shutil.rmtree(tmp_path / "models" / "torn")
    assert (bregma("models", "list").code, bregma("doctor").code) == (0, 0)


def test_importing_twice_stores_once(bregma: Program, world: Path) -> None:
    answer = bregma("import", world / "heads" / "scans", "--library", world / "lib", "--workers", 1)
    assert (answer.code, answer.out) == (0, "0 stored, 6 already there, 0 refused\n")


def test_a_wrong_path_makes_no_library(bregma: Program, tmp_path: Path) -> None:
    bregma("import", tmp_path / "nowhere", "--library", tmp_path / "lib").refuses("nothing to read at 'nowhere'")
    assert not (tmp_path / "lib").exists()


def test_no_library(bregma: Program, world: Path) -> None:
    table = world / "heads" / "labels.csv"
    bregma("import", world / "heads", "--library", world / "a file" / "lib").refuses("is a file, not a folder")
    bregma("import", world / "heads", "--library", world / "heads").refuses("not an empty folder")
    bregma("labels", "import", table, "--library", world / "empty").refuses("is not a library")
    bregma("split", "--library", world / "heads").refuses("is not a library")
    bregma("evaluate", world / "tiny", "--library", world / "empty").refuses("is not a library")


def test_labels_of_an_unknown_series_are_told(bregma: Program, world: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("series_uid,level,any,source\n1.2.3,scan,1,reader:a\n")
    answer = bregma("labels", "import", table, "--library", world / "lib")
    assert answer.code == 0
    assert "0 new labels" in answer.out
    assert "1.2.3" in answer.out
    table.write_text("series_uid,level,any,source\n1.2.3,scan,7,reader:a\n")
    bregma("labels", "import", table, "--library", world / "lib").refuses("has 1 problem; nothing was imported")
    bregma("labels", "import", tmp_path / "nowhere.csv", "--library", world / "lib").refuses("cannot be read")


def test_splitting_twice(bregma: Program, world: Path) -> None:
    again = ["split", "--library", world / "lib", "--train", 0.5, "--validation", 0, "--test", 0.5]
    assert bregma(*again).code == 0
    bregma(*again, "--seed", 1).refuses("default")
    bregma("split", "x:y", "--library", world / "lib").refuses("is no name for a split")
    bregma("split", "", "--library", world / "lib").refuses("is no name for a split")
    bregma("split", "x", "--library", world / "lib", "--train", 0.1).refuses("sum to")


def test_evaluate(bregma: Program, world: Path, tmp_path: Path) -> None:
    common = ["--library", world / "lib", "--replicates", 100]
    answer = bregma(
        *("evaluate", world / "tiny", world / "tiny", *common),
        *("--html", tmp_path / "page.html", "--json", tmp_path / "page.json"),
    )
    assert answer.code == 0, answer.err
    assert "paired" in answer.out
    assert (tmp_path / "page.html").read_text().startswith("<!")
    assert json.loads((tmp_path / "page.json").read_text())
    assert bregma("evaluate", world / "tiny", *common, "--split", "all").code == 0
    bregma("evaluate", "nobody", *common).refuses("no package called 'nobody'")
    bregma("evaluate", world / "tiny", *common, "--split", "none:test").refuses("there is no split 'none'")


def test_models(bregma: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(world / "tiny", tmp_path / "tiny")
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path))
    assert "tiny" in bregma("models", "list").out
    assert "brightest pixel" in bregma("models", "show", "tiny").out
    assert bregma("models", "verify", "tiny").code == 0
    with (tmp_path / "tiny" / "model.onnx").open("ab") as model:
        model.write(b"x")
    answer = bregma("models", "verify", tmp_path / "tiny")
    assert answer.code == 1
    assert "failed digests" in answer.out
    bregma("models", "show", tmp_path / "tiny").refuses("the package is damaged")


def test_demo_on_a_scan_of_ones_own(
    bregma: Program, world: Path, head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world / "tiny", tmp_path / "models" / "tiny")
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    answer = bregma("demo", "--out", tmp_path / "demo", "--scan", head)
    assert answer.code == 0, answer.err
    (page,) = (tmp_path / "demo" / "pages").glob("*.html")
    assert f"Open in a browser: {page}\n" in answer.out
    old = page.rename(page.with_name("0-of-an-earlier-demo.html"))
    again = bregma("demo", "--out", tmp_path / "demo", "--scan", head)
    assert f"Open in a browser: {page}\n" in again.out
    assert old.is_file()
    monkeypatch.setenv("PATH", str(tmp_path))
    told = bregma("demo", "--out", tmp_path / "demo", "--scan", head)
    assert f"The program bregma lies in {os.path.relpath(Path(sys.executable).parent)}." in told.out
    bregma("demo", "--out", world / "a file").refuses("is a file, not a folder")
    nothing = bregma("demo", "--out", tmp_path / "none", "--scan", world / "empty")
    nothing.refuses("no scan was found in 'empty'", code=1)
    assert "in a browser" not in nothing.out


def test_demo_draws_heads_and_reads_them(
    bregma: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world / "tiny", tmp_path / "models" / "tiny")
    monkeypatch.setenv("BREGMA_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("bregma.cli.demo.SIZE", 64)
    monkeypatch.setattr("bregma.cli.demo.SLICES", 8)
    answer = bregma("demo", "--out", tmp_path / "demo")
    assert answer.code == 0, answer.err
    written = json.loads((tmp_path / "demo" / "reading.json").read_text())
    assert len(written["scans"]) == 2
    assert written["refused"] == []
    assert len(list((tmp_path / "demo" / "pages").glob("*.html"))) == 2
    assert len((tmp_path / "demo" / "reading.csv").read_text().splitlines()) == 1 + 2 * 8
    assert "Not a medical device" in answer.out


def test_training_says_what_is_wrong(bregma: Program, world: Path) -> None:
    common = ["--library", world / "lib"]
    bregma("train", "nobody", *common).refuses("'nobody' is neither a recipe")
    bregma("train", "radnet", *common, "--run", world / "a file").refuses("is a file, not a folder")


def test_training_gets_what_was_asked_for_and_tells_what_is_next(
    bregma: Program, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training itself is stood in for; tests/training has it."""
    pytest.importorskip("torch")
    asked = []

    def stand_in(recipe: Recipe, library: Library, run: Run, *, progress: Progress, preparing: Progress) -> Path:
        asked.append((recipe.name, recipe.optimizer.epochs, len(library.scans()), run))
        preparing(1, 1)
        progress(1, 1)
        return run.folder / "package"

    monkeypatch.setattr("bregma.training.train.train", stand_in)
    answer = bregma(
        *("train", "radnet", "--library", world / "lib", "--run", tmp_path / "run", "--seed", 3),
        *("--set", "optimizer.epochs=7", "--device", "cpu"),
    )
    assert answer.code == 0, answer.err
    ((name, epochs, scans, run),) = asked
    assert (name, epochs, scans) == ("radnet", 7, 6)
    assert (run.folder, run.split, run.seed, run.device) == (tmp_path / "run", "default", 3, "cpu")
    assert answer.out.splitlines() == [
        f"package: {tmp_path / 'run' / 'package'}",
        f"next: bregma evaluate {tmp_path / 'run' / 'package'} --library {world / 'lib'}",
    ]


def test_a_library_on_a_full_disk_is_a_sentence(bregma: Program, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object, **_options: object) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr("bregma.catalogue.ingest.store_found", full)
    words = "the catalogue of 'lib' cannot be read or written (database or disk is full)"
    bregma("import", world / "heads" / "scans", "--library", world / "lib").refuses(words)
    monkeypatch.setattr("bregma.catalogue.library.migrate", full)
    words = "the catalogue of 'new' cannot be read or written (database or disk is full)"
    bregma("import", world / "heads" / "scans", "--library", world / "new").refuses(words)


def test_a_stopped_run_is_exit_code_130(bregma: Program, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_words: object, **_options: object) -> None:
        raise StoppedError("stopped after step 1")

    monkeypatch.setattr("bregma.training.train.train", stopped)
    bregma("train", "radnet", "--library", world / "lib").refuses("stopped after step 1", code=130)


def test_an_import_names_refused_files_once_for_each_reason(bregma: Program, world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "c"):
        pixels = np.zeros((32, 32), np.uint8)
        pixels[:9] = 255
        (folder / name).mkdir()
        Image.fromarray(pixels).save(folder / name / "mask.png")
    shutil.copytree(world / "heads" / "scans", folder / "scans")
    answer = bregma("import", folder, "--library", tmp_path / "lib", "--workers", 1)
    assert answer.code == 0  # nobody would call a mask a scan
    (line,) = [line for line in answer.out.splitlines() if "mask_picture" in line]
    assert line.endswith("[a/mask.png, b/mask.png and 1 more]")


def test_a_full_disk_is_a_sentence(bregma: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "x.dcm"))

    monkeypatch.setattr("bregma.phantom.studies.write_studies", full)
    bregma("phantom", tmp_path / "heads").refuses("'x.dcm' cannot be written (No space left on device); free")


def test_ctrl_c_is_a_sentence_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "heads"
    words = ["phantom", str(folder), "-n", "200", "--size", "64", "--slices", "4"]
    with subprocess.Popen(
        [sys.executable, "-m", "bregma.cli", *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        scans = folder / "scans"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (scans.is_dir() and any(scans.iterdir())):
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "error: stopped" in err
    assert "Traceback" not in err
    assert all(len(list(study.iterdir())) == 4 for study in scans.iterdir())
