"""Bregma reads head scans: bleeds per slice, per scan and per lesion, from a folder of DICOM on two CPU cores."""

__version__ = "0.1.0"
