"""Runs: to a package, stopped and gone on with, killed and gone on with."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregma.models.package import load_package
from bregma.models.predictor import Predictor
from bregma.scan.errors import PackageError, RequestError, StoppedError
from bregma.training import export
from bregma.training.card import Origin, patients_digest
from bregma.training.checkpoint import BEST, LAST, Position, restore_state, restore_weights, save_weights
from bregma.training.curves import read_rows, write_row
from bregma.training.devices import choose_machine
from bregma.training.loop import fit, make_optimizer
from bregma.training.recipe import load_recipe
from bregma.training.stopping import StopSign
from bregma.training.train import Run, make_network, prepare_job, train
from bregma.training.validation import SCORES

HERE = Path(__file__).parent


def job_of(library: Any, recipe: Any, run: Path, *, seed: int = 0, progress: Any = None) -> Any:
    run.mkdir(parents=True, exist_ok=True)
    return prepare_job(recipe, library, on_cpu(run, seed=seed), progress=progress)


def on_cpu(run: Path, *, seed: int = 0) -> Run:
    return Run(run, seed=seed, device="cpu", threads=1)


def weights_of(run: Path, name: str = LAST) -> dict[str, torch.Tensor]:
    return torch.load(run / name, weights_only=True)["network"]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_ends_in_a_package_that_reads_as_the_network_does(
    drawn_library: Any, tiny_recipe: Any, tmp_path: Path
) -> None:
    run, steps = tmp_path / "run", []
    planned = on_cpu(run, seed=1)
    folder = train(tiny_recipe, drawn_library, planned, progress=lambda *counts: steps.append(counts))
    package = load_package(folder)
    assert (package.name, package.card.sequence, package.findings) == ("radnet", True, ("any",))
    assert package.preprocessing == tiny_recipe.preprocessing.settings
    assert {point.level for point in package.operating_points} == {"slice", "scan"}
    training = drawn_library.scans("default", "train")
    assert "6 phantoms of 6 patients, the part 'train' of split 'default'" in package.card.trained_on
    assert patients_digest(training)[:12] in package.card.trained_on
    assert package.card.measured_on == "4 phantoms of 4 patients, the part 'validation' of the same split"
    assert "never seen a patient" in package.card.limits[0]
    assert "optimistic" in package.card.limits[1]
    assert {metric.name for metric in package.card.metrics} == {"AUC", "recall", "specificity"}
    assert steps[-1] == (6, 6)  # 3 steps of 2 scans, 2 epochs
    assert [row["epoch"] for row in read_rows(run)] == [1, 2]
    assert len((run / SCORES).read_text().splitlines()) == 1 + 4 * 5
    job = job_of(drawn_library, tiny_recipe, run)
    restore_weights(run / BEST, job.network)
    images = job.validation.whole(0)[0].images[0]
    logits, _ = job.network.eval().read_scan(images)
    np.testing.assert_allclose(Predictor(package).predict(images.numpy()).logits, logits.detach(), atol=1e-3)
    assert train(tiny_recipe, drawn_library, planned) == folder  # done: nothing is done again
    assert len(steps) == 6


def test_training_learns(drawn_library: Any, tiny_recipe: Any, tmp_path: Path) -> None:
    recipe = load_recipe("densenet40", json.loads((HERE / "learns.json").read_text()))
    fit(job_of(drawn_library, recipe, tmp_path / "run"))
    rows = read_rows(tmp_path / "run")
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    assert max(row["slice_auc"] for row in rows) > 0.95


def test_the_recipe_chooses_the_optimiser(drawn_library: Any, tmp_path: Path) -> None:
    short = json.loads((HERE / "learns.json").read_text()) | {"optimizer.epochs": 1, "optimizer.learning_rate": 0.003}
    job = job_of(drawn_library, load_recipe("densenet40", short | {"optimizer.kind": "adamw"}), tmp_path / "run")
    optimizer = make_optimizer(job.recipe.optimizer, job.network.parameters())
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    fit(job)
    moments = torch.load(tmp_path / "run" / LAST, weights_only=True)["optimizer"]["state"]
    assert all("exp_avg_sq" in state for state in moments.values())
    assert isinstance(
        make_optimizer(load_recipe("densenet40", short).optimizer, job.network.parameters()), torch.optim.SGD
    )


def test_a_stopped_run_goes_on_to_the_same_weights(drawn_library: Any, tiny_recipe: Any, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(job_of(drawn_library, tiny_recipe, whole))

    def interrupt(done: int, _of: int) -> None:
        if done == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedError, match=r"step 1 of epoch 1.*same command") as caught:
        fit(job_of(drawn_library, tiny_recipe, broken, progress=interrupt))
    assert str(broken) in str(caught.value)
    fit(job_of(drawn_library, tiny_recipe, broken))
    assert same(weights_of(whole), weights_of(broken))
    assert [row["slice_auc"] for row in read_rows(whole)] == [row["slice_auc"] for row in read_rows(broken)]


@pytest.mark.slow
def test_killed_at_twenty_random_steps_the_weights_are_the_same(tmp_path: Path) -> None:
    """kill -9 after random steps and in the middle of saving, twenty times, over as many runs as that takes."""
    program = [sys.executable, str(HERE / "killed_runs.py"), str(tmp_path), "20"]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # a child must not be forked from a process with threads
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=300, env=alone)
    assert done.returncode == 0, done.stderr
    runs = dict(line.split() for line in done.stdout.splitlines())
    assert sum(map(int, runs.values())) >= 20
    whole = tmp_path / "whole" / "run"
    for name in runs:
        run = tmp_path / name / "run"
        assert same(weights_of(whole), weights_of(run)), name
        assert same(weights_of(whole, BEST), weights_of(run, BEST)), name
        assert [row["slice_auc"] for row in read_rows(run)] == [row["slice_auc"] for row in read_rows(whole)]


def test_a_run_that_was_refused_before_its_first_step_claims_nothing(
    drawn_library: Any, tiny_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bregma.training.train.export_package", lambda _job, folder, _origin: folder.mkdir())
    run = on_cpu(tmp_path / "run")
    with pytest.raises(RequestError, match="has no scans"):
        train(tiny_recipe, drawn_library, dataclasses.replace(run, split="nobodys"))
    assert train(tiny_recipe, drawn_library, run).is_dir()


def test_a_folder_belongs_to_one_run(
    drawn_library: Any, tiny_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the package is made of is checked elsewhere; here its file holds the seed."""

    def write(_job: Any, folder: Path, origin: Origin) -> None:
        folder.mkdir()
        (folder / "seed").write_text(str(origin.seeds[0]))

    monkeypatch.setattr("bregma.training.train.export_package", write)
    run = tmp_path / "run"
    train(tiny_recipe, drawn_library, on_cpu(run))
    before = weights_of(run)
    with pytest.raises(RequestError, match="another seed; choose another folder"):
        train(tiny_recipe, drawn_library, on_cpu(run, seed=5))
    assert same(weights_of(run), before)
    folder = train(tiny_recipe, drawn_library, on_cpu(run, seed=5), resume=False)
    assert (folder / "seed").read_text() == "5"
    assert not same(weights_of(run), before)


def test_a_diverged_run_says_what_to_do(drawn_library: Any, tiny_recipe: Any, tmp_path: Path) -> None:
    job = job_of(drawn_library, tiny_recipe, tmp_path / "run")
    torch.nn.init.constant_(job.network.head.bias, math.nan)
    with pytest.raises(RequestError, match=r"lower optimizer\.learning_rate than "):
        fit(job)


def test_an_export_that_differs_is_not_written(
    drawn_library: Any, tiny_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(drawn_library, tiny_recipe, tmp_path / "run")
    monkeypatch.setattr(export, "to_onnx", lambda *_, **__: b"")
    monkeypatch.setattr(export, "compare", lambda *_: 0.002)
    with pytest.raises(PackageError, match=r"differs from the network by 0\.002"):
        export.export_package(job, tmp_path / "package", Origin("default", (0,), []))
    assert not (tmp_path / "package").exists()


def test_without_positives_nothing_is_chosen(
    drawn_library: Any, tiny_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_library, "_bleeds", dict.fromkeys(drawn_library._bleeds, False))
    job = job_of(drawn_library, tiny_recipe, tmp_path / "run")
    answers = export.answer(job.network, job.validation, job.machine, tiny_recipe.loss, tiny_recipe.findings)
    chosen = export.choose(answers, job.validation.scans, job.records, tiny_recipe)
    assert (chosen.rule.threshold, chosen.points, len(chosen.cases[0].scan_truth)) == (0.5, (), 4)
    assert (chosen.fitted_on, chosen.calibration.temperature) == ("nothing", 1.0)


def test_a_damaged_state_is_refused(drawn_library: Any, tiny_recipe: Any, tmp_path: Path) -> None:
    job = job_of(drawn_library, tiny_recipe, tmp_path / "run")
    optimizer = make_optimizer(job.recipe.optimizer, job.network.parameters())
    for content in (b"", b"PK\x03\x04 something", b"\x80\x02cos\nsystem\n."):
        (tmp_path / LAST).write_bytes(content)
        with pytest.raises(RequestError, match=r"last.pt cannot be read .* start another run folder"):
            restore_state(tmp_path / LAST, network=job.network, optimizer=optimizer)
    save_weights(tmp_path / LAST, job.network)
    with pytest.raises(RequestError, match="does not fit this run"):
        restore_state(tmp_path / LAST, network=job.network, optimizer=optimizer)
    other = make_network(load_recipe("densenet40"), seed=0)
    with pytest.raises(RequestError, match="does not fit this network"):
        restore_weights(tmp_path / LAST, other)
    assert Position().best is None


def test_rows_from_before_an_interruption_are_replaced(tmp_path: Path) -> None:
    columns = ("rate", "train_loss", "loss", "slice_auc", "scan_auc", "scan_accuracy", "seconds")
    for epoch, value in ((1, 0.5), (2, 0.4), (3, 0.3), (2, math.nan)):
        write_row(tmp_path, {"epoch": epoch, **dict.fromkeys(columns, value)})
    assert [row["epoch"] for row in read_rows(tmp_path)] == [1, 2]
    assert math.isnan(read_rows(tmp_path)[-1]["loss"])
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_second_signal_ends_at_once_and_other_threads_take_none() -> None:
    with StopSign() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.raised
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    before = signal.getsignal(signal.SIGTERM)

    def elsewhere() -> None:
        with StopSign():
            assert signal.getsignal(signal.SIGTERM) is before

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()


def test_machines() -> None:
    machine = choose_machine("cpu", "bf16")
    with machine.arithmetic():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16
    with choose_machine("cpu", "fp32").arithmetic():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
    with pytest.raises(RequestError, match="'tpu' is unknown"):
        choose_machine("tpu", "fp32")
    if not torch.cuda.is_available():
        with pytest.raises(RequestError, match="sees no GPU"):
            choose_machine("cuda", "fp32")
