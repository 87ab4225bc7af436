"""Majorities and ties of what sources say of a tumour, counted by hand."""

from __future__ import annotations

from bregma.catalogue.tumour_votes import contested, settled, votes
from bregma.scan.labels import Label, Level


def said(source: str, term: str, number: int = 1) -> Label:
    return Label("1.2", Level.LESION, str(number), term, 1.0, source)


def test_two_types_of_one_tumour_are_contested_and_unknown() -> None:
    found = votes([said("reader:a", "type:glioma"), said("reader:b", "type:meningioma"), said("reader:a", "side:left")])
    assert contested(found) == ["type of tumour 1: glioma or meningioma"]
    assert settled(found) == {1: {"side": "left"}}


def test_a_majority_settles_it_and_a_model_has_no_vote() -> None:
    labels = [said("reader:a", "type:glioma"), said("reader:b", "type:meningioma"), said("reader:c", "type:glioma")]
    assert contested(votes(labels)) == []
    assert settled(votes(labels)) == {1: {"type": "glioma"}}
    even = votes([*labels[:2], said("model:x", "type:glioma")])
    assert contested(even) == ["type of tumour 1: glioma or meningioma"]
