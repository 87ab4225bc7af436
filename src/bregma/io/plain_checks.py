"""Whether a scan from a format without a DICOM header may be read: the checks of DICOM, on pixels and places alone."""

from __future__ import annotations

import numpy as np

from bregma.io.dicom_header import Header
from bregma.io.eligibility import refusals, warnings_of
from bregma.io.hounsfield import AIR
from bregma.io.hu_check import OK, doubts, look
from bregma.scan.study import Refusal, Remark
from bregma.scan.volume import HU, Geometry

_LEFT_OUT = ("no_rescale", "no_orientation")
"""Said of DICOM files that lack something; here the format itself says it, or the loader already has."""


def check_plain(
    hu: HU,
    geometry: Geometry | None,
    files: tuple[str, ...],
    *,
    modality: str = "",
    display_values: str = "",
) -> tuple[Refusal | None, tuple[Remark, ...], tuple[str, ...]]:
    """Check a volume of which only values and places are known.

    Args:
        hu: (D, H, W).
        geometry: where they lie, if that is known.
        files: named in the refusal.
        modality: as in DICOM; "" when nothing says it.
        display_values: words for the HU check of every slice where the values were made from a display window. There
            can be no air and no bone among them; black is taken for air.

    Returns:
        why it must not be read, if so; warnings; the HU check of each slice.
    """
    content = look(np.where(hu <= hu.min(), np.int16(AIR), hu) if display_values else hu)
    checks = doubts(content) if not display_values else (OK,) * len(hu)
    header = Header({"Modality": modality} if modality else {}, "", "<", None, None)
    found = refusals(header, geometry, content, checks)
    warnings = [remark for remark in warnings_of(header, geometry, content, checks) if remark.code not in _LEFT_OUT]
    if len(hu) > 1 and geometry is None:
        warnings = [remark for remark in warnings if remark.code != "single_slice"]
        reason = "nothing says how far apart the slices lie, so nobody knows whether they are the whole head"
        warnings.append(Remark("partial_cover", reason))
    refusal = Refusal(found[0].code, found[0].message, files) if found else None
    return refusal, tuple(warnings), (display_values,) * len(hu) if display_values else checks
