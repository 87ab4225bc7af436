"""Mask files as data sets have them: stretched over 16 bits, or as a DICOM picture of one slice."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, SecondaryCaptureImageStorage, generate_uid

from bregma.catalogue.mask_dicom import read_dicom_mask
from bregma.catalogue.mask_files import MaskFileError, read_nifti_mask, stored_nifti_mask
from bregma.catalogue.records import ScanRecord
from bregma.scan.study import Slice


def record(*shape: int) -> ScanRecord:
    depth, rows, columns = shape
    slices = tuple(Slice(i, "x", None, "", None, None, "ok", ()) for i in range(depth))
    return ScanRecord("1.2", "1.1", "P", "CT", slices, (depth, rows, columns), None)


def write_picture(path: Path, values: np.ndarray) -> Path:
    """A bare secondary capture, as MATLAB's dicomwrite makes one."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = SecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = generate_uid(), generate_uid(), "OT"
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 1
    image.PixelData = values.astype("<i2").tobytes()
    pydicom.dcmwrite(path, image, enforce_file_format=True)
    return path


def test_a_mask_stretched_over_16_bits_is_read_by_its_scaling(tmp_path: Path) -> None:
    drawn = np.zeros((4, 5, 2))
    drawn[1, 2, 1] = 255.0
    image = nibabel.Nifti1Image(drawn, None)
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "m.nii")
    raw = np.asarray(nibabel.load(tmp_path / "m.nii").dataobj.get_unscaled())
    assert (raw.min(), raw.max()) == (-32768, 32767)
    values, geometry = stored_nifti_mask(tmp_path / "m.nii")
    assert geometry is None
    assert np.argwhere(values).tolist() == [[1, 2, 1]]
    assert values.max() == 255
    np.testing.assert_array_equal(read_nifti_mask(tmp_path / "m.nii", record(2, 5, 4), {0: 0, 255: 6})[1, 2, 1], 6)


def test_a_dicom_picture_of_a_mask_is_blood_where_it_is_above_0(tmp_path: Path) -> None:
    values = np.full((6, 7), -32768)
    values[2, 3:5] = 32767
    mask = read_dicom_mask(write_picture(tmp_path / "m.dcm", values), record(1, 6, 7))
    assert np.argwhere(mask == 255).tolist() == [[2, 3], [2, 4]]
    assert np.count_nonzero(mask) == 2


def test_a_dicom_mask_without_blood_is_empty(tmp_path: Path) -> None:
    mask = read_dicom_mask(write_picture(tmp_path / "m.dcm", np.zeros((6, 7))), record(1, 6, 7))
    assert not mask.any()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.arange(42).reshape(6, 7), "holds 1 slice of 42 values, up to 41"),
        (np.zeros((7, 6)), r"shape \(7, 6\), the slice \(6, 7\)"),
    ],
)
def test_a_dicom_mask_that_does_not_fit_says_why(tmp_path: Path, values: np.ndarray, words: str) -> None:
    with pytest.raises(MaskFileError, match=words):
        read_dicom_mask(write_picture(tmp_path / "m.dcm", values), record(1, 6, 7))


def test_what_is_no_dicom_image_is_no_mask(tmp_path: Path) -> None:
    (tmp_path / "m.dcm").write_text("a mask")
    with pytest.raises(MaskFileError, match="one DICOM image"):
        read_dicom_mask(tmp_path / "m.dcm", record(1, 6, 7))


def test_a_dicom_mask_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "m.dcm", np.zeros((6, 7)))
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = JPEG2000Lossless
    image.PixelData = encapsulate([b"no codestream"])
    image["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, image, enforce_file_format=True)
    with pytest.raises(MaskFileError, match="the compressed image of 14 bytes"):
        read_dicom_mask(path, record(1, 6, 7))
