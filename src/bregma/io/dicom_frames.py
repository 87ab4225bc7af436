"""The frames of a multi-frame file, each with its own place and rescale (PS3.3 C.7.6.16: functional groups)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bregma.io.dicom_header import Header
from bregma.scan.errors import RefusedError

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_FRAMES = 8192

GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel",),
    "FrameContentSequence": ("FrameAcquisitionNumber", "StackID", "TemporalPositionIndex"),
}
"""Functional group macro -> the attributes taken from it."""

RENAMED = {"FrameType": "ImageType", "FrameAcquisitionNumber": "AcquisitionNumber"}
"""What a frame calls otherwise than a single image does."""


def frame_headers(header: Header, head: bytes) -> list[Header]:
    """The header of every frame of a multi-frame file.

    Args:
        header: that of the file.
        head: the file's bytes up to its pixels.

    Raises:
        RefusedError: "no_frame_positions", "too_many_frames", "bad_header", "nested_sequences".
    """
    count = int(header.text("NumberOfFrames"))
    if count > MAX_FRAMES:
        raise RefusedError("too_many_frames", f"the file claims {count} frames; at most {MAX_FRAMES} are read")
    general, frames = _functional_groups(head)
    if len(frames) != count:
        reason = f"of {count} frames, {len(frames)} say where they lie; without positions they cannot be ordered"
        raise RefusedError("no_frame_positions", reason)
    general = {**header.values, **general, "NumberOfFrames": str(count)}
    return [replace(header, values={**general, **frame}) for frame in frames]


def _functional_groups(head: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What holds for all frames, and what for each."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(io.BytesIO(head), stop_before_pixels=True, force=True)
            shared = data.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
            frames = data.get("PerFrameFunctionalGroupsSequence") or []
            return _values(shared[0]), [_values(frame) for frame in frames]
    except RecursionError as error:
        raise RefusedError("nested_sequences", "sequences are nested too deeply") from error
    except Exception as error:  # pydicom raises whatever a damaged value leads to
        raise RefusedError("bad_header", f"the functional groups cannot be read ({type(error).__name__})") from error


def _values(groups: Dataset) -> dict[str, str]:
    found: dict[str, str] = {}
    for sequence, keywords in GROUPS.items():
        items = groups.get(sequence)
        if items:
            found |= {RENAMED.get(word, word): _text(items[0].get(word)) for word in keywords}
    return {word: text for word, text in found.items() if text}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return "\\".join(str(one) for one in value)
