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

PLACES = (
    Term("along falx/tentorium", "Along falx or tentorium", "along_falx_tentorium", OWN),
    Term("basal cisterns", "Basal cisterns", "basal_cisterns", OWN),
    Term("brainstem", "Brainstem", "119238007"),
    Term("cerebellum", "Cerebellum", "113305005"),
    Term("ethmoidal", "Ethmoid sinus", "54215007"),
    Term("frontal region", "Frontal region", "83251001"),
    Term("gangliocapsular region", "Gangliocapsular region", "gangliocapsular", OWN),
    Term("maxillary", "Maxillary sinus", "15924003"),
    Term("occipital region", "Occipital region", "31065004"),
    Term("parietal region", "Parietal region", "16630005"),
    Term("sphenoid", "Sphenoid sinus", "24999009"),
    Term("sulcal spaces", "Sulcal spaces", "sulcal_spaces", OWN),
    Term("temporal region", "Temporal region", "78277001"),
    Term("thalamus", "Thalamus", "42695009"),
    Term("ventricular system", "Ventricular system", "35764002"),
)
"""The 15 places of the anatomy paper (Varadarajan et al. 2017, table 1), in its order.

The four regions carry the SNOMED CT codes of their lobes, the nearest concepts there are: blood over a lobe is in its
region too. What has no concept of its own (blood along a fold of dura, basal ganglia with internal capsule, cisterns
and sulci as groups) has a code of ours.
"""

ANATOMY = tuple(term.name for term in PLACES)
"""Their names; a region map holds index + 1, and 0 where there is none."""

LATERALITIES = (
    Term("left", "Left", "7771000"),
    Term("right", "Right", "24028007"),
    Term("both", "Right and left", "51440002"),
    Term("midline", "Midline", "399488007"),
)
"""The patient's side, kept beside a place and never in its name: a mirrored head swaps it and leaves the place."""

TUMOUR_TYPES = (
    Term("metastasis", "Metastasis", "128462008"),
    Term("meningioma", "Meningioma", "302820008"),
    Term("schwannoma", "Schwannoma", "985004"),
    Term("glioma", "Glioma", "393564001"),
    Term("pituitary", "Pituitary tumor", "127024001"),
)
"""The three types of the retrieval paper, then those that public T1c data sets add."""

TUMOUR_AREAS = (
    Term("frontal region", "Frontal region", "83251001"),
    Term("parietal region", "Parietal region", "16630005"),
    Term("temporal region", "Temporal region", "78277001"),
    Term("occipital region", "Occipital region", "31065004"),
    Term("insula", "Insula", "36169008"),
    Term("basal ganglia", "Basal ganglia", "32610002"),
    Term("thalamus", "Thalamus", "42695009"),
    Term("cerebellum", "Cerebellum", "113305005"),
    Term("brainstem", "Brainstem", "119238007"),
    Term("cerebellopontine angle", "Cerebellopontine angle", "cerebellopontine_angle", OWN),
    Term("ventricular system", "Ventricular system", "35764002"),
)
"""Eleven anatomical areas, as many as the retrieval paper has; it names two of its own, which are among these."""

DEPTHS = (Term("front", "Anterior", "255549009"), Term("rear", "Posterior", "255551008"))
HEIGHTS = (Term("upper", "Superior", "264217000"), Term("lower", "Inferior", "261089000"))
"""Front or rear and upper or lower half of the head."""

TUMOUR_CRITERIA = {
    "type": TUMOUR_TYPES,
    "area": TUMOUR_AREAS,
    "side": LATERALITIES[:2],
    "depth": DEPTHS,
    "height": HEIGHTS,
}
"""What may be known about a tumour, and what it can be (tumour retrieval, section 3.2)."""

_FINDING_NAMES = frozenset(term.name for term in FINDINGS)
_PLACE_NAMES = frozenset(ANATOMY)


def is_finding(name: str) -> bool:
    """Whether a name is one of the six findings."""
    return name in _FINDING_NAMES


def is_place(name: str) -> bool:
    """Whether a name is one of the 15 places."""
    return name in _PLACE_NAMES


def implied_any(subtypes: dict[str, float]) -> float | None:
    """The least value that `any` can have beside the subtype values given; None when none is given."""
    values = [value for name, value in subtypes.items() if name in SUBTYPES]
    return max(values) if values else None
