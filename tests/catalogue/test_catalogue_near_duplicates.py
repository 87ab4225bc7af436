"""Copies of a drawn head are found though noise, grey level, size or place changed; other heads are not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest

from bregma.catalogue.near_duplicates import ALIKE, SAME_DETAIL, alike, detail, middle, probed, sketch
from bregma.phantom import Scanner, draw, sample_head

Slices = list[np.ndarray]
HEADS = 24


@pytest.fixture(scope="module")
def heads() -> list[Slices]:
    """The probed slices of heads that differ in anatomy, pose and bleeds, and not at all in how they are scanned."""
    scanner = Scanner(size=160, slices=5, spacing_mm=32.0, noise_hu=4.0)
    rng = np.random.default_rng(11)
    drawn = [draw(sample_head(rng, bleeds=[] if k % 2 else None, scanner=scanner)).volume.values for k in range(HEADS)]
    return [[values[index] for index in probed(len(values))] for values in drawn]


def noisy(one: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 8, one.shape)
    return np.clip(np.rint(one + noise), -1024, 3071).astype(np.int16)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noise of 8 HU": noisy,
    "one grey level up": lambda one: one + np.int16(1),
    "five grey levels down and noise": lambda one: noisy(one - np.int16(5)),
    "half the pixels": lambda one: cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "moved by a pixel": lambda one: np.roll(one, 1, axis=1),
}


def looks_like_a_copy(one: Slices, other: Slices) -> bool:
    pairs = alike(sketch(one)[None], sketch(other)[None])
    return bool(list(pairs)) and detail(one[1], other[1]) >= SAME_DETAIL


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(heads: list[Slices], change: str) -> None:
    found = [looks_like_a_copy(head, [CHANGES[change](one) for one in head]) for head in heads]
    assert all(found)


def test_no_two_of_276_pairs_of_other_heads_look_like_copies(heads: list[Slices]) -> None:
    pairs = list(combinations(heads, 2))
    assert len(pairs) == 276
    assert not any(looks_like_a_copy(*pair) for pair in pairs)
    assert max(float(sketch(a) @ sketch(b)) for a, b in pairs) < ALIKE  # so the second look is rarely needed
    assert sum(detail(a[1], b[1]) >= SAME_DETAIL for a, b in pairs) <= 1  # and would nearly do without the first


def test_pairs_are_rows_of_both_sides() -> None:
    rng = np.random.default_rng(0)
    there = rng.normal(size=(2100, 60)).astype(np.float32)
    there /= np.linalg.norm(there, axis=1, keepdims=True)
    here = np.concatenate([there[1030:], there[:1030]])  # more than one piece
    found = set(alike(here, there, least=0.99))
    assert found == {(row, (row + 1030) % 2100) for row in range(2100)}


def test_a_flat_slice_is_like_nothing() -> None:
    flat = np.full((40, 40), -1000, dtype=np.int16)
    assert not sketch([flat] * 3).any()
    assert not list(alike(sketch([flat] * 3)[None], sketch([flat] * 3)[None]))
    assert detail(flat, flat) == 0.0


@pytest.mark.parametrize(("depth", "indices"), [(1, (0, 0, 0)), (2, (0, 0, 1)), (5, (1, 2, 3)), (33, (8, 16, 24))])
def test_three_slices_are_looked_at(depth: int, indices: tuple[int, ...]) -> None:
    assert probed(depth) == indices
    assert middle(depth) == indices[1]
