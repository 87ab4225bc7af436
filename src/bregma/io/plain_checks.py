"""Whether a scan from a format without a DICOM header may be read: the checks of DICOM, on pixels and places alone."""

from __future__ import annotations

from bregma.io.dicom_header import Header
from bregma.io.eligibility import refusals, warnings_of
from bregma.io.hu_check import OK, doubts, look
from bregma.scan.study import Refusal, Remark
from bregma.scan.volume import HU, Geometry

_NOTHING_SAID = Header({}, "", "<", None, None)
_NOT_OF_THIS_FORMAT = ("no_rescale", "no_geometry")
"""Said of DICOM files that lack something; here the format itself says it, or the loader already has."""


def check_plain(
    hu: HU, geometry: Geometry | None, files: tuple[str, ...], *, display_values: str = ""
) -> tuple[Refusal | None, tuple[Remark, ...], tuple[str, ...]]:
    """Check a volume of which only values and places are known.

    Args:
        hu: (D, H, W).
        geometry: where they lie, if that is known.
        files: named in the refusal.
        display_values: words for the HU check of every slice where the values were made from a display window, so that
            there can be no air and no bone among them.

    Returns:
        why it must not be read, if so; warnings; the HU check of each slice.
    """
    content = look(hu)
    checks = doubts(content) if not display_values else (OK,) * len(hu)
    found = refusals(_NOTHING_SAID, geometry, content, checks)
    warnings = tuple(
        remark
        for remark in warnings_of(_NOTHING_SAID, geometry, content, checks)
        if remark.code not in _NOT_OF_THIS_FORMAT and not (remark.code == "single_slice" and len(hu) > 1)
    )
    refusal = Refusal(found[0].code, found[0].message, files) if found else None
    return refusal, warnings, (display_values,) * len(hu) if display_values else checks
