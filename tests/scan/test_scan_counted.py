from __future__ import annotations

import errno

import pytest

from bregma.scan.counted import counted, named
from bregma.scan.errors import did_you_mean, not_written


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


def test_many_files_are_the_first_and_a_number() -> None:
    assert named(()) == ""
    assert named(("a", "b")) == "a, b"
    assert named(("a", "b", "c", "d")) == "a, b and 2 more"
    assert named(("a", "b"), shown=1) == "a and 1 more"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.ENOSPC, "full"),
            "x cannot be written (full); free some space there and give the same command again",
        ),
        (OSError(errno.EACCES, "denied"), "x cannot be read or written (denied); choose another place"),
        (
            OSError("8 requested and 0 written"),
            "x cannot be read or written (8 requested and 0 written); choose another place, or free some space there",
        ),
        (OSError(), "x cannot be read or written (OSError); choose another place, or free some space there"),
    ],
)
def test_what_the_system_refuses_is_a_sentence_with_a_way_out(error: OSError, sentence: str) -> None:
    assert not_written("x", error) == sentence


def test_what_was_meant_is_guessed_or_all_that_is_known_is_told() -> None:
    assert did_you_mean("radnett", ["radnet", "densenet"]) == "; did you mean 'radnet'?"
    assert did_you_mean("x", ["b", "a"]) == "; known: a, b"
    assert did_you_mean("x", []) == "; none is known"
