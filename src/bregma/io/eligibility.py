"""Whether a scan may be read by a network trained on axial, non-contrast head CT, and what its reader should know.

Refused: what such a network has never seen and would answer all the same (other modalities and body parts, contrast,
reformats, projections, maps, blank images, values that are no Hounsfield units). Warned of: what it can be read with,
but less surely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from bregma.io.dicom_header import Header
from bregma.io.dicom_image import number, numbers
from bregma.io.dicom_tags import LOSSY
from bregma.io.hu_check import OK, Content
from bregma.scan.counted import counted
from bregma.scan.study import Remark
from bregma.scan.volume import Geometry

ADULT_YEARS = 18
THICK_MM = 7.6
FEW_SLICES = 8
COVER_MM = 100.0
"""A head measures 130 to 170 mm from the skull base to the vertex; less than this cannot be the whole of it."""

TOP_SHARE = 0.6
"""A top slice that shows this much of the largest one is not at the vertex."""

BODY_MM2 = 55_000.0
"""The largest section of a head with its holder is about 40,000 square mm; of a trunk, 70,000 and more."""

HEAD = re.compile(r"HEAD|BRAIN|SKULL|CRANI|CEREB|\bNCCT|KOPF|SCHAEDEL|SCHÄDEL|TETE|CABEZA|CRANEO|ORBIT|FACE|SINUS")
NOT_HEAD = re.compile(
    r"CHEST|THORAX|LUNG|ABDOMEN|PELVIS|\b[CTL][- ]?SPINE|SPINE|HEART|CARDIAC|CORONARY|KNEE|HIP\b|SHOULDER|ANKLE|FOOT\b"
    r"|HAND\b|WRIST|ELBOW|LIVER|KIDNEY|COLON|EXTREMITY|\bLEG\b|\bARM\b|AORTA|NECK"
)
BONE_KERNEL = re.compile(r"BONE|EDGE|LUNG|ULTRA|SHARP|^[BHTQ][RPF]?[6-9]\d|^FC[38]\d|^Y[CDE]$|^[DE]$|^X?CE?RT[A-Z]*90")
"""GE BONE/BONEPLUS/EDGE/LUNG; Siemens B/H/Br/Hr/Qr 60 and above; Canon FC30-39 and FC80-89; Philips D, E, YC to YE."""

CONTRAST_TEXT = re.compile(
    r"\bC\+|\+C\b|\bCTA\b|\bCTV\b|ANGIO|\bPOST[- _]?CON|WITH CONTRAST|\bW/? ?CON|PERFUSION|CONTRAST ENH|\bCECT"
)
NO_CONTRAST = re.compile(r"^(NONE|NO|N|NIL|W/?O.*|WITHOUT.*|NON.*|0|-|\.|NOT .*)$")
PROJECTION = re.compile(r"\bMIP\b|MINIP|MAXIP|\bMAX_IP|PROJECTION IMAGE|\bVRT?\b|VOLUME ?RENDER|3D ?RENDER|\bSSD\b")
MAPS = re.compile(
    r"PERFUSION|\bR?CBF\b|\bR?CBV\b|\bMTT\b|\bTTP\b|\bTMAX\b|VIRTUAL_NON|IODINE|DUALENERGY|\bDE_|BONE_?REMOV"
)

CT_LIKE = ("", "OT", "SC")
"""Modalities of bare exports, whose pixels must show that they are a CT."""

Verdict = list[Remark]
"""Reasons as code and sentence."""


def refusals(header: Header, geometry: Geometry | None, content: Content, checks: Iterable[str]) -> Verdict:
    """Why a scan must not be read, the gravest first; empty when it may be.

    Args:
        header: of the lowest slice.
        geometry: where the slices lie, if it is known.
        content: what they hold.
        checks: for every slice "ok" or what is doubtful.
    """
    found = [*_other_kind(header, geometry), *_body(header, geometry, content)]
    doubtful = [check for check in checks if check != OK]
    if content.blank:
        found.insert(0, Remark("blank_image", "the images are blank"))
    elif 2 * len(doubtful) > len(content.air) and not any(remark.code == "not_ct" for remark in found):
        found.append(Remark("not_hounsfield", f"the values cannot be Hounsfield units ({doubtful[0]})"))
    return found


def _other_kind(header: Header, geometry: Geometry | None) -> Verdict:
    modality, kind = header.text("Modality").upper(), header.text("ImageType").upper()
    said = said_by(header, "SeriesDescription", "ProtocolName")
    found = []
    if modality not in ("CT", *CT_LIKE):
        found.append(Remark("not_ct", f"the modality is {modality!r}; only CT is read"))
    if geometry is not None and geometry.orientation != "axial":
        reason = f"the slices are {geometry.orientation}; only axial slices, tilted or not, are read"
        found.append(Remark("not_axial", reason))
    if MAPS.search(kind):
        found.append(Remark("computed_map", f"a computed map, not an image of density (image type {kind!r})"))
    elif PROJECTION.search(kind) or PROJECTION.search(said):
        found.append(Remark("projection", "a projection through many slices (MIP or rendering), not a slice"))
    agent = header.text("ContrastBolusAgent").upper()
    if (agent and not NO_CONTRAST.match(agent)) or CONTRAST_TEXT.search(said):
        found.append(Remark("contrast", "contrast agent was given, which looks like blood; only plain CT is read"))
    return found


def _body(header: Header, geometry: Geometry | None, content: Content) -> Verdict:
    named = said_by(header, "BodyPartExamined") or said_by(
        header, "SeriesDescription", "ProtocolName", "StudyDescription"
    )
    if NOT_HEAD.search(named) and not HEAD.search(named):
        return [Remark("not_head", "the file names another part of the body than the head")]
    if geometry is not None and header.text("Modality") == "CT":
        row_mm, column_mm = geometry.pixel_mm
        section = float(np.max(content.body)) * geometry.rows * geometry.columns * row_mm * column_mm
        if section > BODY_MM2:
            return [Remark("not_head", f"a body section of {section / 100:.0f} square cm is no head")]
    return []


def said_by(header: Header, *keywords: str) -> str:
    """What a header says under several keywords, in capitals."""
    return " | ".join(header.text(word).upper() for word in keywords if header.text(word))


def warnings_of(header: Header, geometry: Geometry | None, content: Content, checks: Iterable[str]) -> Verdict:
    """What a reader of the result should know of a scan that is read all the same.

    Args:
        header: of the lowest slice.
        geometry: where the slices lie, if it is known.
        content: what they hold.
        checks: for every slice "ok" or what is doubtful.
    """
    found = [*_about_file(header), *_about_cover(geometry, content), *_about_acquisition(header)]
    doubtful = [check for check in checks if check != OK]
    if doubtful:
        share = f"{len(doubtful)} of {counted(len(content.air), 'slice')}"
        found.append(Remark("hu_doubtful", f"the values of {share} may not be Hounsfield units ({doubtful[0]})"))
    return found


def _about_file(header: Header) -> Verdict:
    found = []
    if header.text("Modality").upper() in CT_LIKE:
        found.append(Remark("modality_unknown", "the file does not say that this is a CT; its values look like one"))
    if not (header.text("RescaleSlope") and header.text("RescaleIntercept")):
        found.append(Remark("no_rescale", "the file gives no rescale; its values are taken as Hounsfield units"))
    if header.text("ImageType").upper().startswith("DERIVED"):
        found.append(
            Remark("derived_image", "the images were computed from others (derived), not taken by the scanner")
        )
    if header.text("LossyImageCompression") == "01" or header.syntax in LOSSY:
        found.append(Remark("lossy_compression", "the images were compressed with loss; fine detail may be gone"))
    if header.text("BurnedInAnnotation").upper() == "YES":
        found.append(Remark("burned_in_annotation", "text is burned into the images"))
    return found


def _about_cover(geometry: Geometry | None, content: Content) -> Verdict:
    count = len(content.air)
    if geometry is None:
        reason = "the file does not say where the image lies: no millimetres, no volumes, no left and right"
        return [Remark("no_orientation", reason), _single()]
    if count == 1:
        return [_single()]
    found = []
    if count < FEW_SLICES:
        found.append(Remark("too_few_slices", f"{counted(count, 'slice')}, too few for a whole head"))
    height = float(abs(geometry.spacing_mm.sum()) + np.median(geometry.spacing_mm))
    if height < COVER_MM:
        found.append(
            Remark("partial_cover", f"the slices cover {height:.0f} mm; a head needs more than {COVER_MM:.0f}")
        )
    elif geometry.orientation == "axial" and _cut_at_top(content):
        found.append(
            Remark("partial_cover", "the uppermost slice shows a large section: the top of the head is missing")
        )
    return found


def _single() -> Remark:
    return Remark("single_slice", "a single slice; nothing is known of the rest of the head")


def _cut_at_top(content: Content) -> bool:
    return bool(np.max(content.air) > 0.0 and content.body[-1] > TOP_SHARE * np.max(content.body) > 0.0)


def _about_acquisition(header: Header) -> Verdict:
    found = []
    kernel = header.text("ConvolutionKernel").partition("\\")[0].upper()
    if BONE_KERNEL.search(kernel):
        found.append(Remark("bone_kernel", f"a sharp kernel ({kernel}) hides small density differences in noise"))
    years = age_years(header)
    if years is not None and years < ADULT_YEARS:
        found.append(Remark("child", f"the patient is under {ADULT_YEARS}; the networks have learnt from adults"))
    thickness = number(header, "SliceThickness")
    if thickness is not None and thickness > THICK_MM:
        found.append(Remark("thick_slices", f"slices of {thickness:g} mm can hide small bleeds"))
    return found


def years_of(age: str) -> float | None:
    """An age string such as "045Y" or "003M" (PS3.5 section 6.2, AS) in years; None when it is none."""
    text = age.strip().upper()
    unit = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}.get(text[-1:])
    value = numbers(text[:-1], 1) if unit else None
    return value[0] / unit if unit and value else None


def age_years(header: Header) -> float | None:
    """Age from PatientAge (PS3.5 section 6.2, AS) or the dates of birth and study; None when neither is there."""
    said = years_of(header.text("PatientAge"))
    if said is not None:
        return said
    born, seen = header.text("PatientBirthDate"), header.text("StudyDate")
    if len(born) == len(seen) == 8 and (born + seen).isdecimal():
        return (int(seen) - int(born)) / 10000.0
    return None
