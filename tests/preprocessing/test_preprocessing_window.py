"""Windows: grey values worked out by hand."""

import numpy as np
import pytest

from bregma.preprocessing.window import PRESETS, Window, apply_windows
from bregma.scan.errors import RecipeError


@pytest.mark.parametrize(
    ("name", "hu", "grey"),
    [
        ("brain", [-1000, 0, 20, 40, 80, 3000], [0, 0, 0.25, 0.5, 1, 1]),
        ("subdural", [-21, -20, 30, 80, 180, 181], [0, 0, 0.25, 0.5, 1, 1]),
        ("soft_tissue", [-150, -55, 40, 135, 230], [0, 0.25, 0.5, 0.75, 1]),
        ("bone", [-800, -100, 600, 1300, 2000], [0, 0.25, 0.5, 0.75, 1]),
        ("grey_white", [28, 30, 32, 34, 36], [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_presets(name: str, hu: list[int], grey: list[float]) -> None:
    values = np.array(hu, np.int16).reshape(1, 1, -1)
    np.testing.assert_allclose(apply_windows(values, (PRESETS[name],))[0, 0, 0], grey, atol=1e-6)


def test_channels_come_in_the_order_of_the_windows() -> None:
    hu = np.full((2, 3, 4), 40, np.int16)
    shown = apply_windows(hu, (PRESETS["brain"], PRESETS["subdural"], PRESETS["grey_white"]))
    assert shown.shape == (3, 2, 3, 4)
    assert shown.dtype == np.float32
    np.testing.assert_allclose(shown[:, 0, 0, 0], [0.5, 0.3, 1.0], atol=1e-6)


def test_the_input_is_left_alone_and_limits_are_exact() -> None:
    hu = np.array([[[-32768, 32767]]], np.int16)
    shown = apply_windows(hu, tuple(PRESETS.values()))
    assert hu.tolist() == [[[-32768, 32767]]]
    assert (shown[..., 0] == 0).all()
    assert (shown[..., 1] == 1).all()


@pytest.mark.parametrize(("center", "width"), [(40, 0), (40, -80), (float("nan"), 80), (40, float("inf"))])
def test_a_window_without_width_is_refused(center: float, width: float) -> None:
    with pytest.raises(RecipeError, match=f"center {center} and width {width}"):
        Window(center, width)
