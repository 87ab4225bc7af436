"""The words for findings and signs: one name for one thing, and codes that a receiver can tell from ours."""

from __future__ import annotations

import re

from bregma.scan.terms import (
    ANATOMY,
    ANY,
    FINDINGS,
    LATERALITIES,
    OWN,
    PLACES,
    SIGNS,
    SUBTYPES,
    implied_any,
    is_finding,
    is_place,
)


def test_names_and_codes_are_there_once() -> None:
    terms = (*FINDINGS, *SIGNS, *PLACES, *LATERALITIES)
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


def test_the_places_are_those_of_the_paper_in_its_order() -> None:
    assert tuple(term.name for term in PLACES) == ANATOMY
    assert ANATOMY[0] == "along falx/tentorium"
    assert ANATOMY[5] == "frontal region"
    assert ANATOMY[14] == "ventricular system"
    assert is_place("thalamus")
    assert not is_place("subdural")
    assert not any(is_finding(name) for name in ANATOMY)


def test_places_without_a_concept_have_a_code_of_our_own() -> None:
    own = {term.name for term in PLACES if term.scheme == OWN}
    assert own == {"along falx/tentorium", "basal cisterns", "gangliocapsular region", "sulcal spaces"}


def test_codes_that_dicom_lists_are_those_of_pydicom() -> None:
    from pydicom.sr.codedict import codes

    listed = {
        "brainstem": codes.SCT.BrainStem,
        "cerebellum": codes.SCT.Cerebellum,
        "frontal region": codes.SCT.FrontalLobe,
        "maxillary": codes.SCT.MaxillarySinus,
        "occipital region": codes.SCT.OccipitalLobe,
        "parietal region": codes.SCT.ParietalLobe,
        "temporal region": codes.SCT.TemporalLobe,
        "thalamus": codes.SCT.Thalamus,
        "ventricular system": codes.SCT.BrainVentricle,
        "left": codes.SCT.Left,
        "right": codes.SCT.Right,
        "both": codes.SCT.RightAndLeft,
    }
    ours = {term.name: term.code for term in (*PLACES, *LATERALITIES)}
    assert {name: ours[name] for name in listed} == {name: code.value for name, code in listed.items()}
