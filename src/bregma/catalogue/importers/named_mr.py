"""MR scans of data sets whose files name neither patient nor date, and often no true spacing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bregma.catalogue.importers.named import named_candidate, named_uid, renamed
from bregma.io.candidate import Candidate
from bregma.scan.study import Remark
from bregma.scan.volume import Scan

UNTRUE = Remark("spacing_unknown", "the data set says that the spacing of its files is not true")
"""Marks a candidate whose scan shall have no geometry."""


def mr_candidate(
    root: Path,
    files: tuple[str, ...],
    *,
    data_set: str,
    scan: str,
    patient: str,
    study: str = "",
    media: str = "nifti",
    spacing_known: bool = True,
    facts: Mapping[str, str | float] | None = None,
) -> Candidate:
    """An MR scan of a data set, to be opened by `load_named_mr`.

    Args:
        root: the data set's folder.
        files: relative to `root`, foot to head where they are pictures.
        data_set: name of the data set.
        scan: what the data set calls the scan.
        patient: what it calls the patient; the candidate has a pseudonym of it.
        study: what it calls the visit; "" where each scan is a visit of its own.
        media: "nifti" or "png".
        spacing_known: whether lengths in the files are true.
        facts: by DICOM keyword, such as StudyDate.
    """
    named = named_candidate(root, media, files, data_set=data_set, scan=scan, patient=patient)
    return replace(
        named,
        study_uid=named_uid(data_set, "study", study or scan),
        remarks=() if spacing_known else (UNTRUE,),
        facts=dict(facts or {}),
    )


def load_named_mr(candidate: Candidate) -> Scan:
    """Load a scan as MR, under the names of its candidate.

    Raises:
        RefusedError: as `bregma.io.find.load_mr`.
    """
    from bregma.io.find import load_mr  # pydicom, late

    return as_said(load_mr(candidate), candidate)


def as_said(scan: Scan, candidate: Candidate) -> Scan:
    """A scan with what its candidate says of it: names, facts, and whether lengths are true."""
    from bregma.io.mr_eligibility import without_spacing

    named = renamed(scan, candidate)
    named = replace(named, series=replace(named.series, facts={**named.series.facts, **candidate.facts}))
    return without_spacing(named) if UNTRUE in candidate.remarks else named
