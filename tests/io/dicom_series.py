"""Small head series whose truth is known, written by pydicom, for tests to break in one way each.

24 slices of 64 x 64 pixels of 3.5 mm, 5 mm apart from z = 0: an ellipse of brain (35 HU) in a skull (900 HU) in air
(-1000 HU), smaller towards the vertex. Every slice differs from the others by a mark of its own.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

SLICES, SIDE, PIXEL_MM, STEP_MM = 24, 64, 3.5, 5.0
STUDY, SERIES = "1.2.826.1.1", "1.2.826.1.1.1"


def uid(*words: object) -> str:
    """A UID that depends on nothing but the words."""
    return f"2.25.{int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:12])}"


def head_hu(index: int, *, slices: int = SLICES, side: int = SIDE) -> np.ndarray:
    """(H, W) HU of one slice."""
    y, x = np.mgrid[:side, :side] / (side - 1) * 2 - 1
    reach = 0.75 * np.sqrt(max(0.08, 1.0 - (index / slices) ** 2))
    radius = np.hypot(x / 0.85, y) / reach
    hu = np.full((side, side), -1000, dtype=np.int32)
    hu[radius < 1.0] = 900
    hu[radius < 0.85] = 35
    hu[side // 2, side // 2] = 60 + index
    return hu


def head_slice(index: int, *, z: float | None = None, hu: np.ndarray | None = None) -> Dataset:
    """One slice as RSNA scanners write it: 12 unsigned bits, intercept -1024."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = uid("slice", index)
    image.Modality = "CT"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.PatientID = "H-123"
    image.PatientName = "Doe^Jane"
    image.PatientBirthDate = "19500102"
    image.PatientSex = "F"
    image.StudyDate = "20240506"
    image.StudyInstanceUID = STUDY
    image.SeriesInstanceUID = SERIES
    image.SliceThickness = "5"
    image.BodyPartExamined = "HEAD"
    image.ConvolutionKernel = "H30s"
    image.ImagePositionPatient = [-SIDE * PIXEL_MM / 2, -SIDE * PIXEL_MM / 2, index * STEP_MM if z is None else z]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [PIXEL_MM, PIXEL_MM]
    image.RescaleSlope, image.RescaleIntercept = "1", "-1024"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    set_stored(image, (head_hu(index) if hu is None else hu) + 1024, "<u2")
    return image


def head_series(slices: int = SLICES) -> list[Dataset]:
    """All slices, foot to head."""
    return [head_slice(index) for index in range(slices)]


def set_stored(image: Dataset, stored: np.ndarray, kind: str) -> None:
    """Give an image its stored values."""
    image.Rows, image.Columns = stored.shape[-2:]
    image.add_new("PixelData", "OW", np.ascontiguousarray(stored).astype(kind).tobytes())


def stored(image: Dataset) -> np.ndarray:
    """(H, W) stored values of an uncompressed 16-bit image, unsigned."""
    return np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns).astype(np.int64)


def set_signed(image: Dataset, hu: np.ndarray, *, bits: int = 16, intercept: int = 0) -> None:
    """Store HU as signed numbers."""
    image.PixelRepresentation, image.BitsStored, image.HighBit = 1, bits, bits - 1
    image.RescaleIntercept = str(intercept)
    set_stored(image, hu - intercept, "<i2")


def write(images: Iterable[Dataset], folder: Path, *, shuffle: int = 0) -> Path:
    """Write files whose names follow no order of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    images = list(images)
    for name, image in zip(np.random.default_rng(shuffle).permutation(len(images)), images, strict=True):
        write_file(image, folder / f"IM{name:04d}")
    return folder


def write_file(image: Dataset, path: Path) -> None:
    """One file, in the transfer syntax that its meta information names."""
    image.file_meta.MediaStorageSOPClassUID = image.get("SOPClassUID") or CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.get("SOPInstanceUID") or "1.2.3"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of UIDs that are none
        image.save_as(path, enforce_file_format=True)


def without_preamble(image: Dataset, path: Path) -> None:
    """A bare data set as old software wrote it: no preamble, no file meta information."""
    del image.file_meta
    image.save_as(path, enforce_file_format=False, implicit_vr=True, little_endian=True)


IMPLICIT = ImplicitVRLittleEndian
