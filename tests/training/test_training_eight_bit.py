"""A package in 8-bit integers: smaller, honest about where it comes from, and compared with its fp32 form."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bregma.cli import main
from bregma.models.aggregate import Rule
from bregma.models.calibration import Calibration
from bregma.models.package import Package, load_package, write_package
from bregma.models.predictor import Predictor
from bregma.networks.slice_classifier import SliceClassifier
from bregma.scan.errors import PackageError
from bregma.training.eight_bit import PreparedScan, Sameness, compare_forms, quantise
from bregma.training.onnx_form import to_onnx
from tiny_models import CARD, POINT, SETTINGS, tiny_onnx, tiny_package

COLOURED = dataclasses.replace(SETTINGS, windows=SETTINGS.windows * 3)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    torch.manual_seed(0)
    network = SliceClassifier("mobilenetv2_100").eval()
    return write_package(
        tmp_path_factory.mktemp("package") / "slices",
        onnx=to_onnx(network, channels=3, size=SETTINGS.size, maps=False),
        name="slices",
        version="1.0",
        card=CARD,
        preprocessing=COLOURED,
        findings=("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"),
        rule=Rule(),
        operating_points=(POINT,),
        calibration=Calibration(1.0),
    )


def scan(seed: int, *, channels: int = 3, slices: int = 4) -> PreparedScan:
    images = np.random.default_rng(seed).random((slices, channels, 40, 40), dtype=np.float32)
    return PreparedScan(images, np.zeros((slices, 2), np.float32), np.full(slices, 5.0))


def test_a_quantised_package_is_smaller_and_says_nearly_the_same(package: Package, tmp_path: Path) -> None:
    made, found = quantise(package, [scan(1)], [scan(2), scan(3)], tmp_path / "small")
    assert len(made.model_bytes()) < len(package.model_bytes()) / 2.5
    assert (made.name, made.card.arithmetic) == ("slices-int8", "int8")
    assert load_package(tmp_path / "small") == made
    assert (found.scans, found.slices) == (2, 8)
    assert 0 < found.mean <= found.largest < 0.2
    said = [Predictor(one, threads=1).predict(scan(2).images).probabilities for one in (package, made)]
    assert np.abs(said[0] - said[1]).max() <= found.largest + 1e-6


def test_its_card_names_the_package_and_claims_no_figure_of_it(package: Package, tmp_path: Path) -> None:
    made, found = quantise(package, [scan(1)], [scan(2)], tmp_path / "small")
    origin, sameness = made.card.limits[-2:]
    assert origin == f"8-bit integers, made from package slices 1.0 ({package.digest}) with 4 slices"
    assert str(found) in sameness
    assert made.card.metrics == ()
    assert "nothing yet" in made.card.measured_on
    with pytest.raises(PackageError, match="slices-int8 is in 8-bit integers already"):
        quantise(made, [scan(1)], [scan(2)], tmp_path / "smaller")


def test_a_network_of_another_form_is_refused(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "tiny")
    with pytest.raises(PackageError, match="no loop over slices, as `bregma train` writes it"):
        quantise(package, [scan(1, channels=1)], [scan(2, channels=1)], tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_calls_that_change_are_counted(tmp_path: Path) -> None:
    """The brightest pixel of slice k is k/10; the call turns at 0.75 in one form and at 0.55 in the other."""
    first = tiny_package(tmp_path / "first")
    second = tiny_package(tmp_path / "second", onnx=tiny_onnx(offset=-22.0))
    images = np.zeros((10, 1, 40, 40), np.float32)
    images[:, 0, 5, 5] = np.arange(10) / 10
    whole = PreparedScan(images, np.zeros((10, 2), np.float32), None)
    low = dataclasses.replace(whole, images=images[:5], places=whole.places[:5])
    found = compare_forms(first, second, [whole, low])
    assert (found.scans, found.slices, found.slices_changed) == (2, 15, 2)  # 0.6 and 0.7
    # logits of slice 6: 24 - 30 = -6 and 24 - 22 = 2
    assert found.largest == pytest.approx(1 / (1 + np.exp(-2)) - 1 / (1 + np.exp(6)), abs=1e-4)
    assert str(Sameness(1, 9, 0.25, 0.125, 1, 0)) == (
        "on 9 slices of 1 scan probabilities differ by at most 0.250, 0.1250 on average; "
        "1 slice and 0 scans are called otherwise"
    )


def test_the_command_writes_a_package_that_evaluate_can_compare(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bregma(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["bregma", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0)

    heads, library = tmp_path / "heads", tmp_path / "lib"
    assert bregma("phantom", heads, "--count", 9, "--size", 64, "--slices", 6, "--workers", 1) == 0
    assert bregma("import", heads / "scans", "--library", library, "--workers", 1) == 0
    assert bregma("labels", "import", heads / "labels.csv", "--library", library) == 0
    assert bregma("models", "quantise", package.folder, "--library", library, "--out", tmp_path / "none") == 2
    assert "no split" in capsys.readouterr().err
    assert bregma("split", "--library", library, "--train", 0.4, "--validation", 0.3, "--test", 0.3) == 0
    capsys.readouterr()
    assert bregma("models", "quantise", package.folder, "--library", library, "--out", tmp_path / "small") == 0
    assert "slices-int8 1.0" in capsys.readouterr().out
    made = load_package(tmp_path / "small")
    assert bregma("evaluate", package.folder, made.folder, "--library", library, "--html", tmp_path / "page.html") == 0
    assert "ONNX Runtime, fp32 and int8" in (tmp_path / "page.html").read_text()
