"""`bregma train` on a library of drawn heads with tumours."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bregma.catalogue.importers.run import import_data_set
from bregma.catalogue.library import Library
from bregma.catalogue.splits import make_split
from bregma.catalogue.tumours import load_tumour_scan, tumour_scans
from bregma.cli.app import app
from bregma.models.tumour_embedder import load_tumour_embedder
from bregma.phantom.tumour_studies import TumourStudies, write_tumour_studies
from bregma.scan.labels import Label, Level

TINY = {
    "network.width": 4,
    "network.blocks": 1,
    "view.voxel_mm": "[0, 8, 8]",
    "view.patch": "[4, 16, 16]",
    "network.down": "[1, 2, 2]",
    "optimizer.epochs": 1,
    "patches.steps": 2,
    "optimizer.learning_rate": 0.01,
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    write_tumour_studies(tmp_path / "heads", TumourStudies(seed=4, size=32, slices=6, missing_share=0.2), count=5)
    with Library.create(tmp_path / "library") as library:
        import_data_set(library, tmp_path / "heads", "table", workers=1)
        make_split(library, "default", fractions={"train": 0.6, "validation": 0.4}, seed=0)
    return tmp_path / "library"


def test_the_command_leaves_a_package_that_embeds_the_library_s_tumours(library: Path, tmp_path: Path) -> None:
    changes = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    run = tmp_path / "run"
    command = ["train", "tumour_multitask", "--library", str(library), "--run", str(run), "--device", "cpu", *changes]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert "bregma index" in answer.output
    embedder = load_tumour_embedder(run / "package", threads=1)
    with Library.open(library) as opened:
        training = tumour_scans(opened, "default", "train")
        prepared = len(training) + len(tumour_scans(opened, "default", "validation"))
        scans = [load_tumour_scan(opened, uid) for uid in training]
        tumours = sum(len(scan.tumours) for scan in scans)
        assert embedder.package.card.trained_on.startswith(f"{tumours} tumour")
        vectors = embedder.embed(scans[0].volume, [one.box for one in scans[0].tumours])
    assert vectors.shape == (len(scans[0].tumours), 4)
    assert len(list((library / "prepared").rglob("*.values.npy"))) == prepared


def test_contradictions_are_warned_of_once_before_training(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(library) as opened:
        asked = tumour_scans(opened, "default", "train")[0]

    def labels(_: Library, uid: str) -> list[Label]:
        said = {"reader:one": "type:glioma", "reader:two": "type:meningioma"} if uid == asked else {}
        return [Label(uid, Level.LESION, "1", term, 1.0, source) for source, term in said.items()]

    monkeypatch.setattr(Library, "labels", labels)
    changes = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    command = ["train", "tumour_multitask", "--library", str(library), "--run", str(tmp_path / "run"), *changes]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert answer.stderr.count("warning") == 1
    assert "contradict each other on 1 label," in answer.stderr
    assert f"series {asked}, type of tumour 1: glioma or meningioma; kept as unknown" in answer.stderr
