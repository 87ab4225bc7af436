"""Runs over labelled slices, labelled scans and unlabelled scans, from the recipe to the package."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bregma.catalogue.targets import Statements
from bregma.models.aggregate import consistent
from bregma.models.package import load_package
from bregma.models.predictor import Predictor
from bregma.scan.errors import StoppedError
from bregma.scan.labels import Label, Level
from bregma.training.checkpoint import BEST, LAST, restore_weights
from bregma.training.curves import read_rows
from bregma.training.loop import fit
from bregma.training.recipe import load_recipe
from bregma.training.train import Run, prepare_job, train
from bregma.training.validation import Answers, answer
from conftest import DrawnLibrary

TINY = {
    "preprocessing.pixel_mm": 8,
    "optimizer.epochs": 1,
    "loop.save_every": 1000,
    "rule.run_slices": 1,
}


class MixedLibrary(DrawnLibrary):
    """Every third scan has its slices labelled, every third only the scan, every third nothing; validation is whole."""

    def __init__(self, root: Path, *, only_scans: bool = False) -> None:
        super().__init__(root, count=20)
        self.only_scans = only_scans

    def statements(self, series_uid: str) -> Statements:
        number = int(series_uid[4:])
        whole = super().statements(series_uid)
        kind = 0 if number >= 12 else number // 2 % 3
        if kind == 0 and not self.only_scans:
            return whole
        if kind == 2 and not self.only_scans:
            return Statements(whole.keys, ())
        value = float(self._bleeds[series_uid])
        findings = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
        said = tuple(Label(series_uid, Level.SCAN, None, name, value, "report") for name in findings)
        return Statements(whole.keys, said)


def job_of(library: Any, recipe: Any, run: Path, progress: Any = None) -> Any:
    run.mkdir(parents=True, exist_ok=True)
    return prepare_job(recipe, library, Run(run, device="cpu", threads=1), progress=progress)


def test_three_kinds_of_labels_end_in_a_package_of_six_findings(tmp_path: Path) -> None:
    recipe, run = load_recipe("ich_heterogeneous", TINY), tmp_path / "run"
    library: Any = MixedLibrary(tmp_path)
    package = load_package(train(recipe, library, Run(run, device="cpu", threads=1)))
    assert package.findings == recipe.findings
    assert {(one.finding, one.level) for one in package.operating_points} == {
        (finding, level) for finding in recipe.findings for level in ("slice", "scan")
    }
    assert {one.finding for one in package.card.metrics} == set(recipe.findings)
    assert "each of these kinds" in package.card.summary
    (row,) = read_rows(run)
    assert all(np.isfinite(value) for value in row.values())
    job = job_of(library, recipe, run)
    restore_weights(run / BEST, job.network)
    said: Answers = answer(job.network, job.validation, job.machine, recipe.loss, recipe.findings)
    served = Predictor(package).predict(job.validation.whole(0)[0].images[0].numpy())
    np.testing.assert_allclose(consistent(served.logits, recipe.findings), said.logits[0], atol=1e-3)


def test_labels_of_scans_alone_are_enough_for_training_and_for_choosing(tmp_path: Path) -> None:
    recipe, run = load_recipe("ich_scans", TINY), tmp_path / "run"
    package = load_package(train(recipe, MixedLibrary(tmp_path, only_scans=True), Run(run, device="cpu", threads=1)))
    assert {one.level for one in package.operating_points} == {"scan"}
    assert "fitted on whole scans" in package.card.limits[-1]
    (row,) = read_rows(run)
    assert np.isfinite(row["scan_auc"])
    assert np.isnan(row["slice_auc"])


@pytest.mark.slow
def test_a_stopped_run_with_shuffling_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    recipe = load_recipe("ich_heterogeneous", TINY)
    library: Any = MixedLibrary(tmp_path)
    fit(job_of(library, recipe, tmp_path / "whole"))

    def interrupt(done: int, _of: int) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedError):
        fit(job_of(library, recipe, tmp_path / "broken", interrupt))
    fit(job_of(library, recipe, tmp_path / "broken"))
    whole, broken = (torch.load(tmp_path / name / LAST, weights_only=True) for name in ("whole", "broken"))
    assert all(torch.equal(whole["network"][key], broken["network"][key]) for key in whole["network"])
    assert torch.equal(whole["random"], broken["random"])
