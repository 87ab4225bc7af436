"""Headers and pixels as files have them: multi-frame, compressed, deflated, archived, hostile."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import gdcm
import numpy as np
import pytest
from dicom_series import SERIES, SLICES, head_hu, head_series, head_slice, set_stored, write, write_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from bregma.io.dicom_header import FIRST_BYTES, read_header
from bregma.io.files import open_entry
from bregma.io.find import Candidate, discover, find_scans, load
from bregma.scan.errors import RefusedError, RequestError
from bregma.scan.study import Refusal
from bregma.scan.volume import Scan

HEAD = np.stack([head_hu(index) for index in range(SLICES)])


def only(folder: Path) -> Scan:
    (scan,) = find_scans(folder)
    assert isinstance(scan, Scan)
    return scan


def refused(folder: Path) -> set[str]:
    return {one.code for one in find_scans(folder) if isinstance(one, Refusal)}


def groups(**attributes: object) -> Dataset:
    """A functional group: one item in each of its sequences."""
    found = Dataset()
    for sequence, words in attributes.items():
        item = Dataset()
        for word, value in words.items():  # type: ignore[attr-defined]
            setattr(item, word, value)
        setattr(found, sequence, Sequence([item]))
    return found


def enhanced(order: list[int]) -> Dataset:
    """A multi-frame CT of the head with its frames in an order of their own, each with another intercept."""
    image = head_slice(0)
    for word in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(image, word)
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    image.NumberOfFrames = len(order)
    set_stored(image, np.stack([head_hu(index) + 1024 + index for index in order]), "<u2")
    image.SharedFunctionalGroupsSequence = Sequence(
        [
            groups(
                PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
                PixelMeasuresSequence={"PixelSpacing": [3.5, 3.5], "SliceThickness": "5"},
                CTImageFrameTypeSequence={"FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]},
            )
        ]
    )
    image.PerFrameFunctionalGroupsSequence = Sequence(
        [
            groups(
                PlanePositionSequence={"ImagePositionPatient": [-112, -112, 5 * index]},
                PixelValueTransformationSequence={"RescaleSlope": "1", "RescaleIntercept": str(-1024 - index)},
                FrameContentSequence={"FrameAcquisitionNumber": 1},
            )
            for index in order
        ]
    )
    return image


def test_frames_are_ordered_and_rescaled_one_by_one(tmp_path: Path) -> None:
    order = list(np.random.default_rng(5).permutation(SLICES))
    write_file(enhanced([int(index) for index in order]), tmp_path / "multi")
    scan = only(tmp_path)
    np.testing.assert_array_equal(scan.volume.values, HEAD)
    assert [s.frame for s in scan.slices] == [order.index(index) for index in range(SLICES)]
    assert {s.file for s in scan.slices} == {"multi"}
    assert scan.warnings == ()


def test_frames_without_positions_are_refused(tmp_path: Path) -> None:
    image = enhanced([0, 1, 2])
    del image.PerFrameFunctionalGroupsSequence
    write_file(image, tmp_path / "multi")
    assert refused(tmp_path) == {"no_frame_positions"}


def test_an_impossible_number_of_frames_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    image = enhanced([0, 1])
    image.NumberOfFrames = 2_000_000_000
    write_file(image, tmp_path / "multi")
    assert refused(tmp_path) == {"truncated_pixels"}


def test_a_multi_frame_file_cut_in_its_last_frame_is_refused(tmp_path: Path) -> None:
    write_file(enhanced([0, 1, 2]), tmp_path / "multi")
    data = (tmp_path / "multi").read_bytes()
    (tmp_path / "multi").write_bytes(data[:-100])
    assert refused(tmp_path) == {"truncated_pixels"}


def compress(path: Path, syntax: str) -> None:
    """Compress a file in place with GDCM."""
    kinds = {
        JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
        JPEG2000Lossless: gdcm.TransferSyntax.JPEG2000Lossless,
    }
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_lossless_compression_changes_nothing(syntax: str, tmp_path: Path) -> None:
    write(head_series(3), tmp_path)
    for path in sorted(tmp_path.iterdir()):
        compress(path, syntax)
    np.testing.assert_array_equal(only(tmp_path).volume.values, HEAD[:3])


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_compressed_image_that_is_cut_short_is_refused(syntax: str, tmp_path: Path) -> None:
    write_file(head_slice(5), tmp_path / "a")
    compress(tmp_path / "a", syntax)
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[:-200])
    assert refused(tmp_path) <= {"truncated_pixels", "bad_pixels"}
    assert refused(tmp_path)


@pytest.mark.parametrize("marker", [b"\xff\xc3", b"\xff\xf7"])
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(marker: bytes, tmp_path: Path) -> None:
    stream = b"\xff\xd8\xff\xe0\0\x04ab" + marker + struct.pack(">HBHHB", 11, 12, 60000, 60000, 1) + b"\1\x11\0\xff\xd9"
    image = head_slice(5)
    image.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    image.PixelData = encapsulate([stream])
    write_file(image, tmp_path / "a")
    (row,) = find_scans(tmp_path)
    assert isinstance(row, Refusal)
    assert row.code == "bad_pixels"
    assert "60000" in row.reason


def test_a_jpeg_2000_stream_of_another_size_is_refused(tmp_path: Path) -> None:
    stream = b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">IIII", 50000, 40000, 0, 0) + bytes(30) + b"\xff\xd9"
    image = head_slice(5)
    image.file_meta.TransferSyntaxUID = JPEG2000Lossless
    image.PixelData = encapsulate([stream])
    write_file(image, tmp_path / "a")
    (row,) = find_scans(tmp_path)
    assert isinstance(row, Refusal)
    assert "40000 x 50000" in row.reason


def deflated(content: bytes) -> bytes:
    """A deflated file around any data set."""
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(syntax)) + syntax
    length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta))
    pack = zlib.compressobj(wbits=-15)
    return bytes(128) + b"DICM" + length + meta + pack.compress(content) + pack.flush()


def test_a_deflate_bomb_is_not_inflated(tmp_path: Path) -> None:
    element = b"\x08\x00\x08\x00UT\0\0" + struct.pack("<I", 1 << 31)
    (tmp_path / "bomb").write_bytes(deflated(element + bytes(200 << 20)))
    assert (tmp_path / "bomb").stat().st_size < 1 << 20
    assert refused(tmp_path) == {"bad_header"}


def test_a_damaged_deflate_stream_is_refused(tmp_path: Path) -> None:
    good = deflated(b"\x08\x00\x08\x00CS\x02\0AB" * 20)
    (tmp_path / "bad").write_bytes(good[:174] + b"\xff" * 60)
    assert refused(tmp_path) == {"bad_deflate"}


def test_a_long_private_element_does_not_hide_the_rest(tmp_path: Path) -> None:
    images = head_series(3)
    for image in images:
        image.private_block(0x0009, "TEST", create=True).add_new(1, "OB", bytes(5 * FIRST_BYTES))
    np.testing.assert_array_equal(only(write(images, tmp_path)).volume.values, HEAD[:3])


def test_a_sequence_of_unknown_vr_holds_implicit_items(tmp_path: Path) -> None:
    write(head_series(3), tmp_path)
    inner = b"\x08\x00\x50\x11\x04\0\0\x001.2\0"  # implicit: tag, four bytes of length
    sequence = b"\x09\x00\x02\x10UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner
    sequence += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    for path in sorted(tmp_path.iterdir()):
        data = path.read_bytes()
        place = data.index(b"\x10\x00\x10\x00PN")
        path.write_bytes(data[:place] + sequence + data[place:])
    np.testing.assert_array_equal(only(tmp_path).volume.values, HEAD[:3])


def test_scans_in_an_archive_are_the_same_scans(tmp_path: Path) -> None:
    folder = write(head_series(), tmp_path / "scan")
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"x/{path.name}")
    scan = only(tmp_path / "scan.zip")
    np.testing.assert_array_equal(scan.volume.values, HEAD)
    assert all(s.file.startswith("scan.zip!/x/") for s in scan.slices)
    assert scan.warnings == ()


def test_a_single_file_can_be_asked_for(tmp_path: Path) -> None:
    write_file(head_slice(5), tmp_path / "one.dcm")
    scan = only(tmp_path / "one.dcm")
    assert scan.slices[0].file == "one.dcm"
    assert {warning.code for warning in scan.warnings} == {"single_slice"}


def test_nothing_there_is_an_error_of_the_request(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="check the path"):
        discover(tmp_path / "nowhere")


def test_a_candidate_travels_to_another_process(tmp_path: Path) -> None:
    (candidate,) = discover(write(head_series(), tmp_path)).candidates
    packed = pickle.dumps(candidate)  # what multiprocessing does; nothing is stored that way
    assert len(packed) < 100_000
    assert b"H-123" not in packed
    sent: Candidate = pickle.loads(packed)
    np.testing.assert_array_equal(load(sent).volume.values, HEAD)
    assert (sent.series_uid, sent.media, len(sent.files)) == (SERIES, "dicom", SLICES)


def test_a_file_that_vanished_is_a_lost_slice(tmp_path: Path) -> None:
    (candidate,) = discover(write(head_series(), tmp_path)).candidates
    (tmp_path / candidate.files[10]).unlink()
    scan = load(candidate)
    assert {warning.code for warning in scan.warnings} == {"unreadable_slice", "missing_slices"}
    assert [row.code for row in scan.excluded] == ["unreadable_file"]
    for name in candidate.files:
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(RefusedError):
        load(candidate)


def test_a_member_that_vanished_from_its_archive_is_a_lost_slice(tmp_path: Path) -> None:
    folder = write(head_series(3), tmp_path / "scan")
    names = sorted(path.name for path in folder.iterdir())
    for names_kept in (names, names[:2]):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in names_kept:
                archive.write(folder / name, name)
        if names_kept == names:
            (candidate,) = discover(tmp_path / "a.zip").candidates
    assert [row.code for row in load(candidate).excluded] == ["unreadable_file"]


def test_a_scan_of_too_many_voxels_is_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bregma.io.dicom_scan.MAX_VOXELS", 1000)
    assert refused(write(head_series(3), tmp_path)) == {"scan_too_large"}


def test_what_is_no_dicom_has_no_header(tmp_path: Path) -> None:
    for name, content in {"text": b"hello " * 50, "zeros": bytes(600), "short": b"\x08\x00"}.items():
        (tmp_path / name).write_bytes(content)
        assert read_header(open_entry(tmp_path, name)) is None


def test_float_pixels_are_refused(tmp_path: Path) -> None:
    image = head_slice(0)
    del image.PixelData
    image.FloatPixelData = bytes(64 * 64 * 4)
    write_file(image, tmp_path / "a")
    assert refused(tmp_path) == {"float_pixels"}


META = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"


def test_file_meta_information_may_lack_its_length_and_preamble(tmp_path: Path) -> None:
    write(head_series(3), tmp_path)
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        data = path.read_bytes()
        body = data[data.index(b"\x08\x00\x08\x00CS") :]
        path.write_bytes((bytes(128) + b"DICM" if number else b"") + META + body)
    np.testing.assert_array_equal(only(tmp_path).volume.values, HEAD[:3])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bytes(128) + b"DICM" + b"\x02\x00\x02\x01OB\0\0\xff\xff\xff\x7f" + bytes(99), "bad_header"),
        (bytes(128) + b"DICM" + META + b"\xfe\xff\x00\xe0\0\0\0\0" + bytes(99), "bad_header"),
        (bytes(128) + b"DICM" + META + b"\x08\x00\x05\x00CSxx", "bad_header"),
        (bytes(128) + b"DICM" + META + b"\x08\x00\x05\x00C", "bad_header"),
        (bytes(128) + b"DICM" + META + b"\x08\x00\x05\x00CS\x02\0AB\x08\x00\x06\x00c?\x02\0AB", "bad_header"),
        (bytes(128) + b"DICM" + META + b"\x08\x00\x05\x00UT\0\0\xff\xff\xff\x7f" + bytes(20), "bad_header"),
        (bytes(128) + b"DICM" + META + b"\x08\x00\x60\x00CS\x02\0SR", "not_an_image"),
        (bytes(128) + b"DICM" + META.replace(b"1.2.840.10008.1.2.1\0", b"9.9.999.99999.9.9.9\0"), "unknown_syntax"),
    ],
)
def test_damaged_headers(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert refused(tmp_path) == {code}


@pytest.mark.parametrize("place", [b"\x10\x00\x20\x00LO", b"\x28\x00\x10\x00US"])
def test_a_value_across_the_first_bytes_read_is_read_whole(place: bytes, tmp_path: Path) -> None:
    image = head_slice(5)
    write_file(image, tmp_path / "a")
    start = (tmp_path / "a").read_bytes().index(place)
    filling = FIRST_BYTES - start - 8 - 8 - 4 + 8 - 1  # the value then begins one byte before the end of what is read
    image.private_block(0x0009, "TEST", create=True).add_new(1, "OB", bytes(max(0, filling) & ~1))
    write_file(image, tmp_path / "a")
    scan = only(tmp_path)
    np.testing.assert_array_equal(scan.volume.values[0], HEAD[5])


def test_eight_bit_images_are_no_hounsfield_units(tmp_path: Path) -> None:
    image = head_slice(5)
    image.BitsAllocated, image.BitsStored, image.HighBit, image.RescaleIntercept = 8, 8, 7, "0"
    set_stored(image, np.clip(HEAD[5], 0, 255), "u1")
    write_file(image, tmp_path / "a")
    scan = only(tmp_path)
    assert scan.refusal is not None
    assert scan.refusal.code == "not_hounsfield"


def test_nifti_and_pictures_are_found_beside_dicom(tmp_path: Path) -> None:
    import nibabel
    from PIL import Image

    write(head_series(), tmp_path / "dicom")
    affine = np.diag([-3.5, -3.5, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(HEAD.transpose(2, 1, 0).astype(np.int16), affine), tmp_path / "head.nii.gz")
    for index in range(3):
        grey = np.clip(HEAD[index] * 2 + 60, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / f"png_{index}.png")
    (tmp_path / "described").mkdir()
    Image.fromarray(grey).save(tmp_path / "described" / "a.png")
    (tmp_path / "described" / "scan.json").write_text('{"window": {"center": 40, "width": 80}}')
    found = list(find_scans(tmp_path))
    assert sorted(one.source.media for one in found if isinstance(one, Scan)) == ["dicom", "nifti", "png", "png"]
    assert not [one for one in found if isinstance(one, Refusal)]
    nifti = next(one for one in found if isinstance(one, Scan) and one.source.media == "nifti")
    np.testing.assert_array_equal(nifti.volume.values, HEAD)


def test_deeply_nested_sequences_in_a_multi_frame_file_end_in_a_refusal_or_a_scan(tmp_path: Path) -> None:
    write_file(enhanced([0, 1, 2]), tmp_path / "multi")
    data = (tmp_path / "multi").read_bytes()
    nested = b""
    for _ in range(3000):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(nested)) + nested
        nested = b"\x08\x00\x40\x11SQ\0\0" + struct.pack("<I", len(item)) + item
    place = data.index(b"\x10\x00\x10\x00PN")
    (tmp_path / "multi").write_bytes(data[:place] + nested + data[place:])
    (found,) = find_scans(tmp_path)
    assert isinstance(found, Scan) or found.code == "nested_sequences"


def test_nesting_in_the_functional_groups_themselves_is_bounded(tmp_path: Path) -> None:
    write_file(enhanced([0, 1, 2]), tmp_path / "multi")
    data = (tmp_path / "multi").read_bytes()
    level = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    place = data.index(b"\x10\x00\x10\x00PN")
    (tmp_path / "multi").write_bytes(data[:place] + 3000 * level + 3000 * end + data[place:])
    assert refused(tmp_path) == {"nested_sequences"}


def test_more_frames_than_any_head_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bregma.io.dicom_frames.MAX_FRAMES", 2)
    write_file(enhanced([0, 1, 2]), tmp_path / "multi")
    assert refused(tmp_path) == {"too_many_frames"}


def test_damaged_functional_groups_are_refused(tmp_path: Path) -> None:
    write_file(enhanced([0, 1, 2]), tmp_path / "multi")
    data = (tmp_path / "multi").read_bytes()
    place = data.rindex(b"\x00\x52\x30\x92SQ")
    (tmp_path / "multi").write_bytes(data[: place + 24] + b"\xff" * 8 + data[place + 32 :])
    assert refused(tmp_path) & {"bad_header", "no_frame_positions"}


def test_uncompressed_scans_are_read_without_pydicom(tmp_path: Path) -> None:
    """The import alone takes longer than reading a hundred scans."""
    write(head_series(3), tmp_path)
    program = (
        "import sys, pathlib; from bregma.io.find import find_scans; "
        f"scan, = find_scans(pathlib.Path({str(tmp_path)!r})); assert len(scan.slices) == 3; "
        "print(sorted({'pydicom', 'gdcm', 'nibabel', 'PIL', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
