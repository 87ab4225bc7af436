"""Every error that Bregma raises on purpose.

BregmaError
├── RequestError            the request itself is wrong: path, option, recipe key (exit code 2)
│   └── RecipeError         a recipe has a key or a value that its type does not know
├── RefusedError            an input was understood well enough to say why it is not used
├── PackageError            a model package is damaged, incomplete or of another format
├── LibraryError            the library folder or its database is not what it should be
├── MissingExtraError       a command needs an extra that is not installed
└── StoppedError            somebody asked to stop; what was done is kept (exit code 130)

A refused input is not a failure of the program: bulk work turns a `RefusedError` into a `Refusal` row and goes on.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says when a disk, or one's share of it, is full."""


class BregmaError(Exception):
    """The family: what, the value, where, and what to do."""


class RequestError(BregmaError):
    """The request itself is wrong; nothing was done."""


class RecipeError(RequestError):
    """A recipe has a key or a value that its type does not know."""


class RefusedError(BregmaError):
    """An input that cannot be used.

    Args:
        code: a word from the list of codes in docs/codes.md, such as "truncated_pixels".
        reason: one sentence for a person.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class PackageError(BregmaError):
    """A model package is damaged, incomplete or of another format."""


class LibraryError(BregmaError):
    """The library folder or its database is not what it should be."""


class MissingExtraError(BregmaError):
    """A command needs an extra that is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'bregma[{extra}]'")
        self.extra = extra


class StoppedError(BregmaError):
    """Somebody asked to stop; what was done is kept, and the same command goes on."""


def not_written(name: str, error: OSError) -> str:
    """The sentence about a place that the system does not let us use, and what to do: make room, or go elsewhere.

    Args:
        name: of the file, without its folders.
        error: what the system said; libraries that write files themselves leave out the number, and the sentence too.
    """
    if error.errno in FULL:
        return f"{name} cannot be written ({error.strerror}); free some space there and give the same command again"
    why = error.strerror or str(error) or type(error).__name__
    remedy = "choose another place" if error.errno else "choose another place, or free some space there"
    return f"{name} cannot be read or written ({why}); {remedy}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error message: "; did you mean 'x'?", the list of what is known, or that nothing is."""
    choices = sorted(known)
    if not choices:
        return "; none is known"
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(choices)}"
