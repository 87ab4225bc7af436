"""DICOM files into candidates: headers read, series formed, patients kept apart."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bregma.io.candidate import Candidate
from bregma.io.dicom_header import Header, HeaderRefusedError, read_header
from bregma.io.dicom_image import Image, image_of
from bregma.io.entry import Entry
from bregma.io.pseudonym import pseudonym
from bregma.io.stack import Stack, stacks_of
from bregma.scan.counted import counted
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Remark

BROKEN = frozenset(
    {
        "bad_deflate",
        "bad_header",
        "float_pixels",
        "image_too_large",
        "nested_sequences",
        "no_pixels",
        "oversized_pixels",
        "truncated_pixels",
        "unknown_syntax",
        "unsupported_pixels",
    }
)
"""Codes of refusal by which a slice of a scan is lost, so that the rest is not the whole head."""

Person = tuple[str, str, str]
"""Pseudonym, birth date and sex as the file has them; never shown."""


@dataclass(slots=True)
class DicomFiles:
    """The DICOM files found so far.

    Attributes:
        images: those that may be slices, by series and study.
        refused: the others, each with its reason and its series if that is known.
        people: the identities that each series goes under.
    """

    images: dict[tuple[str, str], list[Image]] = field(default_factory=lambda: defaultdict(list))
    refused: list[Refusal] = field(default_factory=list)
    people: dict[str, set[Person]] = field(default_factory=lambda: defaultdict(set))
    _pseudonyms: dict[str, str] = field(default_factory=dict)

    def add(self, entry: Entry) -> bool:
        """Take a file in; False when it is not DICOM."""
        series: str | None = None
        try:
            header = read_header(entry)
            if header is None:
                return False
            person = self._take_identity(header)
            series = header.text("SeriesInstanceUID") or None
            images = _images(entry, header)
        except RefusedError as error:
            series = error.series_uid if isinstance(error, HeaderRefusedError) else series
            self.refused.append(Refusal(error.code, error.reason, (entry.name,), series))
            return True
        key = _series_key(images[0])
        self.images[key] += images
        self.people[key[0]].add(person)
        return True

    def candidates(self, root: Path) -> tuple[list[Candidate], list[Refusal]]:
        """The scans, and the files that belong to none."""
        found: list[Candidate] = []
        refused = list(self.refused)
        patients = self._patients_of_studies()
        taken: Counter[str] = Counter()
        for key in sorted(self.images):
            images = self.images[key]
            if not _one_person(self.people[key[0]]):
                reason = "the series holds images of more than one patient; none of them is read"
                refused.append(Refusal("two_patients", reason, _files(images), key[0]))
                continue
            for stack in stacks_of(images):
                taken[key[0]] += 1
                found.append(_candidate(root, key, stack, number=taken[key[0]], patients=patients[key[1]]))
        return _with_their_refused(found, refused)

    def _take_identity(self, header: Header) -> Person:
        """Put a pseudonym in the place of the patient's id, so that nobody passes the id on by mistake."""
        hospital_id = header.text("PatientID")
        if hospital_id not in self._pseudonyms:
            self._pseudonyms[hospital_id] = pseudonym(hospital_id) if hospital_id else ""
        header.values["PatientID"] = self._pseudonyms[hospital_id]
        return header.values["PatientID"], header.text("PatientBirthDate"), header.text("PatientSex")

    def _patients_of_studies(self) -> dict[str, set[str]]:
        patients: dict[str, set[str]] = defaultdict(set)
        for (_, study), images in self.images.items():
            patients[study] |= {image.header.text("PatientID") for image in images} - {""}
        return patients


def _one_person(people: Iterable[Person]) -> bool:
    """Whether no two of the identities contradict each other; what a file leaves out contradicts nothing."""
    return all(len(set(said) - {"", "O"}) <= 1 for said in zip(*people, strict=True))


def _images(entry: Entry, header: Header) -> list[Image]:
    frames = header.text("NumberOfFrames").partition("\\")[0].strip()
    if frames.isdecimal() and (int(frames) > 1 or header.text("SOPClassUID") == ENHANCED_CT):
        from bregma.io.dicom_frames import frame_headers

        image_of(entry.name, entry.size, header)  # refuses what is no image before its frames are looked at
        head = entry.read()[: header.pixels_at]
        headers = frame_headers(header, head)
        return [image_of(entry.name, entry.size, one, frame=number) for number, one in enumerate(headers)]
    return [image_of(entry.name, entry.size, header)]


ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def _series_key(image: Image) -> tuple[str, str]:
    """Series and study; for a file that names no series, its study and place, or only itself."""
    header = image.header
    series, study = header.text("SeriesInstanceUID"), header.text("StudyInstanceUID")
    if not series:
        known = f"{study} {header.text('SeriesNumber')}" if image.placed and study else image.sop_uid or image.file
        series = f"2.25.{int.from_bytes(hashlib.sha256(known.encode()).digest()[:15])}"
    return series, study


def _files(images: Iterable[Image]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(image.file for image in images))


def _candidate(root: Path, key: tuple[str, str], stack: Stack, *, number: int, patients: set[str]) -> Candidate:
    series, study = key
    images = [image for place in stack.places for image in place]
    known = {image.header.text("PatientID") for image in images} - {""}
    remarks = list(stack.remarks)
    if len(patients) > 1:
        remarks.append(
            Remark("study_of_two_patients", "the study goes under more than one patient id; check whose it is")
        )
    if not images[0].header.text("SeriesInstanceUID"):
        remarks.append(Remark("no_series_uid", "the files name no series; they were put together by study and place"))
    return Candidate(
        root=root,
        media="dicom",
        series_uid=series if number == 1 else f"{series}#{number}",
        study_uid=study,
        patient=min(known) if known else pseudonym(f"unknown patient of study {study or series}"),
        files=_files(images),
        places=stack.places,
        remarks=tuple(remarks),
        excluded=stack.excluded,
    )


def _with_their_refused(found: list[Candidate], refused: list[Refusal]) -> tuple[list[Candidate], list[Refusal]]:
    """Refused files of a series go with its first scan, where a lost slice is said; the others stay by themselves."""
    at = {candidate.series_uid: number for number, candidate in reversed(list(enumerate(found)))}
    mine: dict[int, list[Refusal]] = defaultdict(list)
    others = []
    for row in refused:
        if row.series_uid in at:
            mine[at[row.series_uid]].append(row)
        else:
            others.append(row)
    for number, rows in mine.items():
        candidate = found[number]
        remarks = candidate.remarks
        lost = sum(row.code in BROKEN for row in rows)
        if lost:
            remarks = (
                *remarks,
                Remark("unreadable_slice", f"{counted(lost, 'image')} of the series damaged and left out"),
            )
        found[number] = replace(candidate, remarks=remarks, excluded=(*candidate.excluded, *rows))
    return found, others
