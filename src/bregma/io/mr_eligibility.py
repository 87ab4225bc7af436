"""Whether an MR scan may be kept, for tumours; a reading of bleeds refuses every MR scan, see `for_bleeds`.

Thick slices, few slices and single ones are usual, and any plane is; that contrast was given is taken for granted.
"""

from __future__ import annotations

from dataclasses import replace

from bregma.io.dicom_header import Header
from bregma.io.dicom_tags import LOSSY
from bregma.io.eligibility import HEAD, NOT_HEAD, PROJECTION, Verdict, said_by
from bregma.scan.study import Refusal, Remark
from bregma.scan.volume import HU, Geometry, Scan

MR = "MR"
CHECK = "MR: values have no unit"
"""In the place of the HU check of each slice."""


def for_bleeds(scan: Scan) -> Scan:
    """A scan as a reading of bleeds takes it: MR is refused, with the reason; anything else is as it was."""
    if scan.series.modality != MR or scan.refusal is not None:
        return scan
    refusal = Refusal("not_ct", f"the modality is {MR!r}; only CT is read", scan.files, scan.series.series_uid)
    return replace(scan, refusal=refusal)


def mr_refusals(header: Header, values: HU) -> Verdict:
    """Why an MR scan cannot be used, the gravest first; empty when it can.

    Args:
        header: of the lowest slice; empty for formats without one.
        values: (D, H, W).
    """
    found = []
    if values.size == 0 or int(values.min()) == int(values.max()):
        found.append(Remark("blank_image", "the images are blank"))
    named = said_by(header, "BodyPartExamined") or said_by(
        header, "SeriesDescription", "ProtocolName", "StudyDescription"
    )
    if NOT_HEAD.search(named) and not HEAD.search(named):
        found.append(Remark("not_head", "the file names another part of the body than the head"))
    if PROJECTION.search(header.text("ImageType").upper()):
        found.append(Remark("projection", "a projection through many slices (MIP or rendering), not a slice"))
    return found


def mr_warnings(header: Header, geometry: Geometry | None) -> Verdict:
    """What should be known of an MR scan that is used all the same. Arguments as in `mr_refusals`."""
    found = []
    if geometry is None:
        reason = "the file does not say where the image lies: no millimetres, no volumes, no left and right"
        found.append(Remark("no_orientation", reason))
    if header.text("LossyImageCompression") == "01" or header.syntax in LOSSY:
        found.append(Remark("lossy_compression", "the images were compressed with loss; fine detail may be gone"))
    if header.text("ImageType").upper().startswith("DERIVED"):
        reason = "the images were computed from others (derived), not taken by the scanner"
        found.append(Remark("derived_image", reason))
    return found


def without_spacing(scan: Scan) -> Scan:
    """A scan whose spacing is not true: without geometry nobody can report millimetres of it.

    Its axes were turned by then, so rows still run to the back and columns to the patient's left where the file
    said so.
    """
    reason = "the spacing in the file is not true: nothing is said in millimetres or millilitres"
    slices = tuple(replace(one, z_mm=None, gap_mm=None) for one in scan.slices)
    volume = replace(scan.volume, geometry=None)
    kept = tuple(remark for remark in scan.warnings if remark.code != "spacing_unknown")
    return replace(scan, slices=slices, volume=volume, warnings=(*kept, Remark("spacing_unknown", reason)))
