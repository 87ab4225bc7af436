from __future__ import annotations

import pytest

from bregma.scan.counted import counted
from bregma.scan.errors import did_you_mean


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, ("slice",), "0 slices"),
        (1, ("slice",), "1 slice"),
        (2, ("new label",), "2 new labels"),
        (1, ("study", "studies"), "1 study"),
        (3, ("study", "studies"), "3 studies"),
    ],
)
def test_one_is_not_many(count: int, words: tuple[str, ...], expected: str) -> None:
    assert counted(count, *words) == expected


def test_what_was_meant_is_guessed_or_all_that_is_known_is_told() -> None:
    assert did_you_mean("radnett", ["radnet", "densenet"]) == "; did you mean 'radnet'?"
    assert did_you_mean("x", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("x", []) == "; none is known"
