"""A phantom and its masks as NIfTI: axes (column, row, slice), affine in RAS as the format wants it."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from bregma.phantom.draw import Phantom
from bregma.scan.terms import SUBTYPES
from bregma.scan.volume import Geometry

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_nifti(phantom: Phantom, path: Path) -> None:
    """Write the HU as .nii or .nii.gz; slices must be evenly spaced for the file to say where they are."""
    write_volume(phantom.volume.values, phantom.geometry, path)


def write_masks(phantom: Phantom, path: Path) -> None:
    """Write 1 to 5 for the subtypes in the order of scan.terms.SUBTYPES, 0 where there is no blood."""
    values = np.zeros(phantom.geometry.shape, dtype=np.uint8)
    for code, name in enumerate(SUBTYPES, start=1):
        values[phantom.masks[name]] = code
    write_volume(values, phantom.geometry, path)


def write_volume(values: NDArray[np.int16] | NDArray[np.uint8], geometry: Geometry, path: Path) -> None:
    """Write (D, H, W) values and where they lie as .nii or .nii.gz."""
    affine = LPS_TO_RAS @ _affine(geometry)
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(None, code=0)
    image.set_sform(affine, code=1)
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, compresslevel=5, mtime=0) if path.suffix == ".gz" else content)


def _affine(geometry: Geometry) -> NDArray[np.float64]:
    """(4, 4) LPS mm of (column, row, slice), with the mean gap."""
    affine = np.eye(4)
    affine[:3, 0] = geometry.along_row * geometry.pixel_mm[1]
    affine[:3, 1] = geometry.along_column * geometry.pixel_mm[0]
    affine[:3, 2] = (geometry.origins[-1] - geometry.origins[0]) / max(geometry.slices - 1, 1)
    affine[:3, 3] = geometry.origins[0]
    return affine
