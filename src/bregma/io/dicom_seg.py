"""Masks as a DICOM Segmentation (PS3.3 A.51) in the grid of the images they were drawn on.

One segment per finding, coded by SNOMED CT, each frame referring to the image it lies on; uneven gaps and tilt need no
special case, as every frame carries its own position.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from bregma import __version__
from bregma.io.files import open_entry
from bregma.scan.errors import RefusedError, RequestError, did_you_mean
from bregma.scan.terms import FINDINGS, Term
from bregma.scan.volume import Scan

Mask = NDArray[np.bool_]

CATEGORY = CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")
"""PS3.16 CID 7150, segmentation property categories."""
FAMILY = CodedConcept("123110", "DCM", "Artificial Intelligence")
"""PS3.16 CID 7162, surface processing algorithm families."""
SERIES_NUMBER = 9001
NEEDED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
)
"""What a segmentation must say about the images it refers to (PS3.3 C.8.20.2, C.7.4.1)."""
NEEDED_OF_SINGLE_FRAMES = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
_UIDS = tuple(name for name in NEEDED if name.endswith("UID"))
_OPTIONAL_TYPE_2 = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID")
_OPTIONAL_TYPE_2_DATES = ("StudyDate", "StudyTime", "ReferringPhysicianName")

CODES = {"no_segmentation": "The images lack what a DICOM Segmentation must say about them (UIDs, frame of reference)."}
"""Codes of refusal used here, with their meaning."""


def write_dicom_seg(path: Path, masks: Mapping[str, Mask], scan: Scan) -> None:
    """Write masks as one DICOM Segmentation in the grid of the scan's own images.

    UIDs are made from the content, so the same masks of the same scan are the same object.

    Args:
        path: the file to write; replaced as a whole if it is there.
        masks: (D, H, W) by name of the finding, as in scan.terms; overlapping is allowed.
        scan: the scan that was read, from DICOM; its files are opened again for their headers.

    Raises:
        RequestError: the scan is not from DICOM, a mask has another shape or is empty, or a finding is not known.
        RefusedError: the images lack what a segmentation must refer to ("no_segmentation"), or are no longer there.
    """
    terms = _check(masks, scan)
    with warnings.catch_warnings():  # what pydicom says of values out of form in the images is no news here
        warnings.simplefilter("ignore")
        sources = _sources(scan)
        segmentation = _segmentation(sources, [masks[term.name] for term in terms], terms, scan)
        buffer = io.BytesIO()
        segmentation.save_as(buffer)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)


def _check(masks: Mapping[str, Mask], scan: Scan) -> list[Term]:
    """The findings to write, in the order of scan.terms."""
    if scan.source.media != "dicom":
        raise RequestError(f"DICOM SEG refers to DICOM images; this scan is {scan.source.media}: write NIfTI instead")
    known = [term.name for term in FINDINGS]
    for name, mask in masks.items():
        if name not in known:
            raise RequestError(f"there is no finding {name!r}{did_you_mean(name, known)}")
        if mask.shape != scan.volume.values.shape:
            raise RequestError(f"the mask of {name!r} has the shape {mask.shape}, the scan {scan.volume.values.shape}")
    filled = [term for term in FINDINGS if term.name in masks and masks[term.name].any()]
    if not filled:
        raise RequestError(f"all {len(masks)} masks are empty; DICOM SEG has no segment without a pixel")
    return filled


def _sources(scan: Scan) -> list[Dataset]:
    """Headers of the images in slice order; one for a multi-frame file."""
    names = list(dict.fromkeys(piece.file for piece in scan.slices))
    sources = [_header(scan.source.root, name) for name in names]
    single = len(names) == len(scan.slices) and not _is_multi_frame(sources[0])
    for source in sources:
        needed = NEEDED + (NEEDED_OF_SINGLE_FRAMES if single else ())
        missing = [name for name in needed if source.get(name) in (None, "")]
        if missing:
            raise RefusedError(
                "no_segmentation",
                f"the images lack {', '.join(missing)}, which a DICOM Segmentation must give; write NIfTI instead",
            )
        wrong = [name for name in _UIDS if not UID(str(source[name].value)).is_valid]
        if wrong:
            raise RefusedError(
                "no_segmentation",
                f"{', '.join(wrong)} of the images are no valid UIDs (PS3.5 section 9), so nothing can refer to them; "
                "write NIfTI instead",
            )
        for name in (*_OPTIONAL_TYPE_2, *_OPTIONAL_TYPE_2_DATES):
            if name not in source:
                setattr(source, name, "")
        if single and source.get("SliceThickness") in (None, ""):
            source.SliceThickness = _thickness_mm(scan)
    if not single and len(sources) > 1:
        raise RefusedError("no_segmentation", f"the slices lie in {len(sources)} multi-frame files; expected one")
    return sources


def _header(root: Path, name: str) -> Dataset:
    content = open_entry(root, name).read()
    try:
        return pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, force=True)
    except Exception as error:  # pydicom raises whatever a damaged file makes it stumble over
        reason = f"an image of the scan can no longer be read ({type(error).__name__})"
        raise RefusedError("no_segmentation", reason) from error


def _segmentation(sources: list[Dataset], masks: Sequence[Mask], terms: list[Term], scan: Scan) -> Dataset:
    pixels = np.stack(masks, axis=-1).astype(np.uint8)
    if _is_multi_frame(sources[0]):
        frames = [piece.frame or 0 for piece in scan.slices]
        whole = np.zeros((int(sources[0].NumberOfFrames), *pixels.shape[1:]), dtype=np.uint8)
        whole[frames] = pixels
        pixels = whole
    identity = [scan.series.series_uid.encode(), __version__.encode(), *(term.name.encode() for term in terms)]
    series_uid, instance_uid = _uids(*identity, np.packbits(pixels).tobytes())
    try:
        segmentation: Dataset = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=pixels,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(number, term) for number, term in enumerate(terms, start=1)],
            series_instance_uid=series_uid,
            series_number=SERIES_NUMBER,
            sop_instance_uid=instance_uid,
            instance_number=1,
            manufacturer="Bregma",
            manufacturer_model_name="Bregma",
            software_versions=__version__,
            device_serial_number="0",
            content_label="HEMORRHAGE",
            content_description="Intracranial hemorrhage, found by a program",
            series_description="Bregma: hemorrhage",
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        reason = f"highdicom cannot refer to these images ({type(error).__name__}); write NIfTI instead"
        raise RefusedError("no_segmentation", reason) from error
    return segmentation


def _thickness_mm(scan: Scan) -> float:
    """Half-way to each neighbour, for images that do not say; a segmentation must."""
    geometry = scan.volume.geometry
    return float(np.median(geometry.spacing_mm)) if geometry is not None and geometry.slices > 1 else 1.0


def _description(number: int, term: Term) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=term.name,
        segmented_property_category=CATEGORY,
        segmented_property_type=CodedConcept(term.code, term.scheme, term.title),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(name="Bregma", family=FAMILY, version=__version__),
    )


def _uids(*parts: bytes) -> tuple[str, str]:
    digest = hashlib.sha256(b"\0".join(parts)).digest()
    series, instance = (f"2.25.{uuid.UUID(bytes=half, version=5).int}" for half in (digest[:16], digest[16:]))
    return series, instance


def _is_multi_frame(source: Dataset) -> bool:
    return int(source.get("NumberOfFrames") or 1) > 1
