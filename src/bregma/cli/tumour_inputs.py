"""What the commands of similar cases open: embedders, libraries of tumours, a scan with a box or a mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bregma.scan.errors import RefusedError, RequestError

if TYPE_CHECKING:
    from bregma.catalogue.library import Library
    from bregma.retrieval.embedder import Embedder
    from bregma.scan.tumour import TumourScan, VoxelBox
    from bregma.scan.volume import Scan


def embedder_of(package: Path) -> Embedder:
    """The network of a package of tumours."""
    from bregma.models.tumour_embedder import load_tumour_embedder

    found: Embedder = load_tumour_embedder(package)
    return found


def outlined(library: Library) -> list[str]:
    """The series of a library whose tumours are outlined."""
    from bregma.catalogue.tumours import tumour_scans

    return list(tumour_scans(library))


def outlined_scan(library: Library, series_uid: str) -> TumourScan:
    """One of them."""
    from bregma.catalogue.tumours import load_tumour_scan

    found: TumourScan = load_tumour_scan(library, series_uid)
    return found


def one_scan(path: Path) -> Scan:
    """The one MR scan of a path.

    Raises:
        RequestError: there is none, or there are several.
        RefusedError: it cannot be used.
    """
    from bregma.io import find

    candidates = find.discover(path).candidates
    if len(candidates) != 1:
        raise RequestError(f"{path.name!r} holds {len(candidates)} scans; give the path of one")
    scan: Scan = find.load_mr(candidates[0])
    if scan.refusal is not None:
        raise RefusedError(scan.refusal.code, f"{path.name!r} cannot be used: {scan.refusal.reason}")
    return scan


def drawn_scan(
    scan: Scan, *, box: VoxelBox | None = None, mask: Path | None = None, labels: Mapping[str, str] | None = None
) -> TumourScan:
    """A scan with the lesion that a person points at: a box, or all that a mask marks.

    Args:
        scan: as it came.
        box: in its array.
        mask: a NIfTI file in its grid.
        labels: criterion -> term, where something is known.

    Raises:
        RequestError: the box is not inside the scan, or the mask does not lie on it or is empty.
    """
    from bregma.catalogue.region_file import read_region_file
    from bregma.scan.tumour import TumourScan, tumours_of_map

    shape = scan.volume.values.shape
    numbers = np.zeros(shape, np.uint8)
    if box is not None:
        if any(stop > end for stop, end in zip(box.stop, shape, strict=True)):
            raise RequestError(f"box ends at {box.stop}, the scan has {shape} slices, rows and columns")
        numbers[tuple(slice(*ends) for ends in zip(box.start, box.stop, strict=True))] = 1
    if mask is not None:
        numbers[read_region_file(mask, scan)[0]] = 1
    return TumourScan(
        series_uid=scan.series.series_uid,
        patient=scan.series.patient,
        volume=scan.volume,
        map=numbers,
        tumours=tumours_of_map(numbers, {1: labels} if labels else {}),
        date=_date(scan),
    )


def _date(scan: Scan) -> str | None:
    date = scan.series.facts.get("StudyDate")
    return None if date is None else str(date)
