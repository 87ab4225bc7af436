"""What discovery finds: a scan that can be loaded, known by its headers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bregma.io.stack import Place
from bregma.scan.study import Refusal, Remark


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scan that was found and not yet loaded; small and plain, so that it can be sent to another process.

    Attributes:
        root: the path that was asked for.
        media: "dicom", "nifti" or "png".
        series_uid: Series Instance UID; a further scan of the same series has "#2", "#3" ... after it.
        study_uid: Study Instance UID.
        patient: pseudonym.
        files: the files of the scan, relative to `root`.
        places: DICOM only: the images, foot to head, at each place one or those that only their pixels tell apart.
        remarks: warnings that the headers gave rise to.
        excluded: files of the series that are no part of the scan.
        facts: what a data set says of the scan beyond its files, by DICOM keyword.
    """

    root: Path
    media: str
    series_uid: str
    study_uid: str
    patient: str
    files: tuple[str, ...]
    places: tuple[Place, ...] = ()
    remarks: tuple[Remark, ...] = ()
    excluded: tuple[Refusal, ...] = ()
    facts: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What lies below a path.

    Attributes:
        root: the path that was asked for.
        candidates: scans that can be loaded.
        refused: files that belong to none of them, and why.
    """

    root: Path
    candidates: tuple[Candidate, ...]
    refused: tuple[Refusal, ...]
