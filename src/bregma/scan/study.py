"""Identifiers and acquisition facts of a scan: no pixels here.

A *scan* is one series that can be read: slices from foot to head, where each lies, and what was remarked about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MR = "MR"
"""DICOM modality of magnetic resonance."""

INCOMPLETE = frozenset(
    {
        "conflicting_slices",
        "missing_slices",
        "partial_cover",
        "single_slice",
        "slices_set_aside",
        "too_few_slices",
        "unreadable_slice",
    }
)
"""Warning codes after which part of the head may be missing, so that nothing found is not "negative"."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning about an input that is used all the same.

    Attributes:
        code: a word from the list in docs/codes.md, such as "thick_slices".
        message: one sentence for a person; never a name, a birth date or a path.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not read, and why.

    Attributes:
        code: a word from the list in docs/codes.md.
        reason: one sentence for a person.
        files: the files concerned, as they were found below the path that was asked for.
        series_uid: the series they belong to, if it is known.
    """

    code: str
    reason: str
    files: tuple[str, ...] = ()
    series_uid: str | None = None


class Status(StrEnum):
    """Whether a scan may be read by a network trained on axial, non-contrast head CT."""

    ELIGIBLE = "eligible"
    WITH_WARNINGS = "eligible with warnings"
    NOT_ELIGIBLE = "not eligible"


@dataclass(frozen=True, slots=True)
class Slice:
    """One image of a scan.

    Attributes:
        index: place in the scan, 0 at the foot.
        file: where it came from, relative to the path that was asked for (an archive member: "a.zip!/b.dcm").
        frame: frame in a multi-frame file from 0, else None.
        sop_instance_uid: DICOM SOP Instance UID; "" when the format has none.
        z_mm: patient z (LPS, up to the head) of the centre of the first pixel; None without geometry.
        gap_mm: distance from this slice's origin to the next one's; None for the last and without geometry.
        hu_check: how the values were found to be Hounsfield units: "ok", or what is doubtful.
        repaired: what was repaired on the way in, in words; empty for most.
    """

    index: int
    file: str
    frame: int | None
    sop_instance_uid: str
    z_mm: float | None
    gap_mm: float | None
    hu_check: str = "ok"
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """What a file says about one acquisition.

    Attributes:
        patient: pseudonym, the same for the same patient on one installation; never the hospital's id.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID (made from the content for formats without one).
        modality: DICOM modality, "CT" for a head scan.
        facts: acquisition facts worth keeping, by DICOM keyword ("ConvolutionKernel", "SliceThickness", "KVP",
            "Manufacturer", "PatientAge", ...); absent when the file does not say.
    """

    patient: str
    study_uid: str
    series_uid: str
    modality: str
    facts: dict[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a scan's files lie, for whoever must open them again.

    Attributes:
        root: the path that was asked for.
        files: the files of the scan relative to `root`, in slice order.
        media: "dicom", "nifti" or "png".
    """

    root: Path
    files: tuple[str, ...]
    media: str
