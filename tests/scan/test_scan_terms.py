"""The words for findings and signs: one name for one thing, and codes that a receiver can tell from ours."""

from __future__ import annotations

import re

from bregma.scan.terms import ANY, FINDINGS, OWN, SIGNS, SUBTYPES, implied_any, is_finding


def test_names_and_codes_are_there_once() -> None:
    terms = (*FINDINGS, *SIGNS)
    assert len({term.name for term in terms}) == len(terms)
    assert len({(term.scheme, term.code) for term in terms}) == len(terms)


def test_codes_of_our_own_are_marked_as_such() -> None:
    assert OWN.startswith("99")
    assert len(OWN) <= 16  # a short string, PS3.5 section 6.2
    assert {term.scheme for term in SIGNS} == {OWN}
    for term in FINDINGS:
        assert re.fullmatch(r"\d{6,18}", term.code)


def test_signs_are_no_findings_and_imply_none() -> None:
    assert [term.name for term in FINDINGS] == [ANY, *SUBTYPES]
    assert not any(is_finding(term.name) for term in SIGNS)
    assert implied_any({term.name: 1.0 for term in SIGNS}) is None
