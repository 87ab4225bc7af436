"""Measurements on real scans that are not part of the project: `make real`."""
