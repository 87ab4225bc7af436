"""The frames of a multi-frame file, each with its own place and rescale (PS3.3 C.7.6.16: functional groups)."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from typing import Any

from bregma.io.dicom_header import Header
from bregma.scan.errors import RefusedError

MAX_FRAMES = 8192

GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel",),
    "CTPositionSequence": (),
    "FrameContentSequence": ("FrameAcquisitionNumber", "StackID", "TemporalPositionIndex"),
    "FrameAnatomySequence": (),
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
    count = int(header.text("NumberOfFrames").strip() or 1)
    if count > MAX_FRAMES:
        raise RefusedError("too_many_frames", f"the file claims {count} frames; at most {MAX_FRAMES} are read")
    data = _read(head)
    frames = data.get("PerFrameFunctionalGroupsSequence") or []
    if len(frames) != count:
        reason = f"of {count} frames, {len(frames)} say where they lie; without positions they cannot be ordered"
        raise RefusedError("no_frame_positions", reason)
    shared = data.get("SharedFunctionalGroupsSequence") or [{}]
    general = {**header.values, **_values(shared[0]), "NumberOfFrames": str(count)}
    return [replace(header, values={**general, **_values(frame)}) for frame in frames]


def _read(head: bytes) -> Any:
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(io.BytesIO(head), stop_before_pixels=True, force=True)
    except RecursionError as error:
        raise RefusedError("nested_sequences", "sequences are nested too deeply") from error
    except Exception as error:
        raise RefusedError("bad_header", f"the functional groups cannot be read ({type(error).__name__})") from error


def _values(groups: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for sequence, keywords in GROUPS.items():
        items = groups.get(sequence)
        if items:
            found |= {RENAMED.get(word, word): _text(items[0].get(word)) for word in keywords if word in items[0]}
    return {word: text for word, text in found.items() if text}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return "\\".join(str(one) for one in value)
