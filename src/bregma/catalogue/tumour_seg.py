"""Tumours from a DICOM Segmentation (PS3.3 A.51): each segment is a tumour, its number the segment's.

A frame is laid on the slice that it refers to by SOP Instance UID, or else on the one in whose plane it lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.catalogue.mask_files import MaskFileError
from bregma.catalogue.records import ScanRecord

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
NEAR = 0.5
"""Pixels by which the corner of a frame may be off the slice's own."""


def read_segmentation(path: Path, record: ScanRecord) -> NDArray[np.int64]:
    """(D, H, W) segment numbers of a segmentation, in the grid of a scan.

    Raises:
        MaskFileError: it is no binary segmentation, cannot be read, or does not lie on the slices of the scan.
    """
    data_set = _open(path)
    values = np.zeros(record.shape, dtype=np.int64)
    frames = _pixels(data_set)
    if frames.shape[1:] != record.shape[1:]:
        raise MaskFileError(f"the segmentation has frames of {frames.shape[1:]}, the scan {record.shape[1:]}")
    by_uid = {one.sop_instance_uid: one.index for one in record.slices if one.sop_instance_uid}
    for frame, group in zip(frames, data_set.PerFrameFunctionalGroupsSequence, strict=True):
        index = _slice_of(group, data_set, record, by_uid)
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        if (values[index][frame > 0] > 0).any():
            raise MaskFileError(f"segment {number} overlaps another one; tumours do not")
        values[index][frame > 0] = number
    return values


def _open(path: Path) -> Any:  # noqa: ANN401  pydicom's Dataset has no types for its elements
    import pydicom

    try:
        data_set = pydicom.dcmread(path)
    except Exception as error:  # pydicom raises whatever a damaged file makes it stumble over
        raise MaskFileError(f"the file cannot be read as DICOM ({type(error).__name__})") from error
    if str(data_set.get("SOPClassUID", "")) != SEGMENTATION or data_set.get("SegmentationType") != "BINARY":
        raise MaskFileError("the file is no binary DICOM Segmentation")
    return data_set


def _pixels(data_set: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """(F, H, W)."""
    try:
        pixels = np.asarray(data_set.pixel_array, dtype=np.uint8)
    except Exception as error:  # as above
        raise MaskFileError(f"the frames cannot be read ({type(error).__name__})") from error
    return pixels if pixels.ndim == 3 else pixels[None]


def _slice_of(group: Any, data_set: Any, record: ScanRecord, by_uid: dict[str, int]) -> int:  # noqa: ANN401
    """The slice on which a frame lies."""
    for derivation in group.get("DerivationImageSequence") or ():
        for source in derivation.get("SourceImageSequence") or ():
            if str(source.ReferencedSOPInstanceUID) in by_uid:
                return by_uid[str(source.ReferencedSOPInstanceUID)]
    place = group.get("PlanePositionSequence")
    if place and record.geometry is not None:
        corner = np.array([float(value) for value in place[0].ImagePositionPatient])
        found = record.geometry.to_index(corner)
        if found is not None and max(abs(found[1]), abs(found[2])) <= NEAR:
            return found[0]
    raise MaskFileError(
        f"a frame of {data_set.get('SeriesInstanceUID', 'the segmentation')} lies on no slice of the scan"
    )
