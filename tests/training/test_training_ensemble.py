"""Runs that differ by their seed alone answer together, and the package says so."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregma.catalogue.library import Library
from bregma.cli import main
from bregma.models.package import Package
from bregma.models.predictor import Predictor
from bregma.networks.batch import Batch
from bregma.networks.ensemble import Ensemble
from bregma.preprocessing.pipeline import prepare
from bregma.scan.errors import RequestError
from bregma.training.ensemble import make_ensemble
from bregma.training.make_network import IDENTITY, load_slice_network, make_network
from bregma.training.recipe import load_recipe
from bregma.training.train import Run, train
from conftest import DrawnLibrary

CHANGES = {
    "preprocessing.pixel_mm": 8,
    "network.growth": 2,
    "network.layers": 1,
    "network.branch": 2,
    "optimizer.epochs": 1,
}


def opened(library: DrawnLibrary) -> Any:
    """What training asks of a library is all there."""
    return library


def run_of(library: Any, folder: Path, seed: int, **changes: Any) -> Path:
    recipe = load_recipe("densenet40_attention", CHANGES | changes)
    train(recipe, library, Run(folder, seed=seed, device="cpu", threads=1))
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DrawnLibrary:
    return DrawnLibrary(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def runs(library: DrawnLibrary, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [run_of(library, folder / f"run-{seed}", seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def package(runs: list[Path], library: DrawnLibrary, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return make_ensemble(runs, opened(library), tmp_path_factory.mktemp("made") / "together", threads=1)


def test_the_package_says_the_mean_of_the_runs(runs: list[Path], package: Package, library: DrawnLibrary) -> None:
    images = prepare(library.volume("1.2.9"), package.preprocessing).images
    with torch.inference_mode():
        alone = [load_slice_network(run)[1].read_scan(torch.from_numpy(images)) for run in runs]  # type: ignore[operator]
    logits = np.mean([one.numpy() for one, _ in alone], axis=0)
    assert np.abs(alone[0][0].numpy() - alone[1][0].numpy()).max() > 1e-3  # else any of them would do
    said = Predictor(package, threads=1).predict(images)
    expected = 1 / (1 + np.exp(-logits / package.calibration.temperature))
    assert said.probabilities == pytest.approx(expected, abs=1e-3)
    drawn = np.mean([np.mean([one.numpy() for one in maps], axis=0) for _, maps in alone], axis=0)[:, 0]
    assert said.map is not None
    assert said.map == pytest.approx(1 / (1 + np.exp(-drawn)), abs=1e-3)


def test_its_card_names_every_seed_and_how_to_make_it_again(runs: list[Path], package: Package) -> None:
    card = package.card
    assert "; 2 networks of the seeds 0, 1 answer together, 1 epochs" in card.trained_on
    assert "--seed SEED --run RUN-SEED --set" in card.command
    joined = "; bregma models ensemble RUN-0 RUN-1 --library LIBRARY --out PACKAGE"
    assert card.command.endswith(f" for each SEED of 0, 1{joined}")
    assert card.parameters == 2 * sum(one.numel() for one in load_slice_network(runs[0])[1].parameters())


def test_prepared_slices_that_are_gone_are_made_again(
    runs: list[Path], library: DrawnLibrary, package: Package, tmp_path: Path
) -> None:
    shutil.rmtree(library.layout.root / "prepared")
    shown: list[tuple[int, int]] = []
    again = make_ensemble(
        runs, opened(library), tmp_path / "again", threads=1, preparing=lambda *one: shown.append(one)
    )
    assert shown[-1] == (10, 10)
    assert again.digest == package.digest


def test_runs_that_differ_by_more_than_the_seed_are_refused(
    runs: list[Path], library: DrawnLibrary, tmp_path: Path
) -> None:
    out = tmp_path / "together"
    with pytest.raises(RequestError, match=r"an ensemble of 1 run was asked for; name at least 2"):
        make_ensemble(runs[:1], opened(library), out)
    with pytest.raises(RequestError, match=r"the runs have the seeds 0, 0; each needs a seed of its own"):
        make_ensemble([runs[0], runs[0]], opened(library), out)
    other = run_of(library, tmp_path / "other", 2, **{"network.growth": 3})
    with pytest.raises(RequestError, match=r"have another recipe; the runs of an ensemble differ by their seed alone"):
        make_ensemble([*runs, other], opened(library), out)
    with pytest.raises(RequestError, match=r"a run of the ensemble is .*nowhere.*, which has no recipe\.json"):
        make_ensemble([runs[0], tmp_path / "nowhere"], opened(library), out)
    assert not out.exists()


def test_an_unfinished_run_and_other_data_are_refused(runs: list[Path], library: DrawnLibrary, tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(run, tmp_path / run.name)) for run in runs]
    for run in copies:
        identity = json.loads((run / IDENTITY).read_text())
        identity["data"]["training"]["labels"] = "others"
        (run / IDENTITY).write_text(json.dumps(identity))
    with pytest.raises(RequestError, match="the labels of the training part have changed"):
        make_ensemble(copies, opened(library), tmp_path / "together", threads=1)
    shutil.rmtree(copies[1] / "package")
    with pytest.raises(RequestError, match="which has not ended; call `bregma train` for it again"):
        make_ensemble(copies, opened(library), tmp_path / "together", threads=1)


def test_slices_that_fill_up_a_batch_take_no_part() -> None:
    recipe = load_recipe("densenet40_attention", CHANGES)
    together = Ensemble([make_network(recipe, seed=seed) for seed in (0, 1)]).eval()
    images = torch.rand(2, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    is_slice = torch.tensor([[True, True, True], [True, False, False]])
    with torch.inference_mode():
        outputs = together(Batch(images, is_slice))
        alone = together.read_scan(images[1, :1])[0]
    assert outputs.slice_logits is not None
    assert outputs.maps is not None
    assert torch.equal(outputs.slice_logits[1, 1:], torch.zeros(2, 1))
    assert outputs.slice_logits[1, :1].numpy() == pytest.approx(alone.numpy(), abs=1e-5)
    assert outputs.maps[0].shape == (4, 1, 32, 32)


def test_one_network_is_no_ensemble() -> None:
    with pytest.raises(ValueError, match="an ensemble of 1 was asked for"):
        Ensemble([torch.nn.Identity()])


def test_the_command_says_what_was_made_and_what_comes_next(
    runs: list[Path],
    library: DrawnLibrary,
    package: Package,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def bregma(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["bregma", "models", "ensemble", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0)

    monkeypatch.setattr(Library, "open", lambda *_, **__: nullcontext(library))
    out = tmp_path / "together"
    assert bregma(runs[0], "--library", "lib", "--out", out) == 2
    assert "name at least 2 that differ by their seed" in capsys.readouterr().err
    assert bregma(*runs, "--library", "lib", "--out", out, "--threads", 1) == 0
    said = capsys.readouterr().out
    assert f"package: {out} (densenet40_attention 1.0, {package.digest[:12]}, 2 runs, " in said
    assert f"next: bregma read PATH --model {out}" in said
