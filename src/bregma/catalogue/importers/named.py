"""Scans in formats that name no patient, study or series, under names that their data set gives them.

An importer must be able to say which scan a row is about before the scan is read. So its candidates carry UIDs made
from the data set's name and the scan's name in it, and `load_named` puts them in the place of those that the reader
makes from the content.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from pathlib import Path

from bregma.io.candidate import Candidate
from bregma.io.pseudonym import pseudonym
from bregma.scan.volume import Scan


def named_uid(data_set: str, kind: str, name: str) -> str:
    """A UID (PS3.5 B.2) for something in a data set, the same wherever and whenever it is made.

    Args:
        data_set: name of the data set, such as "ct_ich".
        kind: "study" or "series".
        name: what the data set calls it, such as "049".
    """
    digest = hashlib.sha256(f"{data_set}\n{kind}\n{name}".encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def named_candidate(
    root: Path, media: str, files: tuple[str, ...], *, data_set: str, scan: str, patient: str
) -> Candidate:
    """A scan of a data set, to be opened by `load_named`.

    Args:
        root: the data set's folder.
        media: "nifti" or "png".
        files: relative to `root`; for "png" with the side-car, if there is one.
        data_set: name of the data set.
        scan: what the data set calls the scan.
        patient: what it calls the patient; the candidate has a pseudonym of it.
    """
    return Candidate(
        root=root,
        media=media,
        series_uid=named_uid(data_set, "series", scan),
        study_uid=named_uid(data_set, "study", scan),
        patient=pseudonym(f"{data_set} {patient}"),
        files=files,
    )


def load_named(candidate: Candidate) -> Scan:
    """Load a scan under the names of its candidate.

    Raises:
        RefusedError: as `bregma.io.find.load`.
    """
    from bregma.io.find import load  # pydicom, late

    return renamed(load(candidate), candidate)


def renamed(scan: Scan, candidate: Candidate) -> Scan:
    """A scan under the names of its candidate, for importers that load in a way of their own."""
    series = replace(
        scan.series,
        series_uid=candidate.series_uid,
        study_uid=candidate.study_uid,
        patient=candidate.patient,
    )
    refusal = None if scan.refusal is None else replace(scan.refusal, series_uid=candidate.series_uid)
    return replace(scan, series=series, refusal=refusal)
