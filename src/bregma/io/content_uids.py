"""Identifiers for formats that have none, made from the content: the same content is the same scan."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.scan.study import Series


def fingerprint(*parts: bytes | NDArray[Any]) -> bytes:
    """32 bytes that tell contents apart; packing and file name do not enter."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else _bytes_of(part))
    return digest.digest()


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """As they are stored, without a copy where they lie in one piece."""
    return np.ascontiguousarray(array.T if array.flags.f_contiguous else array).data


def content_series(digest: bytes, *, modality: str = "CT") -> Series:
    """A series named after its content.

    UIDs are made from a UUID as PS3.5 B.2 allows. Such a file does not name a patient, so each is a patient of its own.

    Args:
        digest: 32 bytes.
        modality: as in DICOM.
    """
    uids = [f"2.25.{uuid.UUID(bytes=half, version=5).int}" for half in (digest[:16], digest[16:32])]
    return Series(patient=f"content-{digest[:8].hex()}", study_uid=uids[1], series_uid=uids[0], modality=modality)
