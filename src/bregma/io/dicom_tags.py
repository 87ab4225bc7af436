"""The DICOM attributes and transfer syntaxes that Bregma reads, as tables (PS3.6, PS3.5 annex A)."""

from __future__ import annotations

TEXT = {
    0x00020010: "TransferSyntaxUID",
    0x00080008: "ImageType",
    0x00080016: "SOPClassUID",
    0x00080018: "SOPInstanceUID",
    0x00080020: "StudyDate",
    0x00080032: "AcquisitionTime",
    0x00080060: "Modality",
    0x00080070: "Manufacturer",
    0x00081030: "StudyDescription",
    0x0008103E: "SeriesDescription",
    0x00081090: "ManufacturerModelName",
    0x00100020: "PatientID",
    0x00100021: "IssuerOfPatientID",
    0x00100030: "PatientBirthDate",
    0x00100040: "PatientSex",
    0x00101010: "PatientAge",
    0x00180010: "ContrastBolusAgent",
    0x00180015: "BodyPartExamined",
    0x00180050: "SliceThickness",
    0x00180060: "KVP",
    0x00181030: "ProtocolName",
    0x00181120: "GantryDetectorTilt",
    0x00181210: "ConvolutionKernel",
    0x00185100: "PatientPosition",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00200011: "SeriesNumber",
    0x00200012: "AcquisitionNumber",
    0x00200032: "ImagePositionPatient",
    0x00200037: "ImageOrientationPatient",
    0x00200052: "FrameOfReferenceUID",
    0x00280004: "PhotometricInterpretation",
    0x00280008: "NumberOfFrames",
    0x00280030: "PixelSpacing",
    0x00280301: "BurnedInAnnotation",
    0x00281052: "RescaleIntercept",
    0x00281053: "RescaleSlope",
    0x00281054: "RescaleType",
    0x00282110: "LossyImageCompression",
}
"""Attributes kept as text, several values parted by a backslash."""

SHORT = {
    0x00280002: "SamplesPerPixel",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280100: "BitsAllocated",
    0x00280101: "BitsStored",
    0x00280102: "HighBit",
    0x00280103: "PixelRepresentation",
    0x00280120: "PixelPaddingValue",
    0x00280121: "PixelPaddingRangeLimit",
}
"""Attributes of two bytes (US, or SS for the padding of signed pixels), kept as the unsigned number in text."""

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

RLE = "1.2.840.10008.1.2.5"

COMPRESSED = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    RLE: "RLE lossless",
}
"""Encapsulated transfer syntaxes that are decoded."""

LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"})
"""Transfer syntaxes that cannot be lossless."""

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
"""SOP class of a medium's directory (PS3.4 annex I)."""
