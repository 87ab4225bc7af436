"""What is known about a scan, and by which of its labels it teaches."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bregma.catalogue.targets import Statements
from bregma.scan.errors import RequestError
from bregma.scan.labels import Label, Level
from bregma.training.sampling import TrainingScan
from bregma.training.truth import check_sources, load_targets

FINDINGS = ["any", "subdural"]
KEYS = ("a", "b", "c")


def of_slice(key: str, term: str, value: float, source: str = "reader:1") -> Label:
    return Label("1.2", Level.SLICE, key, term, value, source)


def of_scan(term: str, value: float, source: str = "report") -> Label:
    return Label("1.2", Level.SCAN, None, term, value, source)


def known_of(*labels: Label, drawn: Sequence[Any] = (), **how: Any) -> TrainingScan:
    said = Statements(KEYS, labels, tuple(drawn))
    records: Any = [SimpleNamespace(series_uid="1.2")]
    return load_targets(SimpleNamespace(statements=lambda _uid: said), records, FINDINGS, **how)[0]


def drawn_on(*slices: int) -> tuple[str, Any, Any]:
    """A source that looked for subdural blood on some slices and drew it on the first of them."""
    known, present = np.zeros(3, np.uint8), np.zeros(3, np.uint8)
    known[list(slices)], present[slices[0]] = 0b100001, 0b100001
    return "reader:2", known, present


@pytest.mark.parametrize("by_kind", [False, True])
def test_the_kind_of_label(by_kind: bool) -> None:
    kinds = [
        known_of(of_slice("b", "any", 0.0), of_scan("any", 1.0), by_kind=by_kind).kind,
        known_of(drawn=[drawn_on(1)], by_kind=by_kind).kind,
        known_of(of_scan("any", 0.0), by_kind=by_kind).kind,
        known_of(of_scan("subdural", 1.0), by_kind=by_kind).kind,
        known_of(Label("1.2", Level.LESION, "1", "subdural", 1.0, "r"), by_kind=by_kind).kind,
        known_of(of_scan("epidural", 0.0), by_kind=by_kind).kind,
        known_of(by_kind=by_kind).kind,
        known_of(of_slice("b", "any", 1.0, source="model:abc"), by_kind=by_kind).kind,
    ]
    assert kinds == ["slices", "slices", "scan", "scan", "scan", "none", "none", "none"]


def test_labelled_slices_teach_by_themselves_and_not_by_the_scan() -> None:
    """The scan is said to be without blood; a slice said to be so is known, the others only follow from the scan."""
    labels = of_slice("b", "any", 0.0), of_scan("any", 0.0)
    own = known_of(*labels, by_kind=True)
    assert own.known.tolist() == [[False, False], [True, True], [False, False]]
    assert own.mask_known.tolist() == [False, True, False]
    assert not own.scan_known.any()
    whole = known_of(*labels)
    assert whole.known.all()
    assert whole.mask_known.all()
    assert whole.scan_known.all()


def test_a_labelled_scan_teaches_by_its_label_and_not_by_its_slices() -> None:
    own = known_of(of_scan("any", 0.0), by_kind=True)
    assert not own.known.any()
    assert not own.mask_known.any()
    assert own.scan_known.tolist() == [True, True]
    assert own.scan_value.tolist() == [0, 0]
    positive = known_of(of_scan("subdural", 1.0), by_kind=True)
    assert (positive.scan_known.tolist(), positive.scan_value.tolist()) == ([True, True], [1, 1])
    assert known_of(of_scan("any", 1.0), by_kind=True).scan_known.tolist() == [True, False]


def test_everything_that_follows_is_known_where_kinds_are_not_asked_for() -> None:
    scan = known_of(of_scan("subdural", 0.0), of_slice("a", "any", 1.0))
    assert scan.known.tolist() == [[True, True], [False, True], [False, True]]
    assert scan.value.tolist() == [[1, 0], [0, 0], [0, 0]]
    assert (scan.scan_known.tolist(), scan.scan_value.tolist()) == ([True, True], [1, 0])


def test_a_scan_without_labels_knows_nothing() -> None:
    scan = known_of(by_kind=True)
    assert not scan.known.any()
    assert not scan.scan_known.any()
    assert not scan.mask_known.any()
    assert scan.positive is None
    assert scan.value.shape == (3, 2)


def test_only_the_sources_asked_for_count() -> None:
    labels = of_slice("a", "any", 1.0), of_slice("a", "any", 0.0, "reader:9"), of_scan("any", 1.0)
    assert known_of(*labels).value[0, 0] == 0.5
    assert known_of(*labels, sources=["reader:9"]).value[0, 0] == 0
    assert known_of(*labels, sources=["report"], by_kind=True).kind == "scan"
    assert known_of(*labels, drawn=[drawn_on(1, 2)], sources=["reader:1"]).mask_known.tolist() == [False] * 3
    assert known_of(drawn=[drawn_on(1, 2)]).mask_known.tolist() == [False, True, True]


def test_a_source_that_nobody_knows_is_refused() -> None:
    with pytest.raises(RequestError, match=r"'reader:11', which spoke of no scan; did you mean 'reader:1'\?"):
        check_sources(["dataset:x", "reader:11"], ["dataset:x", "reader:1"])
    check_sources(["reader:1"], ["dataset:x", "reader:1"])


def test_a_scan_is_positive_by_its_own_label_too() -> None:
    assert known_of(of_scan("any", 1.0), by_kind=True).positive is True
    assert known_of(of_scan("any", 0.0), by_kind=True).positive is False
