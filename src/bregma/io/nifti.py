"""A NIfTI file as a scan: Hounsfield units foot to head, in LPS.

This is the only door through which RAS comes in; behind it everything is LPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io.content_uids import content_series, fingerprint
from bregma.io.entry import Entry
from bregma.io.hounsfield import AIR
from bregma.io.nifti_grid import place
from bregma.io.nifti_header import Header, parse_header, read_voxels
from bregma.io.plain_checks import check_plain
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Remark, Slice, Source
from bregma.scan.volume import HU, Geometry, Scan, Volume

MANY_NAN = 0.5
"""A square matrix around a round field of view leaves 21 % without a value; a turned one more; half is no scan."""
_INT16 = np.iinfo(np.int16)

CODES = {
    "not_a_number": "Some voxels hold no number; they were taken as air. Where most do, the scan is refused.",
    "bad_scaling": "The header's scaling is not a number.",
    "clipped_values": "Values outside 16 bits were set to its ends.",
    "uneven_pixels": "Pixels are much longer than wide, as after turning a sagittal or coronal series.",
}
"""Codes of refusal and warning used here, with their meaning; those of eligibility come on top."""


def load_nifti(entry: Entry, root: Path) -> Scan:
    """A NIfTI file (.nii, .nii.gz) as a scan.

    Nothing is interpolated: axes are exchanged and turned round so that slices run from foot to head, rows to the back
    and columns to the patient's left. Gantry tilt in the affine is kept as slices that move.

    Args:
        entry: the file.
        root: the path that was asked for; goes into the scan's source.

    Returns:
        the scan, with a refusal of its own where it may be shown but not read ("not_hounsfield", "blank_image").

    Raises:
        RefusedError: it cannot be read at all.
    """
    content = entry.read()
    header = parse_header(content)
    arrangement, geometry, placed = place(header)
    stored = read_voxels(content, header)
    hu, remarks, repaired = _hounsfield(arrangement.apply(stored), header)
    refusal, doubts, checks = check_plain(hu, geometry, (entry.name,))
    if refusal is None and header.dtype.itemsize == 1 and not remarks and slope_and_intercept(header) == (1.0, 0.0):
        refusal = Refusal(
            "not_hounsfield", "the voxels have 8 bits: display values, not Hounsfield units", (entry.name,)
        )
    return Scan(
        series=content_series(fingerprint(header.nifti.binaryblock, stored)),
        source=Source(root, (entry.name,), "nifti"),
        slices=slices_of_file(entry.name, geometry, checks, repaired),
        volume=Volume(hu, geometry),
        warnings=(*doubts, *placed, *remarks, *_uneven(geometry)),
        refusal=refusal,
    )


def _hounsfield(stored: NDArray[Any], header: Header) -> tuple[HU, tuple[Remark, ...], tuple[str, ...]]:
    """(D, H, W) HU of stored numbers, slice by slice to spare memory; warnings; what was repaired."""
    slope, intercept = slope_and_intercept(header)
    hu = np.empty(stored.shape, dtype=np.int16)
    found = [_fill(hu[index], plane, slope, intercept) for index, plane in enumerate(stored)]
    low, high = min(one.low for one in found), max(one.high for one in found)
    missing = sum(one.missing for one in found)
    if missing > MANY_NAN * hu.size:
        raise RefusedError("not_a_number", f"{missing} of {hu.size} voxels hold no number; that is no scan")
    remarks: list[Remark] = []
    repaired: list[str] = []
    if missing:
        remarks.append(Remark("not_a_number", f"{missing} voxels hold no number; they were taken as air"))
        repaired.append("voxels without a number taken as air")
    if any(one.rounded for one in found):
        repaired.append("rounded to whole HU")
    if low < _INT16.min or high > _INT16.max:
        remarks.append(Remark("clipped_values", f"values from {low:g} to {high:g} were cut to the range of 16 bits"))
        repaired.append("values beyond 16 bits cut off")
    if low < AIR:
        np.maximum(hu, AIR, out=hu)
        repaired.append("values below -1024 HU (padding) set to -1024")
    return hu, tuple(remarks), tuple(repaired)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one slice held before it became int16."""

    low: float
    high: float
    missing: int = 0
    rounded: bool = False


def _fill(hu: NDArray[np.int16], stored: NDArray[Any], slope: float, intercept: float) -> _Found:
    """Write one slice as HU into `hu` and say what was found."""
    if (slope, intercept) == (1.0, 0.0) and stored.dtype.kind == "i" and stored.dtype.itemsize <= 2:
        hu[...] = stored
        return _Found(float(hu.min()), float(hu.max()))
    with np.errstate(all="ignore"):  # what is not finite is counted below
        scaled = stored.astype(np.float64) * slope + intercept
    finite = np.isfinite(scaled)
    missing = int(finite.size - np.count_nonzero(finite))
    if missing:
        scaled[~finite] = AIR
    whole = np.rint(scaled)
    rounded = float(np.abs(whole - scaled).max()) > 0.01
    hu[...] = np.clip(whole, _INT16.min, _INT16.max)
    return _Found(float(whole.min()), float(whole.max()), missing, rounded)


def slope_and_intercept(header: Header) -> tuple[float, float]:
    """What a stored number is multiplied by and what is added; NIfTI-1: none where scl_slope is 0 (nibabel: NaN).

    Raises:
        RefusedError: the intercept is no number ("bad_scaling").
    """
    slope, intercept = float(header.nifti["scl_slope"]), float(header.nifti["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return 1.0, 0.0
    if not np.isfinite(intercept):
        raise RefusedError("bad_scaling", f"the NIfTI header scales by {slope:g} and shifts by {intercept}")
    return slope, intercept


def _uneven(geometry: Geometry | None) -> tuple[Remark, ...]:
    if geometry is None or max(geometry.pixel_mm) <= 2 * min(geometry.pixel_mm):
        return ()
    row_mm, column_mm = geometry.pixel_mm
    reason = f"the pixels are {row_mm:.2f} x {column_mm:.2f} mm: this was not acquired in axial slices"
    return (Remark("uneven_pixels", reason),)


def slices_of_file(
    name: str, geometry: Geometry | None, checks: tuple[str, ...], repaired: tuple[str, ...]
) -> tuple[Slice, ...]:
    """A record for each slice of a file that holds them all."""
    count = len(checks)
    z = [None] * count if geometry is None else geometry.origins[:, 2].tolist()
    gaps = [None] * count if geometry is None else [*geometry.gaps_mm.tolist(), None]
    return tuple(
        Slice(index, name, index if count > 1 else None, "", z[index], gaps[index], checks[index], repaired)
        for index in range(count)
    )
