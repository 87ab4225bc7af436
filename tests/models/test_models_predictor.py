from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bregma.models import predictor as predictor_module
from bregma.models.calibration import sigmoid
from bregma.models.predictor import Predictor
from bregma.scan.errors import PackageError
from tiny_models import CARD, SETTINGS, tiny_onnx, tiny_package

SEQUENCE = dataclasses.replace(CARD, sequence=True)


def images(slices: int) -> np.ndarray:
    """Dark slices whose brightest pixel is 0, 1/slices, 2/slices, ..."""
    drawn = np.zeros((slices, 1, 40, 40), dtype=np.float32)
    drawn[:, 0, 20, 10] = np.arange(slices) / slices
    return drawn


def test_the_answer_is_the_networks_divided_by_the_temperature(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny", temperature=2.0), threads=1)
    prediction = predictor.predict(images(10))
    logits = 40.0 * np.arange(10) / 10 - 30.0
    assert prediction.logits[:, 0] == pytest.approx(logits, abs=1e-4)
    assert prediction.probabilities[:, 0] == pytest.approx(sigmoid(logits / 2), abs=1e-6)
    assert prediction.map is not None
    assert prediction.map.shape == (10, 40, 40)
    assert prediction.map[:, 20, 10] == pytest.approx(sigmoid(logits), abs=1e-6)
    assert prediction.map[:, 0, 0] == pytest.approx(0.0, abs=1e-6)


def test_a_network_without_maps_draws_none(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny", onnx=tiny_onnx(maps=False)), threads=1)
    assert predictor.has_map is False
    assert predictor.predict(images(3)).map is None


@pytest.mark.parametrize("pixels", [1, 40 * 40 * 3, 40 * 40 * 1000])
def test_chunks_do_not_change_the_answer(tmp_path: Path, pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tiny_package(tmp_path / "tiny", findings=("any", "subdural"))
    whole = Predictor(package, threads=1).predict(images(11))
    monkeypatch.setattr(predictor_module, "CHUNK_PIXELS", pixels)
    parts = Predictor(package, threads=1).predict(images(11))
    assert parts.probabilities.tolist() == whole.probabilities.tolist()
    assert np.array_equal(parts.map, whole.map)


def test_a_sequence_network_gets_its_scan_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tiny_package(tmp_path / "tiny", card=SEQUENCE, onnx=tiny_onnx(blur=True))
    monkeypatch.setattr(predictor_module, "CHUNK_PIXELS", 1)
    logits = Predictor(package, threads=1).predict(images(6)).logits[:, 0]
    plain = 40.0 * np.arange(6) / 6 - 30.0
    padded = np.concatenate([[0], plain, [0]])
    assert logits == pytest.approx(plain + padded[:-2] / 2 + padded[2:] / 2, abs=1e-4)


def test_a_very_long_scan_is_read_in_windows_that_see_their_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tiny_package(tmp_path / "tiny", card=SEQUENCE, onnx=tiny_onnx(blur=True))
    whole = Predictor(package, threads=1).predict(images(50))
    monkeypatch.setattr(predictor_module, "WHOLE_PIXELS", 40 * 40 * 12)
    parts = Predictor(package, threads=1).predict(images(50))
    assert parts.logits == pytest.approx(whole.logits, abs=1e-4)
    assert np.array_equal(parts.map, whole.map)


def test_a_graph_that_goes_slice_by_slice_gets_every_scan_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = tiny_onnx(blur=True, metadata={"memory": "per slice"})
    predictor = Predictor(tiny_package(tmp_path / "tiny", card=SEQUENCE, onnx=onnx), threads=1)
    monkeypatch.setattr(predictor_module, "WHOLE_PIXELS", 40 * 40 * 12)
    assert predictor._windows(50) == [(0, 50, 0)]


@pytest.mark.parametrize("shape", [(3, 2, 40, 40), (3, 1, 48, 40), (0, 1, 40, 40), (3, 40, 40)])
def test_images_of_another_shape_are_our_own_mistake(tmp_path: Path, shape: tuple[int, ...]) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    with pytest.raises(ValueError, match="expects"):
        predictor.predict(np.zeros(shape, dtype=np.float32))


def test_an_answer_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"), threads=1)
    wrong = images(4)
    wrong[1] = np.nan
    wrong[2] = np.inf
    with pytest.raises(PackageError, match="answers that are no number"):
        predictor.predict(wrong)


def test_a_failure_of_the_engine_names_the_package(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, size=48)
    package = tiny_package(tmp_path / "tiny", onnx=tiny_onnx(size="S"), preprocessing=settings)
    predictor = Predictor(package, threads=1)
    predictor._session = _Broken()  # type: ignore[assignment]
    with pytest.raises(PackageError, match="package tiny could not read 1 slice "):
        predictor.predict(np.zeros((1, 1, 48, 48), dtype=np.float32))


class _Broken:
    def run(self, *_: object) -> None:
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        raise state.RuntimeException("out of memory")
