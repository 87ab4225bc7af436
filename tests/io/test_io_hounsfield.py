"""Stored values to Hounsfield units: worked by hand, a few pixels at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bregma.io import hu_check
from bregma.io.dicom_image import PixelFormat
from bregma.io.hounsfield import to_hounsfield


def layout(**changes: Any) -> PixelFormat:
    plain: dict[str, Any] = {
        "rows": 1, "columns": 4, "bits_allocated": 16, "bits_stored": 16, "high_bit": 15, "signed": True,
        "slope": 1.0, "intercept": 0.0, "padding": None,
    }  # fmt: skip
    return PixelFormat(**{**plain, **changes})


def convert(stored: list[int], dtype: str = "int16", **changes: Any) -> tuple[list[int], tuple[str, ...]]:
    values = np.array([stored], dtype=dtype)
    out = np.empty(values.shape, dtype=np.int16)
    said = to_hounsfield(values, layout(columns=len(stored), **changes), out)
    return out[0].tolist(), said


CLAMPED = "values below -1024 HU (padding) set to -1024"
CUT = "values beyond 16 bits cut off"


@pytest.mark.parametrize(
    ("stored", "changes", "expected", "said"),
    [
        ([-1000, 0, 35, 3000], {}, [-1000, 0, 35, 3000], ()),
        ([24, 1024, 1059, 4095], {"intercept": -1024.0}, [-1000, 0, 35, 3071], ()),
        ([-2000, -1024, -1025, 0], {}, [-1024, -1024, -1024, 0], (CLAMPED,)),
        ([0, 500, 517, 2], {"slope": 2.0, "intercept": -1000.0}, [-1000, 0, 34, -996], ()),
        ([0, 1, 2, 3], {"slope": 0.4}, [0, 0, 1, 1], ("rounded to whole HU",)),
        ([0, 1, 2, 3], {"intercept": 0.6}, [1, 2, 3, 4], ("rounded to whole HU",)),
        ([-32768, 32767, 0, 1], {"intercept": 100.0}, [-1024, 32767, 100, 101], (CUT, CLAMPED)),
        ([32767, 1, 0, 0], {"slope": 1e9}, [32767, 32767, 0, 0], (CUT,)),
        ([-2000, 0, 35, 40], {"padding": (-2000, -2000)}, [-1024, 0, 35, 40], (CLAMPED,)),
        ([3000, 0, 35, 3000], {"padding": (2990, 3010)}, [-1024, 0, 35, -1024], ("pixel padding set to -1024 HU",)),
        ([0, 35, 0, 40], {"padding": (0, 0)}, [-1024, 35, 0, 40], ("pixel padding set to -1024 HU",)),
        ([7, 35, 7, 40], {"padding": (9, 9)}, [7, 35, 7, 40], ()),
    ],
)
def test_signed_values(stored: list[int], changes: dict[str, Any], expected: list[int], said: tuple[str, ...]) -> None:
    assert convert(stored, **changes) == (expected, said)


@pytest.mark.parametrize(
    ("stored", "changes", "expected", "said"),
    [
        ([0, 1024, 4095, 60000], {"intercept": -1024.0}, [-1024, 0, 3071, 32767], (CUT,)),
        ([40000, 1024, 0, 0], {"intercept": -20000.0}, [20000, -1024, -1024, -1024], (CLAMPED,)),
        ([0xF400, 0x0419], {"bits_stored": 12, "high_bit": 11, "intercept": -1024.0}, [0, 25],
         ("bits outside the 12 stored ones cleared",)),
    ],
)  # fmt: skip
def test_unsigned_values(
    stored: list[int], changes: dict[str, Any], expected: list[int], said: tuple[str, ...]
) -> None:
    assert convert(stored, "uint16", signed=False, **changes) == (expected, said)


def test_signed_bits_in_the_upper_part() -> None:
    stored = [(-1000 << 4) & 0xFFF0, (35 << 4) | 7]
    values = np.array(stored, dtype=np.uint16).view(np.int16).tolist()
    assert convert(values, bits_stored=12, high_bit=15) == ([-1000, 35], ("bits outside the 12 stored ones cleared",))


def test_the_wrap_of_rsna_files_is_undone() -> None:
    """-1000 HU in 12 unsigned bits without an offset is 3096; the brain at 35 HU stands as it is."""
    stored = np.full((8, 8), 3096, dtype=np.uint16)
    stored[2:6, 2:6] = 35
    out = np.empty((8, 8), dtype=np.int16)
    twelve = layout(rows=8, columns=8, bits_stored=12, high_bit=11, signed=False, intercept=0.0)
    (said,) = to_hounsfield(stored, twelve, out)
    assert out[0, 0] == -1000
    assert out[3, 3] == 35
    assert "wrap" in said


def test_dense_metal_alone_is_no_wrap() -> None:
    stored = np.full((20, 20), 1000, dtype=np.uint16)
    stored[0, :8] = 3096
    out = np.empty((20, 20), dtype=np.int16)
    assert to_hounsfield(stored, layout(bits_stored=12, high_bit=11, signed=False), out) == ()
    assert out[0, 0] == 3096


def test_values_read_in_place_are_changed_in_place() -> None:
    out = np.array([[24, 1059]], dtype=np.int16)
    to_hounsfield(out.view(np.uint16), layout(columns=2, signed=False, intercept=-1024.0), out)
    assert out.tolist() == [[-1000, 35]]


def head(*, air: int = -1000, brain: int = 35) -> np.ndarray:
    values = np.full((64, 64), air, dtype=np.int16)
    values[16:48, 16:48] = brain
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (head(), "ok"),
        (head(air=-1024), "ok"),
        (np.full((64, 64), -1000), "blank"),
        (head(air=24, brain=1059), "no value below 0"),
        (head(brain=30000), "values up to 30000"),
        (head(brain=900), "no soft tissue"),
        (head(air=-50), "no air and no fat"),
    ],
)
def test_what_speaks_against_hounsfield_units(values: np.ndarray, words: str) -> None:
    (doubt,) = hu_check.doubts(hu_check.look(values[None].astype(np.int16)))
    assert words in doubt


def test_a_slice_that_grazes_the_scalp_is_no_doubt() -> None:
    values = np.full((64, 64), -1000, dtype=np.int16)
    values[30:34, 20:40] = -300
    assert hu_check.doubts(hu_check.look(values[None])) == ("ok",)


def test_a_slice_of_air_above_the_head_is_no_doubt() -> None:
    values = np.full((64, 64), -1000, dtype=np.int16)
    values[0, 0] = -990
    content = hu_check.look(values[None])
    assert hu_check.doubts(content) == ("ok",)
    assert content.blank
