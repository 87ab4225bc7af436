"""Files in, result files out: DICOM, NIfTI, PNG."""
