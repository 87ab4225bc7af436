"""A phantom as a DICOM CT series: one file for each slice, Explicit VR Little Endian (PS3.3 A.3, CT Image Storage)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from bregma.phantom.draw import Phantom
from bregma.phantom.parameters import HeadParameters
from bregma.phantom.scanning import KERNELS
from bregma.scan.volume import Geometry

IMPLEMENTATION_UID = UID("2.25.198406291783940571034829473651820937465")
INTERCEPT = -1024
DATE, TIME = "20240101", "120000"


def write_dicom(phantom: Phantom, folder: Path) -> None:
    """Write one file for each slice, 0001.dcm at the foot; the folder is made when it is not there.

    Pixels are unsigned 12-bit with intercept -1024, so HU below -1024 do not occur and above 3071 are clipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index, uid in enumerate(phantom.slice_uids):
        _slice_file(phantom, index, UID(uid)).save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _slice_file(phantom: Phantom, index: int, uid: UID) -> FileDataset:
    image = empty_file(CTImageStorage, uid)
    number = f"{phantom.parameters.seed % 10**10:04d}"
    uid_of = phantom.parameters.uid
    say_patient_and_study(image, Whose(number, f"PHANTOM{number}", DATE, "CT", "Head, drawn by Bregma", uid_of))
    _say_acquisition(image, phantom.parameters)
    say_place(image, phantom.geometry, index)
    _put_pixels(image, phantom, index)
    return image


def empty_file(storage: UID, uid: UID) -> FileDataset:
    """A DICOM file of a SOP class with its preamble and meta information, and nothing in it yet."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = storage
    image.SOPInstanceUID = uid
    return image


@dataclass(frozen=True, slots=True)
class Whose:
    """What tells one drawn series from another.

    Attributes:
        name: PatientName (0010,0010) behind "Phantom^".
        patient: PatientID (0010,0020).
        date: of the study, YYYYMMDD.
        modality: "CT" or "MR".
        description: SeriesDescription (0008,103E).
        uid: gives a UID for a word.
    """

    name: str
    patient: str
    date: str
    modality: str
    description: str
    uid: Callable[[str], str]


def say_patient_and_study(image: Dataset, whose: Whose) -> None:
    """Patient, General Study, General Series and Frame of Reference modules (PS3.3 C.7.1-C.7.4), in place."""
    image.SpecificCharacterSet = "ISO_IR 100"
    image.PatientName = f"Phantom^{whose.name}"
    image.PatientID = whose.patient
    image.PatientBirthDate = ""
    image.PatientSex = "O"
    image.StudyInstanceUID = whose.uid("study")
    image.StudyID = "1"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = whose.date
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = TIME
    image.AccessionNumber = ""
    image.ReferringPhysicianName = ""
    image.StudyDescription = "Head phantom"
    image.SeriesInstanceUID = whose.uid("series")
    image.SeriesNumber = 2
    image.SeriesDescription = whose.description
    image.Modality = whose.modality
    image.BodyPartExamined = "HEAD"
    image.PatientPosition = "HFS"
    image.FrameOfReferenceUID = whose.uid("frame")
    image.PositionReferenceIndicator = ""


def _say_acquisition(image: Dataset, parameters: HeadParameters) -> None:
    """General Equipment and CT Image modules (PS3.3 C.7.5.1, C.8.2.1)."""
    scanner = parameters.scanner
    image.Manufacturer = "Bregma"
    image.ManufacturerModelName = "Phantom"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.AcquisitionNumber = 1
    image.KVP = decimal(scanner.kvp)
    image.ConvolutionKernel = KERNELS[scanner.kernel].name
    image.SliceThickness = decimal(scanner.thickness_mm)
    gaps = scanner.spacing_mm if isinstance(scanner.spacing_mm, tuple) else (scanner.spacing_mm,)
    if max(gaps) - min(gaps) < 1e-6:
        image.SpacingBetweenSlices = decimal(gaps[0])
    image.GantryDetectorTilt = decimal(scanner.tilt_degrees)
    image.ReconstructionDiameter = decimal(scanner.field_of_view_mm)
    image.RescaleIntercept = str(INTERCEPT)
    image.RescaleSlope = "1"
    image.RescaleType = "HU"
    image.WindowCenter = "40"
    image.WindowWidth = "80"


def say_place(image: Dataset, geometry: Geometry, index: int) -> None:
    """General Image and Image Plane modules of a slice (PS3.3 C.7.6.1, C.7.6.2), in place."""
    image.InstanceNumber = index + 1
    image.ImagePositionPatient = [decimal(value) for value in geometry.origins[index]]
    image.ImageOrientationPatient = [decimal(value) for value in (*geometry.along_row, *geometry.along_column)]
    image.PixelSpacing = [decimal(value) for value in geometry.pixel_mm]
    image.SliceLocation = decimal(geometry.origins[index, 2])
    image.PatientOrientation = ["L", "P"]


def _put_pixels(image: Dataset, phantom: Phantom, index: int) -> None:
    """Image Pixel module (PS3.3 C.7.6.3)."""
    values = phantom.volume.values[index]
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = np.clip(values - INTERCEPT, 0, 4095).astype("<u2").tobytes()


def decimal(value: float) -> str:
    """A number as a decimal string of at most 16 characters (PS3.5 6.2)."""
    text = f"{float(value):.10g}"
    return text if len(text) <= 16 else f"{float(value):.8g}"
