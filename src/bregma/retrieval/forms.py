"""The forms in which an index can hold its vectors for scanning, by name."""

from __future__ import annotations

from bregma.retrieval.bounds import Form
from bregma.retrieval.int8 import Int8
from bregma.retrieval.pairs import Pairs
from bregma.retrieval.plain import Plain
from bregma.scan.errors import RequestError, did_you_mean

FORMS: dict[str, Form] = {"float32": Plain(), "pairs16": Pairs(), "int8": Int8()}
"""All give the same answers; they differ in memory and time (docs/decisions/0007-search.md)."""


def form_named(name: str) -> Form:
    """One of them.

    Raises:
        RequestError: there is none of this name.
    """
    if name not in FORMS:
        raise RequestError(f"an index cannot hold its vectors as {name!r}{did_you_mean(name, FORMS)}")
    return FORMS[name]
