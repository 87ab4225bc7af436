"""A stack of DICOM images as a scan: pixels read, duplicates told apart, Hounsfield units checked, places kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bregma.io import hu_check
from bregma.io.candidate import Candidate
from bregma.io.dicom_header import Header
from bregma.io.dicom_image import Image, number
from bregma.io.dicom_pixels import read_stored
from bregma.io.eligibility import Verdict, refusals, warnings_of
from bregma.io.entry import Entry
from bregma.io.gaps import holes
from bregma.io.hounsfield import to_hounsfield
from bregma.io.mr_dicom import fill_signal
from bregma.io.mr_eligibility import CHECK, MR, mr_refusals, mr_warnings
from bregma.io.mr_values import to_signal
from bregma.io.stack import Place, reused_uids
from bregma.scan.counted import counted
from bregma.scan.errors import RefusedError
from bregma.scan.study import Refusal, Remark, Series, Slice, Source
from bregma.scan.volume import HU, Geometry, Scan, Volume

MAX_VOXELS = 1 << 30
"""2 GiB as int16: 4,096 slices of 512 x 512."""

FACTS = (
    "Manufacturer",
    "ManufacturerModelName",
    "StudyDescription",
    "SeriesDescription",
    "BodyPartExamined",
    "ImageType",
    "ConvolutionKernel",
    "ContrastBolusAgent",
    "PatientPosition",
    "PatientAge",
    "PatientSex",
    "PhotometricInterpretation",
    "SOPClassUID",
)
NUMBERS = ("SliceThickness", "KVP", "GantryDetectorTilt", "SeriesNumber", "AcquisitionNumber")

CONFLICTS_ALLOWED = 0.25
"""Share of places held by several different images above which the series is not one acquisition."""

OVERLAP = "several acquisitions lie over one another, and nothing in their headers tells them apart"

Opener = Callable[[str], Entry]
Fill = Callable[[Image, Entry, NDArray[Any]], tuple[str, ...]]
"""Writes the values of an image to (H, W) and says what was repaired."""


@dataclass(slots=True)
class _Loading:
    """The slices that could be read so far, and what was said about those that could not."""

    values: NDArray[Any]
    fill: Fill
    images: list[Image] = field(default_factory=list)
    repaired: list[tuple[str, ...]] = field(default_factory=list)
    excluded: list[Refusal] = field(default_factory=list)
    broken: int = 0
    conflicts: int = 0


def load_dicom(candidate: Candidate, entry_of: Opener) -> Scan:
    """Load a DICOM scan.

    Args:
        candidate: from `bregma.io.find.discover`.
        entry_of: the file of a name.

    Raises:
        RefusedError: "scan_too_large", or the reason of the first image when none can be read.
    """
    layout = candidate.places[0][0].format
    count = len(candidate.places)
    if count * layout.rows * layout.columns > MAX_VOXELS:
        size = f"{count} x {layout.rows} x {layout.columns}"
        raise RefusedError("scan_too_large", f"the scan has {size} voxels; at most {MAX_VOXELS} are read")
    is_mr = candidate.places[0][0].header.text("Modality").upper() == MR
    values = np.empty((count, layout.rows, layout.columns), dtype=np.float32 if is_mr else np.int16)
    loading = _Loading(values, fill_signal if is_mr else _fill_hounsfield)
    for place in candidate.places:
        _read_place(place, loading, entry_of)
    if loading.conflicts and not loading.images:
        raise RefusedError("overlapping_acquisitions", OVERLAP)
    if not loading.images:
        first = loading.excluded[0]
        raise RefusedError(first.code, first.reason)
    return _scan(candidate, loading)


def _fill_hounsfield(image: Image, entry: Entry, out: NDArray[np.int16]) -> tuple[str, ...]:
    return to_hounsfield(read_stored(image, entry, out), image.format, out)


def _read_place(place: Place, loading: _Loading, entry_of: Opener) -> None:
    """Fill the next slice from the image at a place; several must be the same image to be believed."""
    if len(place) > 1:
        place = _told_apart(place, loading, entry_of)
    for image in place:
        out = loading.values[len(loading.images)]
        try:
            repaired = loading.fill(image, entry_of(image.file), out)
        except RefusedError as error:
            _exclude(loading, error.code, error.reason, [image])
            loading.broken += 1
            continue
        loading.images.append(image)
        loading.repaired.append(repaired)


def _told_apart(place: Place, loading: _Loading, entry_of: Opener) -> Place:
    """The one image of a place: copies are dropped; if the pixels differ, none is believed."""
    different: dict[bytes, Image] = {}
    for image in place:
        out = np.empty((image.format.rows, image.format.columns), dtype=loading.values.dtype)
        try:
            loading.fill(image, entry_of(image.file), out)
        except RefusedError as error:
            _exclude(loading, error.code, error.reason, [image])
            continue
        if different.setdefault(out.tobytes(), image) is not image:
            _exclude(loading, "duplicate", "the same image is there twice; it is used once", [image])
    if len(different) == 1:
        return tuple(different.values())
    if not different:
        loading.broken += 1
        return ()
    same_uid = len({image.sop_uid or image.file for image in different.values()}) < len(different)
    code = "same_uid_other_pixels" if same_uid else "same_place"
    what = "images with one SOP Instance UID" if same_uid else "images at one place"
    _exclude(loading, code, f"{len(different)} different {what}; none of them is used", list(different.values()))
    loading.conflicts += 1
    return ()


def _exclude(loading: _Loading, code: str, reason: str, images: Iterable[Image]) -> None:
    files = tuple(sorted({image.file for image in images}))
    loading.excluded.append(Refusal(code, reason, files))


def _scan(candidate: Candidate, loading: _Loading) -> Scan:
    images = loading.images
    geometry = _geometry(images)
    judge = _judge_mr if loading.fill is fill_signal else _judge_ct
    judged = judge(_spokesman(images), geometry, loading.values[: len(images)])
    why = list(judged.refusals)
    if loading.conflicts > CONFLICTS_ALLOWED * len(candidate.places):
        why.insert(0, Remark("overlapping_acquisitions", OVERLAP))
    files = tuple(dict.fromkeys(image.file for image in images))
    return Scan(
        series=_series(candidate, images, geometry, judged.facts),
        source=Source(candidate.root, files, "dicom"),
        slices=_slices(images, geometry, judged.checks, loading.repaired),
        volume=Volume(judged.values, geometry),
        warnings=(
            *candidate.remarks,
            *_reading_remarks(loading, geometry),
            *judged.warnings,
        ),
        refusal=Refusal(why[0].code, "; ".join(w.message for w in why), files, candidate.series_uid) if why else None,
        excluded=(*candidate.excluded, *loading.excluded),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """The values of a scan and what was found when they were looked at, as its modality wants it."""

    values: HU
    refusals: Verdict
    warnings: Verdict
    checks: tuple[str, ...]
    facts: dict[str, str | float]


def _judge_ct(header: Header, geometry: Geometry | None, values: HU) -> _Judged:
    content = hu_check.look(values)
    checks = hu_check.doubts(content)
    found = refusals(header, geometry, content, checks), warnings_of(header, geometry, content, checks)
    return _Judged(values, *found, checks, {})


def _judge_mr(header: Header, geometry: Geometry | None, values: NDArray[Any]) -> _Judged:
    signal = to_signal(values)
    date = {"StudyDate": header.text("StudyDate")} if header.text("StudyDate") else {}
    found = mr_refusals(header, signal.values), mr_warnings(header, geometry)
    return _Judged(signal.values, *found, (CHECK,) * len(values), {**signal.facts, **date})


def _spokesman(images: list[Image]) -> Header:
    """The header of the lowest slice, with what any other slice says or lacks that matters for all of them."""
    values = dict(images[0].header.values)
    for word in ("ContrastBolusAgent", "LossyImageCompression", "BurnedInAnnotation"):
        said = {image.header.text(word) for image in images} - {"", "00", "NO"}
        if said:
            values[word] = max(said)
    for word in ("RescaleSlope", "RescaleIntercept"):
        if any(not image.header.text(word) for image in images):
            values[word] = ""
    thickest = max(((number(image.header, "SliceThickness") or 0.0) for image in images), default=0.0)
    if thickest:
        values["SliceThickness"] = str(thickest)
    return replace(images[0].header, values=values)


def _geometry(images: list[Image]) -> Geometry | None:
    first = images[0]
    if first.orientation is None or first.pixel_mm is None or first.position is None:
        return None
    row, column = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    return Geometry(
        rows=first.format.rows,
        columns=first.format.columns,
        origins=np.array([image.position for image in images], dtype=np.float64),
        along_row=row / np.linalg.norm(row),
        along_column=column / np.linalg.norm(column),
        pixel_mm=first.pixel_mm,
    )


def _directions(geometry: Geometry) -> str:
    """Where rows and columns run, as PatientOrientation writes it (PS3.3 C.7.6.1.1.1): "L\\P" is the usual view.

    Mirrored and rotated storage is thus said; nothing is turned round, the geometry knows where each pixel lies.
    """
    letters = []
    for direction in (geometry.along_row, geometry.along_column):
        axis = int(np.abs(direction).argmax())
        letters.append(("RL", "AP", "FH")[axis][int(direction[axis] > 0)])
    return "\\".join(letters)


def _series(
    candidate: Candidate, images: list[Image], geometry: Geometry | None, judged: dict[str, str | float]
) -> Series:
    header = images[0].header
    facts: dict[str, str | float] = {word: header.text(word) for word in FACTS if header.text(word)}
    facts |= judged
    for word in NUMBERS:
        value = number(header, word)
        if value is not None:
            facts[word] = value
    if geometry is not None:
        facts["PatientOrientation"] = _directions(geometry)
    return Series(candidate.patient, candidate.study_uid, candidate.series_uid, header.text("Modality"), facts)


def _slices(
    images: list[Image], geometry: Geometry | None, checks: tuple[str, ...], repaired: list[tuple[str, ...]]
) -> tuple[Slice, ...]:
    gaps: list[float | None] = [None] * len(images)
    heights: list[float | None] = [None] * len(images)
    if geometry is not None:
        gaps = [*map(float, geometry.gaps_mm), None]
        heights = [float(z) for z in geometry.origins[:, 2]]
    return tuple(
        Slice(
            index, image.file, image.frame, image.sop_uid, heights[index], gaps[index], checks[index], repaired[index]
        )
        for index, image in enumerate(images)
    )


def _reading_remarks(loading: _Loading, geometry: Geometry | None) -> list[Remark]:
    found = []
    if loading.broken:
        found.append(Remark("unreadable_slice", f"{counted(loading.broken, 'slice')} unreadable and missing"))
    if loading.conflicts:
        reason = (
            f"at {counted(loading.conflicts, 'place')} different images contradict each other; none of them is used"
        )
        found.append(Remark("conflicting_slices", reason))
    if reused_uids([(image,) for image in loading.images]):
        found.append(Remark("uid_reused", "different slices carry one SOP Instance UID"))
    wrapped = sum("wrap" in word for words in loading.repaired for word in words)
    if wrapped:
        found.append(
            Remark("wrap_repaired", f"the 12-bit wrap of the background was undone in {counted(wrapped, 'slice')}")
        )
    if geometry is not None:
        found += _missing(loading.images, geometry)
    return found


def _missing(images: list[Image], geometry: Geometry) -> list[Remark]:
    thickness = [number(image.header, "SliceThickness") for image in images]
    found = holes(geometry.gaps_mm, thickness)
    if not found:
        return []
    where = ", ".join(f"{geometry.origins[index, 2]:.1f} mm" for index, _ in found[:4])
    count = sum(missing for _, missing in found)
    return [Remark("missing_slices", f"about {counted(count, 'slice')} missing, above z = {where}")]
