"""A NIfTI file as an MR scan: the format does not say what it holds, so whoever loads it must know."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bregma.io.content_uids import content_series, fingerprint
from bregma.io.dicom_header import Header
from bregma.io.entry import Entry
from bregma.io.mr_eligibility import CHECK, MR, mr_refusals, mr_warnings
from bregma.io.mr_values import to_signal
from bregma.io.nifti import slices_of_file, slope_and_intercept
from bregma.io.nifti_grid import place
from bregma.io.nifti_header import parse_header, read_voxels
from bregma.scan.study import Refusal, Remark, Source
from bregma.scan.volume import Scan, Volume

NO_HEADER = Header({}, "", "<", None, None)


def load_mr_nifti(entry: Entry, root: Path) -> Scan:
    """A NIfTI file (.nii, .nii.gz) as an MR scan, its axes turned as `load_nifti` turns them; nothing is interpolated.

    Args:
        entry: the file.
        root: the path that was asked for; goes into the scan's source.

    Raises:
        RefusedError: it cannot be read at all.
    """
    content = entry.read()
    header = parse_header(content)
    arrangement, geometry, placed = place(header)
    stored = read_voxels(content, header)
    slope, intercept = slope_and_intercept(header)
    values = arrangement.apply(stored)
    if (slope, intercept) != (1.0, 0.0):
        values = values.astype(np.float64) * slope + intercept
    signal = to_signal(values)
    series = content_series(fingerprint(header.nifti.binaryblock, stored), modality=MR)
    series.facts.update(signal.facts)
    said = f"{signal.missing} voxels hold no number; they were given the lowest value"
    missing = (Remark("not_a_number", said),) if signal.missing else ()
    why = mr_refusals(NO_HEADER, signal.values)
    return Scan(
        series=series,
        source=Source(root, (entry.name,), "nifti"),
        slices=slices_of_file(entry.name, geometry, (CHECK,) * len(values), ()),
        volume=Volume(np.ascontiguousarray(signal.values), geometry),
        warnings=(*placed, *missing, *mr_warnings(NO_HEADER, geometry)),
        refusal=Refusal(why[0].code, why[0].message, (entry.name,)) if why else None,
    )
