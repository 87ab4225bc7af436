"""Targets worked out by hand from statements; n is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from bregma.catalogue.targets import Statements, scan_target, slice_targets
from bregma.scan.labels import Label, Level

UID = "1.2.3"
KEYS = ("a", "b", "c")
n = None


def scan(term: str, value: float, source: str = "r1") -> Label:
    return Label(UID, Level.SCAN, None, term, value, source)


def one(part: str, term: str, value: float, source: str = "r1") -> Label:
    return Label(UID, Level.SLICE, part, term, value, source)


def lesion(term: str, value: float = 1.0) -> Label:
    return Label(UID, Level.LESION, "lesion 1", term, value, "r1")


def drawn(known: list[int], present: list[int]) -> tuple[tuple[str, np.ndarray, np.ndarray], ...]:
    return (("r1", np.array(known, np.uint8), np.array(present, np.uint8)),)


@pytest.mark.parametrize(
    ("labels", "finding", "slices", "whole"),
    [
        # nobody spoke
        ([], "any", [n, n, n], None),
        # a scan label says nothing of a slice when it is positive, everything when it is negative
        ([scan("any", 1)], "any", [n, n, n], 1),
        ([scan("any", 0)], "any", [0, 0, 0], 0),
        # the hierarchy: no bleed is no subdural; a subdural is a bleed; no subdural says nothing of others
        ([scan("any", 0)], "subdural", [0, 0, 0], 0),
        ([scan("subdural", 1)], "any", [n, n, n], 1),
        ([scan("subdural", 0)], "any", [n, n, n], None),
        ([scan("any", 1)], "subdural", [n, n, n], None),
        ([scan("any", 1), scan("subdural", 0)], "subdural", [0, 0, 0], 0),
        # slices
        ([one("b", "any", 1)], "any", [n, 1, n], 1),
        ([one("b", "any", 0)], "any", [n, 0, n], None),
        ([one(key, "any", 0) for key in KEYS], "any", [0, 0, 0], 0),
        ([one(key, "any", 0) for key in KEYS], "epidural", [0, 0, 0], 0),
        ([one("a", "epidural", 1)], "any", [1, n, n], 1),
        # a slice label is nearer than what the scan implies
        ([scan("any", 0), one("c", "any", 1)], "any", [0, 0, 1], 0),
        # a probability stays one
        ([one("a", "any", 0.25)], "any", [0.25, n, n], None),
        # all five subtypes absent is no bleed of a known kind
        (
            [
                one("a", name, 0)
                for name in ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
            ],
            "any",
            [0, n, n],
            None,
        ),
        # a lesion makes the scan, but says nothing of slices
        ([lesion("subdural")], "subdural", [n, n, n], 1),
        ([lesion("subdural")], "any", [n, n, n], 1),
        ([lesion("subdural", 0.0)], "subdural", [n, n, n], None),
    ],
)
def test_one_source(labels: list[Label], finding: str, slices: list[float | None], whole: float | None) -> None:
    said = Statements(KEYS, tuple(labels))
    value, known = slice_targets(said, finding, said.sources())
    assert known.tolist() == [item is not None for item in slices]
    assert value.tolist() == [item or 0.0 for item in slices]
    assert scan_target(said, finding, said.sources()) == whole


def test_what_was_drawn_is_known_slice_by_slice() -> None:
    # bit 0 any, bit 5 subdural; slice a: looked for both, drew both; b: looked, drew nothing; c: did not look
    said = Statements(KEYS, (), drawn([0b100001, 0b100001, 0], [0b100001, 0, 0]))
    for finding in ("any", "subdural"):
        value, known = slice_targets(said, finding, ["r1"])
        assert value.tolist() == [1, 0, 0]
        assert known.tolist() == [True, True, False]
    assert not slice_targets(said, "epidural", ["r1"])[1].any()
    assert scan_target(said, "any", ["r1"]) == 1


def test_sources_are_averaged_where_they_speak() -> None:
    said = Statements(KEYS, (one("a", "any", 1, "r1"), one("a", "any", 0, "r2"), one("b", "any", 1, "r2")))
    value, known = slice_targets(said, "any", ["r1", "r2"])
    assert value.tolist() == [0.5, 1, 0]
    assert known.tolist() == [True, True, False]
    assert slice_targets(said, "any", ["r1"])[0].tolist() == [1, 0, 0]
    three = Statements(KEYS, (scan("any", 1, "r1"), scan("any", 1, "r2"), scan("any", 0, "r3")))
    assert scan_target(three, "any", ["r1", "r2", "r3"]) == pytest.approx(2 / 3)
