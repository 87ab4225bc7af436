"""Preprocessing settings: what a recipe or a package may say."""

import hashlib

import pytest

from bregma.preprocessing.settings import Preprocessing
from bregma.preprocessing.window import PRESETS, Window
from bregma.scan.errors import RecipeError


@pytest.mark.parametrize(
    ("pixel_mm", "field", "pixels", "size"),
    [(1.0, 250.0, 250, 256), (2.0, 250.0, 125, 128), (0.5, 250.0, 500, 504), (1.0, 256.0, 256, 256), (8, 1, 1, 8)],
)
def test_the_size_is_the_next_multiple_of_eight(pixel_mm: float, field: float, pixels: int, size: int) -> None:
    settings = Preprocessing(pixel_mm=pixel_mm, field_of_view_mm=field)
    assert (settings.pixels, settings.size) == (pixels, size)


def test_there_and_back() -> None:
    settings = Preprocessing((Window(40, 80), PRESETS["bone"]), pixel_mm=2, field_of_view_mm=240, size=136)
    assert Preprocessing.from_dict(settings.to_dict()) == settings


def test_presets_by_name_are_the_same_settings() -> None:
    by_name = Preprocessing.from_dict({"windows": ["brain", {"center": 80, "width": 200}], "pixel_mm": 1})
    assert by_name.windows == (PRESETS["brain"], PRESETS["subdural"])
    assert by_name == Preprocessing.from_dict(by_name.to_dict())


def test_the_digest_is_known_and_whole_numbers_are_fractions() -> None:
    words = (
        '{"algorithm":1,"field_of_view_mm":250.0,"pixel_mm":1.0,"size":256,"windows":[{"center":40.0,"width":80.0}]}'
    )
    assert Preprocessing().digest == hashlib.sha256(words.encode()).hexdigest()[:16]
    assert Preprocessing((Window(40.0, 80.0),), 1, 250).digest == Preprocessing((Window(40, 80),), 1.0, 250.0).digest


@pytest.mark.parametrize(
    "change",
    [
        {"windows": ["subdural"]},
        {"windows": ["brain", "brain"]},
        {"pixel_mm": 2},
        {"field_of_view_mm": 249},
        {"size": 264},
    ],
)
def test_every_setting_changes_the_digest(change: dict) -> None:
    assert Preprocessing.from_dict(change).digest != Preprocessing().digest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"pixl_mm": 1}, "no key 'pixl_mm'; did you mean 'pixel_mm'"),
        ({"windows": []}, "windows is empty"),
        ({"windows": "brain"}, "expected a list of windows"),
        ({"windows": ["brian"]}, "no preset 'brian'; did you mean 'brain'"),
        ({"windows": [3]}, "holds 3"),
        ({"windows": [{"center": 40}]}, "both center and width"),
        ({"windows": [{"center": 40, "width": 80, "depth": 1}]}, "no key 'depth'"),
        ({"windows": [{"center": "40", "width": 80}]}, "windows center is '40'"),
        ({"windows": [{"center": 40, "width": 0}]}, "width 0"),
        ({"pixel_mm": 0}, "pixel_mm is 0"),
        ({"pixel_mm": -1}, "pixel_mm is -1"),
        ({"pixel_mm": float("nan")}, "pixel_mm is nan"),
        ({"pixel_mm": "1"}, "pixel_mm is '1'; expected a number"),
        ({"pixel_mm": True}, "pixel_mm is True"),
        ({"field_of_view_mm": 0}, "field_of_view_mm is 0"),
        ({"size": 250}, "size is 250"),
        ({"size": 248}, "at least 256"),
        ({"size": 256.5}, "expected a whole number"),
        ({"size": -256}, "size is -256"),
    ],
)
def test_what_makes_no_sense_is_refused(data: dict, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Preprocessing.from_dict(data)
