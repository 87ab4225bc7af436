"""The words Bregma uses for what it finds, with their standard codes.

Codes are SNOMED CT (scheme "SCT") as used by DICOM PS3.16; a term has one place in the hierarchy: `any` holds
whenever one of the five subtypes holds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A finding or a place under its Bregma name and its code.

    Attributes:
        name: the word used in labels, recipes, tables and JSON.
        title: the words a radiologist would write in a report.
        code: the code value in `scheme`.
        scheme: the coding scheme designator (PS3.16 section 8).
    """

    name: str
    title: str
    code: str
    scheme: str = "SCT"


FINDINGS = (
    Term("any", "Intracranial hemorrhage", "1386000"),
    Term("epidural", "Epidural hemorrhage", "68752002"),
    Term("intraparenchymal", "Intraparenchymal hemorrhage", "274100004"),
    Term("intraventricular", "Intraventricular hemorrhage", "23276006"),
    Term("subarachnoid", "Subarachnoid hemorrhage", "21454007"),
    Term("subdural", "Subdural hemorrhage", "35486000"),
)
"""The six findings of the RSNA 2019 challenge; the first is implied by any of the others."""

OWN = "99BREGMA"
"""Our own coding scheme, for what we found no code of in a published list; private ones begin with 99 (PS3.16 8)."""

SIGNS = (
    Term("bleed_left", "Intracranial hemorrhage, left", "bleed_left", OWN),
    Term("bleed_right", "Intracranial hemorrhage, right", "bleed_right", OWN),
    Term("chronic_bleed", "Chronic intracranial hemorrhage", "chronic_bleed", OWN),
    Term("fracture", "Fracture of skull", "fracture", OWN),
    Term("calvarial_fracture", "Fracture of calvaria", "calvarial_fracture", OWN),
    Term("other_fracture", "Fracture of skull other than of calvaria", "other_fracture", OWN),
    Term("mass_effect", "Mass effect", "mass_effect", OWN),
    Term("midline_shift", "Midline shift", "midline_shift", OWN),
)
"""What the readers of CQ500 and CT-ICH marked beside the six findings: kept as labels, neither drawn nor learned."""

ANY = "any"
SUBTYPES = tuple(term.name for term in FINDINGS if term.name != ANY)

ANATOMY = (
    "along falx/tentorium",
    "basal cisterns",
    "brainstem",
    "cerebellum",
    "ethmoidal",
    "frontal region",
    "gangliocapsular region",
    "maxillary",
    "occipital region",
    "parietal region",
    "sphenoid",
    "sulcal spaces",
    "temporal region",
    "thalamus",
    "ventricular system",
)
"""The 15 places of the anatomy paper, in its order; a region map holds index + 1, and 0 where there is none."""

_FINDING_NAMES = frozenset(term.name for term in FINDINGS)


def is_finding(name: str) -> bool:
    """Whether a name is one of the six findings."""
    return name in _FINDING_NAMES


def implied_any(subtypes: dict[str, float]) -> float | None:
    """The least value that `any` can have beside the subtype values given; None when none is given."""
    values = [value for name, value in subtypes.items() if name in SUBTYPES]
    return max(values) if values else None
