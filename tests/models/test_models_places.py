"""Where slices lie: heights and spacings by hand, and a package that wants to know them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bregma.models.engine import check_graph, open_session
from bregma.models.places import places_of
from bregma.models.predictor import Predictor
from bregma.reading import read_scan
from bregma.scan.errors import PackageError
from bregma.scan.volume import Geometry
from tiny_models import head_scan, tiny_onnx, tiny_package

EVEN = [[1.0, 0, 0], [0, 1.0, 0]]
"""Directions of rows and columns of an axial slice."""


def geometry(z_mm: list[float], directions: list[list[float]] = EVEN) -> Geometry:
    origins = np.array([[-100.0, -120.0, z] for z in z_mm])
    return Geometry(8, 8, origins, np.array(directions[0]), np.array(directions[1]), (1.0, 1.0))


def test_heights_in_dm_above_the_middle_and_spacings_in_cm() -> None:
    """Slices at 10, 15, 20 and 30 mm: the middle is at 20 mm."""
    expected = [[-0.10, 0.5], [-0.05, 0.5], [0.0, 1.0], [0.10, 0.0]]
    np.testing.assert_allclose(places_of(geometry([10, 15, 20, 30]), 4), expected, atol=1e-7)


def test_under_tilt_both_are_measured_at_right_angles() -> None:
    """A gantry tilted by 60 degrees halves both: the table moves 10 mm, the planes are 5 mm apart."""
    tilted = geometry([0, 10], [[1.0, 0, 0], [0, 0.5, -np.sqrt(0.75)]])
    np.testing.assert_allclose(places_of(tilted, 2), [[-0.025, 0.5], [0.025, 0.0]], atol=1e-7)


def test_nobody_knows() -> None:
    assert places_of(None, 3).tolist() == [[0, 0]] * 3
    assert places_of(geometry([40]), 1).tolist() == [[0, 0]]
    assert places_of(None, 2).dtype == np.float32
    with pytest.raises(ValueError, match="geometry has 2 slices; the scan has 3"):
        places_of(geometry([0, 5]), 3)


def test_a_package_is_told_where_the_slices_lie(tmp_path: Path) -> None:
    """Black slices at logit -30; heights and ten times the spacings are added."""
    predictor = Predictor(tiny_package(tmp_path / "tiny", onnx=tiny_onnx(places=True)))
    images = np.zeros((3, 1, 40, 40), np.float32)
    told = predictor.predict(images, places_of(geometry([0, 5, 10]), 3))
    np.testing.assert_allclose(told.logits[:, 0], [-30 - 0.05 + 5, -30 + 5, -30 + 0.05], rtol=1e-6)
    np.testing.assert_allclose(predictor.predict(images).logits[:, 0], [-30, -30, -30])
    with pytest.raises(ValueError, match=r"places have shape \(2, 2\); expected \(3, 2\)"):
        predictor.predict(images, np.zeros((2, 2), np.float32))


def test_windows_of_a_long_scan_see_their_own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregma.models.predictor.CHUNK_PIXELS", 2 * 40 * 40)
    predictor = Predictor(tiny_package(tmp_path / "tiny", onnx=tiny_onnx(places=True)))
    places = np.arange(10, dtype=np.float32).reshape(5, 2)
    logits = predictor.predict(np.zeros((5, 1, 40, 40), np.float32), places).logits[:, 0]
    np.testing.assert_allclose(logits, -30 + places[:, 0] + 10 * places[:, 1], rtol=1e-6)


def test_a_package_that_does_not_ask_is_not_told(tmp_path: Path) -> None:
    predictor = Predictor(tiny_package(tmp_path / "tiny"))
    assert predictor.predict(np.zeros((2, 1, 40, 40), np.float32), np.ones((2, 2), np.float32)).logits.max() == -30


@pytest.mark.parametrize("with_geometry", [True, False])
def test_a_reading_tells_what_the_scan_knows(tmp_path: Path, *, with_geometry: bool) -> None:
    """Empty slices 5 mm apart: ten times 0.5 cm lifts all but the last from sigmoid(-3) to sigmoid(2)."""
    onnx = tiny_onnx(gain=0.0, offset=-3.0, places=True, maps=False)
    reading = read_scan(
        head_scan(slices=3, with_geometry=with_geometry), [Predictor(tiny_package(tmp_path / "tiny", onnx=onnx))]
    )
    expected = [-3 - 0.05 + 5, -3 + 5, -3 + 0.05] if with_geometry else [-3, -3, -3]
    np.testing.assert_allclose(reading.slice_probabilities[:, 0], 1 / (1 + np.exp(-np.array(expected))), rtol=1e-5)


def test_places_of_another_width_are_no_places() -> None:
    session = open_session(tiny_onnx(places=True, places_width=1))
    with pytest.raises(PackageError, match=r"'places' as tensor\(float\) .*expected tensor\(float\) \('slices', 2\)"):
        check_graph(session, channels=1, size=40, findings=1)
    with pytest.raises(PackageError, match="expected input 'images' and at most 'places'"):
        check_graph(open_session(tiny_onnx(input_name="pictures")), channels=1, size=40, findings=1)
