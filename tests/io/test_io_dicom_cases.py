"""What can be wrong with a folder of DICOM, one case at a time, and what must be said of it.

Every case breaks a good series of 24 slices in one way. Expected are the number of scans and of slices in the first,
its status, and exactly these codes: warnings, the reason of refusal, files set aside, files refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from dicom_series import (
    IMPLICIT,
    SERIES,
    SLICES,
    head_hu,
    head_series,
    head_slice,
    set_signed,
    set_stored,
    stored,
    uid,
    without_preamble,
    write,
    write_file,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, SecondaryCaptureImageStorage

from bregma.io.find import find_scans
from bregma.scan.study import Refusal
from bregma.scan.volume import Scan

Images = list[Dataset]


@dataclass(frozen=True)
class Case:
    name: str
    change: Callable[[Images], Images | None] = lambda images: None
    after: Callable[[Path], object] = lambda folder: None
    scans: int = 1
    slices: int = SLICES
    warned: str = ""
    why: str = ""
    aside: str = ""
    refused: str = ""
    same_values: bool = True
    """Whether the first scan must hold the values of the unbroken series (its slices that are left)."""


def each(**attributes: object) -> Callable[[Images], None]:
    """Set attributes of every image; None deletes."""

    def change(images: Images) -> None:
        for image in images:
            one(image, **attributes)

    return change


def one(image: Dataset, **attributes: object) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of what is wrong on purpose
        for word, value in attributes.items():
            if value is None:
                delattr(image, word)
            else:
                setattr(image, word, value)
    return image


def last(**attributes: object) -> Callable[[Images], None]:
    return lambda images: each(**attributes)(images[-1:])


def drop(*places: int) -> Callable[[Images], Images]:
    return lambda images: [image for index, image in enumerate(images) if index not in places]


def plus(*more: Dataset) -> Callable[[Images], Images]:
    return lambda images: [*images, *more]


def hu(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Images], None]:
    """Store other HU, signed, 16 bits."""

    def apply(images: Images) -> None:
        for index, image in enumerate(images):
            set_signed(image, change(head_hu(index)))

    return apply


def cut_file(size: int) -> Callable[[Path], None]:
    """Shorten the file of the slice at z = 50."""

    def change(folder: Path) -> None:
        path = at_50(folder)
        path.write_bytes(path.read_bytes()[:size])

    return change


def at_50(folder: Path) -> Path:
    mark = uid("slice", 10).encode()
    return next(path for path in sorted(folder.iterdir()) if mark in path.read_bytes())


def in_file(old: bytes, new: bytes, count: int = -1) -> Callable[[Path], None]:
    """Replace bytes in the file of the slice at z = 50."""

    def change(folder: Path) -> None:
        path = at_50(folder)
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, count))

    return change


def shift_step(images: Images) -> None:
    """Thin slices below, thick above, as skull-base protocols do."""
    for index, image in enumerate(images):
        thin = index < 12
        image.ImagePositionPatient[2] = 3.0 * index if thin else 33.0 + 7.0 * (index - 11)
        image.SliceThickness = "3" if thin else "7"


def tilt(degrees: float) -> Callable[[Images], None]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return each(ImageOrientationPatient=[1, 0, 0, 0, round(float(c), 9), round(float(-s), 9)])


def wrapped(images: Images) -> None:
    for index, image in enumerate(images):
        set_stored(image, head_hu(index) % 4096, "<u2")
        image.RescaleIntercept = "0"


def garbage_bits(images: Images) -> None:
    for image in images:
        set_stored(image, stored(image) | 0xA000, "<u2")


def upper_bits(images: Images) -> None:
    for image in images:
        set_stored(image, stored(image) << 4, "<u2")
        image.HighBit = 15


def signed_12(images: Images) -> None:
    for index, image in enumerate(images):
        set_signed(image, head_hu(index), bits=12)
        set_stored(image, stored(image) & 0x0FFF, "<u2")


def half_slope(images: Images) -> None:
    for image in images:
        set_stored(image, stored(image) * 2, "<u2")
        each(RescaleSlope="0.5", BitsStored=16, HighBit=15)([image])


def own_intercepts(images: Images) -> None:
    for index, image in enumerate(images):
        set_signed(image, head_hu(index), intercept=-index)


def bits_32(images: Images) -> None:
    for index, image in enumerate(images):
        each(BitsAllocated=32, BitsStored=32, HighBit=31, PixelRepresentation=1, RescaleIntercept="0")([image])
        set_stored(image, head_hu(index), "<i4")


def corners(value: int) -> Callable[[Images], None]:
    """Signed HU with a frame of padding; the file says which value that is."""

    def change(images: Images) -> None:
        for index, image in enumerate(images):
            values = head_hu(index)
            values[:4] = values[-4:] = value
            set_signed(image, values)
            image.add_new("PixelPaddingValue", "SS", value)

    return change


def big_endian(images: Images) -> None:
    for image in images:
        image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        set_stored(image, stored(image), ">u2")


def syntax(name: str) -> Callable[[Images], None]:
    def change(images: Images) -> None:
        for image in images:
            image.file_meta.TransferSyntaxUID = name

    return change


def rle(images: Images) -> None:
    for image in images:
        image.compress(RLELossless, generate_instance_uid=False)


def damaged_rle(image: Dataset) -> Dataset:
    if image.file_meta.TransferSyntaxUID != RLELossless:
        rle([image])
    image.add_new("PixelData", "OB", image.PixelData[:16] + b"\xff" * 40)
    return image


def bare(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    for index in range(SLICES):
        without_preamble(head_slice(index), folder / f"x{index}")


def second(step: float = 0.0, **attributes: object) -> Callable[[Images], Images]:
    """A second acquisition of the same places (or `step` mm higher), its pixels 5 HU denser."""

    def change(images: Images) -> Images:
        more = []
        for index in range(SLICES):
            image = head_slice(index, z=index * 5.0 + step, hu=head_hu(index) + 5)
            image = one(image, SOPInstanceUID=uid("second", index), AcquisitionNumber=2)
            more.append(one(image, **attributes))
        each(AcquisitionNumber=1)(images)
        return [*images, *more]

    return change


def nested(depth: int, *, image: Dataset) -> Dataset:
    for _ in range(depth):
        item = Dataset()
        item.ReferencedImageSequence = image.get("ReferencedImageSequence", Sequence([]))
        image.ReferencedImageSequence = Sequence([item])
    return image


def deeply(folder: Path) -> None:
    """3,000 sequences of undefined length in one another, in the header of the slice at z = 50."""
    path = at_50(folder)
    data = path.read_bytes()
    place = data.index(b"\x10\x00\x10\x00PN")
    level = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path.write_bytes(data[:place] + 3000 * level + data[place:])


def scout() -> Dataset:
    image = one(head_slice(0), SOPInstanceUID="1.9", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    return one(image, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])


def capture(**attributes: object) -> Dataset:
    words = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    image = one(head_slice(3), SOPInstanceUID="1.8", SOPClassUID=SecondaryCaptureImageStorage, **dict.fromkeys(words))
    return one(image, **attributes)


def color() -> Dataset:
    image = capture(SamplesPerPixel=3, PhotometricInterpretation="RGB", BitsAllocated=8, BitsStored=8, HighBit=7)
    image.add_new("PixelData", "OW", bytes(64 * 64 * 3))
    return image


def larger(index: int) -> Dataset:
    image = one(head_slice(index), SOPInstanceUID=uid("large", index))
    set_stored(image, np.full((80, 80), 24), "<u2")
    return image


def file_named(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None  # type: ignore[func-returns-value]


def move_up(index: int, mm: float) -> Callable[[Images], None]:
    def change(images: Images) -> None:
        images[index].ImagePositionPatient[2] += mm

    return change


def twin(images: Images, index: int, *, uid_: str | None = None, add: int = 0) -> Images:
    more = head_slice(index, hu=head_hu(index) + add)
    return [*images, one(more, SOPInstanceUID=uid_) if uid_ else more]


FLAT = "no_orientation single_slice"
OTHER = {"SOPInstanceUID": "1.7"}

CASES = [
    Case("good"),
    # order and place
    Case("instance numbers say the opposite", lambda im: [one(i, InstanceNumber=99 - n) for n, i in enumerate(im)]),
    Case("all file names are the same but for the folder", after=lambda f: [
        (f / path.name[4:]).mkdir() or path.rename(f / path.name[4:] / "IM") for path in list(f.iterdir())]),
    Case("feet first, prone: mirrored directions", each(ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])),
    Case("columns run to the right", each(ImageOrientationPatient=[-1, 0, 0, 0, 1, 0])),
    Case("rotated by 90 degrees in the matrix", each(ImageOrientationPatient=[0, 1, 0, -1, 0, 0])),
    Case("gantry tilt of 20 degrees", tilt(20)),
    Case("gantry tilt of -25 degrees", tilt(-25)),
    Case("thin below, thick above", shift_step),
    Case("a slice is missing", drop(10), slices=23, warned="missing_slices", same_values=False),
    Case("three slices in a row are missing", drop(10, 11, 12), slices=21, warned="missing_slices", same_values=False),
    Case("two slices apart are missing", drop(6, 15), slices=22, warned="missing_slices", same_values=False),
    Case("positions rounded to 0.1 mm", lambda im: [move_up(n, 0.04 * (n % 3))(im) for n in range(24)] and None),
    Case("sagittal reformat", lambda im: [one(i, ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
         ImagePositionPatient=[5.0 * n, 0, 0]) for n, i in enumerate(im)] and None, why="not_axial"),
    Case("coronal reformat", lambda im: [one(i, ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
         ImagePositionPatient=[0, -5.0 * n, 0]) for n, i in enumerate(im)] and None, why="not_axial",
         same_values=False),
    Case("positions are missing", each(ImagePositionPatient=None), scans=24, slices=1, warned=FLAT, same_values=False),
    Case("directions are missing", each(ImageOrientationPatient=None), scans=24, slices=1, warned=FLAT,
         same_values=False),
    Case("directions are not at right angles", each(ImageOrientationPatient=[1, 0, 0, 0.5, 0.8, 0]), scans=24,
         slices=1, warned=FLAT, same_values=False),
    Case("directions are all zero", each(ImageOrientationPatient=[0, 0, 0, 0, 0, 0]), scans=24, slices=1, warned=FLAT,
         same_values=False),
    Case("pixel spacing is zero", each(PixelSpacing=[0, 0]), scans=24, slices=1, warned=FLAT, same_values=False),
    Case("one position is no number", after=in_file(b"-112.0\\-112.0\\50.0", b"-112.0\\-112.0\\nan "), slices=23,
         aside="odd_slice", warned="missing_slices slices_set_aside", same_values=False),
    # doubles
    Case("one file twice", lambda im: twin(im, 4), aside="duplicate"),
    Case("every file twice", lambda im: [*im, *head_series()], aside="duplicate"),
    Case("a copy under a new SOP Instance UID", lambda im: twin(im, 4, uid_="1.7"), aside="duplicate"),
    Case("one UID, other pixels", lambda im: twin(im, 4, add=7), slices=23, aside="same_uid_other_pixels",
         warned="conflicting_slices missing_slices", same_values=False),
    Case("two different slices at one place", lambda im: twin(im, 4, uid_="1.7", add=7), slices=23,
         aside="same_place", warned="conflicting_slices missing_slices", same_values=False),
    Case("no SOP Instance UIDs", each(SOPInstanceUID=None)),
    Case("one UID for all slices", each(SOPInstanceUID="1.2.3"), warned="uid_reused"),
    Case("a copy whose pixels are damaged", lambda im: rle(im) or [*im, damaged_rle(head_slice(4))],
         aside="bad_pixels"),
    Case("two copies and both are damaged", lambda im: rle(im) or [*im[:10], damaged_rle(im[10]),
         damaged_rle(one(head_slice(10), SOPInstanceUID="1.7")), *im[11:]], slices=23, aside="bad_pixels",
         warned="missing_slices unreadable_slice", same_values=False),
    # several things in one series
    Case("two acquisitions at the same places", second(), scans=2, warned="split_series"),
    Case("two acquisitions, half a step apart", second(2.5), scans=2, warned="split_series"),
    Case("two kernels in one series", second(AcquisitionNumber=1, ConvolutionKernel="H60s"), scans=2,
         warned="split_series"),
    Case("two acquisitions that nothing tells apart", second(AcquisitionNumber=1), slices=0, scans=0,
         refused="overlapping_acquisitions", same_values=False),
    Case("acquisition numbers count the table positions", lambda im: [one(i, AcquisitionNumber=n // 2) for n, i in
         enumerate(im)] and None),
    Case("the gantry was tilted for the upper half", lambda im: tilt(15)(im[12:]), scans=2, slices=12,
         warned="split_series partial_cover", same_values=False),
    Case("a scout among the slices", plus(scout()), aside="localizer"),
    Case("a dose page among the slices", plus(capture(ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"])),
         aside="dose_page"),
    Case("a colour page among the slices", plus(color()), aside="color_image"),
    Case("a capture without place among the slices", plus(capture()), aside="screen_capture"),
    Case("a slice of another matrix", plus(larger(3)), aside="odd_slice", warned="slices_set_aside"),
    Case("five slices of another matrix", plus(*(larger(n) for n in range(5))), scans=2, warned="split_series"),
    Case("a slice of other pixel size", lambda im: plus(one(head_slice(3), PixelSpacing=[2, 2], **OTHER))(im),
         aside="odd_slice", warned="slices_set_aside"),
    Case("two patients in one series", last(PatientID="H-999"), scans=0, slices=0, refused="two_patients",
         same_values=False),
    Case("two birth dates under one id", last(PatientBirthDate="19700101"), scans=0, slices=0, refused="two_patients",
         same_values=False),
    Case("one slice without a patient id", last(PatientID="")),
    Case("one study under two patients", lambda im: plus(*(one(i, PatientID="H-9", SeriesInstanceUID="1.5",
         SOPInstanceUID=uid(n, 5)) for n, i in enumerate(head_series())))(im), scans=2, warned="study_of_two_patients"),
    Case("only a scout", lambda im: [scout()], scans=0, slices=0, refused="localizer", same_values=False),
    Case("no series UID", each(SeriesInstanceUID=None), warned="no_series_uid"),
    Case("identifiers that are no UIDs", each(SeriesInstanceUID="ID_1f", StudyInstanceUID="ID_2", SOPClassUID=None)),
    # Hounsfield units
    Case("signed pixels, intercept 0", hu(lambda h: h)),
    Case("another intercept in every slice", own_intercepts),
    Case("slope one half", half_slope),
    Case("the 12-bit wrap", wrapped, warned="wrap_repaired"),
    Case("garbage above the stored bits", garbage_bits),
    Case("the stored bits are the upper twelve", upper_bits),
    Case("signed 12-bit pixels without sign in the upper bits", signed_12),
    Case("32-bit pixels", bits_32),
    Case("MONOCHROME1", each(PhotometricInterpretation="MONOCHROME1")),
    Case("no rescale, values are HU", lambda im: hu(lambda h: h)(im) or each(RescaleSlope=None, RescaleIntercept=None)(
         im), warned="no_rescale"),
    Case("no rescale, values are no HU", each(RescaleSlope=None, RescaleIntercept=None), why="not_hounsfield",
         warned="no_rescale hu_doubtful", same_values=False),
    Case("slope of zero", each(RescaleSlope="0"), same_values=True),
    Case("padding of -2000", corners(-2000), same_values=False),
    Case("padding of 0, which is water too", corners(0), same_values=False),
    Case("padding above all tissue", corners(32767), same_values=False),
    Case("blank images", hu(lambda h: h * 0 - 1000), why="blank_image", warned="hu_doubtful", same_values=False),
    Case("values far beyond HU", hu(lambda h: np.where(h > 0, 32000, -1000)), why="not_hounsfield",
         warned="hu_doubtful", same_values=False),
    # files
    Case("implicit VR", syntax(IMPLICIT)),
    Case("explicit big endian", big_endian),
    Case("deflated", syntax(DeflatedExplicitVRLittleEndian)),
    Case("RLE", rle),
    Case("no preamble, no file meta information", after=bare),
    Case("explicit VR under the name of implicit", after=in_file(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")),
    Case("a truncated slice", after=cut_file(5000), slices=23, aside="truncated_pixels",
         warned="missing_slices unreadable_slice", same_values=False),
    Case("a slice cut within its header", after=cut_file(700), slices=23, aside="bad_header",
         warned="missing_slices unreadable_slice", same_values=False),
    Case("a slice cut before its series is named", after=cut_file(300), slices=23, refused="bad_header",
         warned="missing_slices", same_values=False),
    Case("a slice without pixels", lambda im: one(im[10], PixelData=None) and None, slices=23, aside="no_pixels",
         warned="missing_slices unreadable_slice", same_values=False),
    Case("a slice with too many pixels", lambda im: im[10].add_new("PixelData", "OW", bytes(3 * 64 * 64 * 2)),
         slices=23, aside="oversized_pixels", warned="missing_slices unreadable_slice", same_values=False),
    Case("a slice that claims 65535 rows", last(Rows=65535), slices=23, aside="image_too_large",
         warned="unreadable_slice", same_values=False),
    Case("a slice of zero rows", last(Rows=0), slices=23, aside="bad_header", warned="unreadable_slice",
         same_values=False),
    Case("an unknown transfer syntax", after=in_file(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"), slices=23,
         aside="unknown_syntax", warned="missing_slices unreadable_slice", same_values=False),
    Case("a damaged RLE frame", lambda im: rle(im) or im[10].add_new("PixelData", "OB",
         im[10].PixelData[:16] + b"\xff" * 40), slices=23, aside="bad_pixels",
         warned="missing_slices unreadable_slice", same_values=False),
    Case("3,000 nested sequences", after=deeply, slices=23, refused="nested_sequences", warned="missing_slices",
         same_values=False),
    Case("ten nested sequences", lambda im: nested(10, image=im[10]) and None),
    Case("a text file beside the slices", after=file_named("LICENSE", b"text" * 40), refused="not_an_image"),
    Case("an empty file beside the slices", after=file_named("empty.dcm", b""), refused="not_dicom"),
    Case("a slice cut off in its header", after=file_named("cut.IMA", bytes(90)), refused="not_dicom"),
    Case("a report beside the slices", plus(one(head_slice(0), Rows=None, Columns=None, PixelData=None, Modality="SR",
         SeriesInstanceUID="1.6", SOPInstanceUID="1.6.1")), refused="not_an_image"),
    Case("only text", lambda im: [], file_named("a.txt", b"x" * 300), scans=0, slices=0, refused="not_an_image",
         same_values=False),
    Case("a picture that is none", after=file_named("a.png", b"\x89PNG"), refused="bad_png"),
    # eligibility
    Case("MR", each(Modality="MR"), why="not_ct"),
    Case("chest", each(BodyPartExamined="CHEST"), why="not_head"),
    Case("a section as large as a trunk", each(PixelSpacing=[7, 7]), why="not_head"),
    Case("the description says abdomen", each(BodyPartExamined="", StudyDescription="CT Abdomen"), why="not_head"),
    Case("head and neck", each(BodyPartExamined="HEADNECK")),
    Case("bone kernel", each(ConvolutionKernel="BONEPLUS"), warned="bone_kernel"),
    Case("sharp Siemens kernel", each(ConvolutionKernel=["Hr68h", "3"]), warned="bone_kernel"),
    Case("contrast", each(ContrastBolusAgent="OMNIPAQUE 350"), why="contrast"),
    Case("contrast in one slice", last(ContrastBolusAgent="OMNIPAQUE 350"), why="contrast"),
    Case("no rescale in one slice", last(RescaleSlope=None), warned="no_rescale"),
    Case("contrast: none", each(ContrastBolusAgent="NONE")),
    Case("angiography", each(SeriesDescription="CTA HEAD 0.6"), why="contrast"),
    Case("MIP", each(ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"]), why="projection", warned="derived_image"),
    Case("perfusion map", each(ImageType=["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]), why="computed_map",
         warned="derived_image"),
    Case("child of 9 years", each(PatientAge="009Y"), warned="child"),
    Case("child of 11 months", each(PatientAge="011M"), warned="child"),
    Case("child by date of birth", each(PatientBirthDate="20150101"), warned="child"),
    Case("five slices", lambda im: im[:5], slices=5, warned="too_few_slices partial_cover", same_values=False),
    Case("the top of the head is missing", lambda im: [one(i, PixelData=im[0].PixelData) for i in im] and None,
         warned="partial_cover", same_values=False),
    Case("half a head", lambda im: im[:14], slices=14, warned="partial_cover", same_values=False),
    Case("a single slice", lambda im: im[9:10], slices=1, warned="single_slice", same_values=False),
    Case("slices of 10 mm", each(SliceThickness="10"), warned="thick_slices"),
    Case("lossy", each(LossyImageCompression="01"), warned="lossy_compression"),
    Case("burned-in text", each(BurnedInAnnotation="YES"), warned="burned_in_annotation"),
    Case("a bare secondary capture", lambda im: [capture(Modality="OT", ImageType=None)], slices=1,
         warned=f"modality_unknown {FLAT}", same_values=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "_", case.name))
def test_a_broken_series_is_recognised(case: Case, tmp_path: Path) -> None:
    images = head_series()
    changed = case.change(images)
    folder = write(images if changed is None else changed, tmp_path / "scan")
    case.after(folder)
    found = list(find_scans(folder))
    scans = [one for one in found if isinstance(one, Scan)]
    refused = {one.code for one in found if isinstance(one, Refusal)}
    assert len(scans) == case.scans
    assert refused == set(case.refused.split())
    if scans:
        first = scans[0]
        assert {warning.code for warning in first.warnings} == set(case.warned.split())
        assert (first.refusal.code if first.refusal else "") == case.why
        assert {row.code for row in first.excluded} == set(case.aside.split())
        assert first.volume.values.shape[0] == len(first.slices) == case.slices
        if case.same_values:
            expected = np.stack([head_hu(index) for index in range(SLICES)])
            np.testing.assert_array_equal(first.volume.values, expected)
    assert_every_file_is_accounted_for(folder, found)


def assert_every_file_is_accounted_for(folder: Path, found: list[Scan | Refusal]) -> None:
    named: set[str] = set()
    for one in found:
        if isinstance(one, Refusal):
            named |= set(one.files)
        else:
            named |= {*one.source.files, *(name for row in one.excluded for name in row.files)}
    assert named == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_cases_are_many_and_named_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60
    assert SERIES
    assert write_file
