"""Scans below a path: discovered by their headers, loaded one at a time, whatever they are stored as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bregma.io.candidate import Candidate, Discovery
from bregma.io.dicom_find import DicomFiles
from bregma.io.dicom_scan import load_dicom
from bregma.io.entry import Entry, entry_of_file
from bregma.io.files import list_entries, open_entry, root_of
from bregma.io.mr_eligibility import MR, for_bleeds
from bregma.io.zip_entries import ARCHIVE_MARK, is_zip, list_zip
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal
from bregma.scan.volume import Scan

__all__ = ["Candidate", "Discovery", "discover", "find_scans", "load", "load_any", "load_mr"]

NIFTI = (".nii", ".nii.gz")
DICOM = (".dcm", ".dicom", ".ima")
SIDECAR = "scan.json"
"""Says what the grey values of a folder of PNG slices mean; see docs/how-to/png-sidecar.md."""


def discover(path: Path) -> Discovery:
    """Look at the headers of all files below a path.

    Args:
        path: a file, a folder, a zip archive or a DICOM medium.

    Returns:
        the scans that can be loaded, and every file that is part of none, with the reason.

    Raises:
        RequestError: there is nothing at this path.
    """
    entries, refused = list_entries(path)
    dicom = DicomFiles()
    candidates: list[Candidate] = []
    pictures: list[Entry] = []
    others: list[str] = []
    for entry in entries:
        name = entry.name.lower()
        if name.endswith(NIFTI):
            candidates.append(_plain(path, "nifti", (entry.name,)))
        elif name.endswith(".png") or _base(name) == SIDECAR:
            pictures.append(entry)
        elif not dicom.add(entry):
            others.append(entry.name)
    found, more = dicom.candidates(path)
    candidates += found
    if pictures:
        candidates += _picture_scans(path, pictures)
    refused += _neither(others)
    return Discovery(path, tuple(candidates), (*refused, *more))


def _neither(names: Sequence[str]) -> Iterator[Refusal]:
    """Files that are no image. One that calls itself DICOM may be a slice that nothing else would miss."""
    lost = tuple(name for name in names if name.lower().endswith(DICOM))
    if lost:
        yield Refusal(
            "not_dicom", "the name says DICOM, the content does not: empty, cut short or something else", lost
        )
    if others := tuple(name for name in names if name not in lost):
        yield Refusal("not_an_image", "neither DICOM nor NIfTI nor a PNG slice", others)


def load(candidate: Candidate) -> Scan:
    """Load a scan for a reading of bleeds: pixels read, checked and turned into Hounsfield units; MR is refused.

    Raises:
        RefusedError: as `load_any`.
    """
    return for_bleeds(load_any(candidate))


def load_any(candidate: Candidate) -> Scan:
    """Load a scan of any modality that is kept: CT in Hounsfield units, MR in values without a unit.

    A refusal in the scan says why nobody may use it; what a reading of bleeds refuses besides, `for_bleeds` says.

    Raises:
        RefusedError: nothing of it can be read; the reason is in it. A fault of ours comes as one too, with the code
            "reader_failed", so that one scan never costs the others of a batch.
    """
    try:
        return _load(candidate)
    except RefusedError:
        raise
    except Exception as error:
        kind = type(error).__name__
        reason = f"reading failed in a way that Bregma did not foresee ({kind}); please report it"
        raise RefusedError("reader_failed", reason) from error


def _load(candidate: Candidate) -> Scan:
    if candidate.media == "dicom":
        return load_dicom(candidate, _Files(candidate))
    files = _Files(candidate)
    entries = [files(name) for name in candidate.files]
    if candidate.media == "nifti":
        from bregma.io.nifti import load_nifti

        return load_nifti(entries[0], candidate.root)
    from bregma.io.png import load_png_folder

    sidecar = next((entry for entry in entries if _base(entry.name) == SIDECAR), None)
    return load_png_folder([entry for entry in entries if entry is not sidecar], sidecar, candidate.root)


def load_mr(candidate: Candidate) -> Scan:
    """Load a scan as MR, also where its format (NIfTI, PNG) cannot say what it is.

    Raises:
        RefusedError: a DICOM file that says it is something else ("not_mr"), or as `load_any`.
    """
    if candidate.media == "dicom":
        scan = load_any(candidate)
        if scan.series.modality != MR:
            raise RefusedError("not_mr", f"the modality is {scan.series.modality!r}; expected {MR!r}")
        return scan
    files = _Files(candidate)
    entries = [files(name) for name in candidate.files]
    if candidate.media == "nifti":
        from bregma.io.mr_nifti import load_mr_nifti

        return load_mr_nifti(entries[0], candidate.root)
    from bregma.io.mr_pictures import load_mr_pictures

    return load_mr_pictures(entries, candidate.root)


def find_scans(path: Path) -> Iterator[Scan | Refusal]:
    """Every scan below a path, then every file that is part of none; one scan in memory at a time.

    Args:
        path: a file, a folder, a zip archive or a DICOM medium.

    Raises:
        RequestError: there is nothing at this path.
    """
    discovery = discover(path)
    for candidate in discovery.candidates:
        try:
            yield load(candidate)
        except RefusedError as error:
            yield Refusal(error.code, error.reason, candidate.files, candidate.series_uid or None)
            yield from candidate.excluded
    yield from discovery.refused


def _picture_scans(root: Path, pictures: list[Entry]) -> list[Candidate]:
    """Side-cars and names tell which pictures belong together."""
    from bregma.io.png_names import picture_scans

    groups = picture_scans(pictures)
    return [_plain(root, "png", tuple(entry.name for entry in group)) for group in groups]


def _base(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _plain(root: Path, media: str, files: tuple[str, ...]) -> Candidate:
    return Candidate(root, media, series_uid="", study_uid="", patient="", files=files)


class _Files:
    """The files of a candidate by name; an archive is listed once."""

    def __init__(self, candidate: Candidate) -> None:
        self._root = candidate.root
        self._folder = root_of(candidate.root)
        self._archives: dict[str, dict[str, Entry]] = {}

    def __call__(self, name: str) -> Entry:
        if ARCHIVE_MARK not in name:
            if "\\" in name:  # perhaps bytes spelled out
                return open_entry(self._root, name)
            return entry_of_file(self._folder / name, name, size=0)
        label = name.partition(ARCHIVE_MARK)[0]
        if label not in self._archives:
            archive = self._folder / label
            members = list_zip(archive, label)[0] if is_zip(archive) else list_entries(self._root)[0]
            self._archives[label] = {entry.name: entry for entry in members}
        if name not in self._archives[label]:
            raise RefusedError("unreadable_file", "the archive member was found before, but is no longer there")
        return self._archives[label][name]
