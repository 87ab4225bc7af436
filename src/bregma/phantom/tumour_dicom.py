"""A phantom with tumours as a DICOM MR series: one file for each slice (PS3.3 A.4, MR Image Storage)."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID, MRImageStorage

from bregma.phantom.dicom import Whose, decimal, empty_file, say_patient_and_study, say_place
from bregma.phantom.tumour_parameters import TumourHead
from bregma.scan.tumour import TumourScan
from bregma.scan.volume import Geometry


def write_tumour_dicom(scan: TumourScan, parameters: TumourHead, folder: Path) -> None:
    """Write one file for each slice, 0001.dcm at the foot; the folder is made when it is not there.

    Args:
        scan: as drawn from the parameters.
        parameters: of it.
        folder: where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    geometry = geometry_of(scan)
    for index in range(geometry.slices):
        image = empty_file(MRImageStorage, UID(parameters.uid("slice", index)))
        say_patient_and_study(image, _whose(parameters))
        _say_acquisition(image, parameters)
        say_place(image, geometry, index)
        values = scan.volume.values[index]
        image.SamplesPerPixel = 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.Rows, image.Columns = values.shape
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.PixelData = values.astype("<u2").tobytes()
        image.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def geometry_of(scan: TumourScan) -> Geometry:
    """Where the slices lie; a phantom always knows."""
    if scan.volume.geometry is None:
        raise AssertionError("a phantom was made without geometry")
    return scan.volume.geometry


def _whose(head: TumourHead) -> Whose:
    description = "T1 after contrast, drawn by Bregma"
    return Whose(head.patient, head.patient.upper(), head.date, "MR", description, head.uid)


def _say_acquisition(image: Dataset, parameters: TumourHead) -> None:
    """General Equipment, Contrast/Bolus and MR Image modules (PS3.3 C.7.5.1, C.7.6.4, C.8.3.1)."""
    scanner = parameters.scanner
    image.Manufacturer = "Bregma"
    image.ManufacturerModelName = "Phantom"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    image.ContrastBolusAgent = "drawn"
    image.ScanningSequence = "SE"
    image.SequenceVariant = "NONE"
    image.ScanOptions = ""
    image.MRAcquisitionType = "2D"
    image.EchoTime = "10"
    image.RepetitionTime = "500"
    image.EchoTrainLength = "1"
    image.SliceThickness = decimal(scanner.thickness_mm)
    image.AcquisitionNumber = 1
