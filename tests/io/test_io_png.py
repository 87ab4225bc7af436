"""PNG slices: grey values made HU again, and everything that can be wrong with a folder of pictures."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bregma.io.files import list_entries
from bregma.io.png import load_png_folder
from bregma.io.png_names import group_slices, natural_order, picture_scans
from bregma.scan.errors import RefusedError
from bregma.scan.study import Status
from bregma.scan.volume import Scan

HERE = Path(__file__).parents[2]


def ramp(rows: int = 8, columns: int = 6, *, add: int = 0) -> np.ndarray:
    return ((np.arange(rows * columns).reshape(rows, columns) * 5 + add) % 256).astype(np.uint8)


def png_bytes(grey: np.ndarray, mode: str | None = None) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(grey)
    (picture.convert(mode) if mode else picture).save(stream, "png")
    return stream.getvalue()


def write(folder: Path, pictures: dict[str, np.ndarray | bytes], sidecar: Any = None) -> Path:
    folder.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (folder / name).write_bytes(picture if isinstance(picture, bytes) else png_bytes(picture))
    if sidecar is not None:
        text = sidecar if isinstance(sidecar, str) else json.dumps(sidecar)
        (folder / "scan.json").write_text(text)
    return folder


def load(folder: Path) -> Scan:
    entries = list_entries(folder)[0]
    sidecars = [entry for entry in entries if entry.name.endswith("scan.json")]
    return load_png_folder([entry for entry in entries if entry not in sidecars], next(iter(sidecars), None), folder)


def refused(folder: Path) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        load(folder)
    return caught.value


def codes(scan: Scan) -> set[str]:
    return {warning.code for warning in scan.warnings}


WHOLE = {"window": {"center": 40, "width": 80}, "pixel_mm": [0.5, 0.4], "slice_mm": 5.0, "order": "foot_to_head"}


def test_grey_values_become_hounsfield_units_inside_the_window(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "s", {"a_1.png": ramp(), "a_2.png": ramp(add=3)}, WHOLE))
    expected = np.rint(np.stack([ramp(), ramp(add=3)]) / 255 * 80)
    np.testing.assert_array_equal(scan.volume.values, expected)
    assert scan.volume.values.dtype == np.int16
    assert codes(scan) >= {"display_values", "modality_unknown", "order_assumed", "too_few_slices"}
    assert "no_orientation" not in codes(scan)
    assert scan.status is Status.WITH_WARNINGS
    geometry = scan.volume.geometry
    assert geometry is not None
    assert geometry.pixel_mm == (0.5, 0.4)
    np.testing.assert_allclose(geometry.to_patient(np.array([0, 3.5, 2.5])), (0, 0, 0), atol=1e-9)
    assert [piece.file for piece in scan.slices] == ["a_1.png", "a_2.png"]
    assert [piece.z_mm for piece in scan.slices] == [0.0, 5.0]
    assert [piece.gap_mm for piece in scan.slices] == [5.0, None]
    assert scan.slices[0].hu_check.startswith("display values")
    assert scan.source.files == ("a_1.png", "a_2.png")
    assert scan.source.media == "png"


def test_without_a_side_car_little_is_known_and_it_is_said(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "s", {"1.png": ramp(), "2.png": ramp(add=9), "10.png": ramp(add=7)}))
    assert scan.volume.geometry is None
    assert codes(scan) >= {"no_orientation", "window_assumed", "display_values", "order_assumed"}
    assert "single_slice" not in codes(scan)
    assert not scan.wholly_covered
    assert [piece.file for piece in scan.slices] == ["1.png", "2.png", "10.png"]
    assert scan.status is Status.WITH_WARNINGS
    assert all(piece.z_mm is None and piece.gap_mm is None for piece in scan.slices)


def test_one_picture_is_a_single_slice(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "s", {"1.png": ramp()}, {"pixel_mm": 0.5}))
    assert "single_slice" in codes(scan)
    assert "order_assumed" not in codes(scan)
    assert scan.volume.geometry is not None


def test_sixteen_bits_hold_all_hounsfield_units(tmp_path: Path) -> None:
    hu = np.arange(48).reshape(8, 6) * 60 - 1024
    picture = (hu + 1024).astype(np.uint16)
    scan = load(write(tmp_path / "s", {"a.png": picture}, {"hu": {"offset": -1024, "slope": 1}}))
    np.testing.assert_array_equal(scan.volume.values[0], hu)
    assert "display_values" not in codes(scan)
    assert scan.slices[0].hu_check == "ok"
    scan = load(write(tmp_path / "s", {"a.png": picture}, {"window": {"center": 0, "width": 2000}}))
    np.testing.assert_array_equal(scan.volume.values[0], np.rint(picture / 65535 * 2000 - 1000))


def test_head_to_foot_is_turned_round(tmp_path: Path) -> None:
    pictures = {f"{i}.png": ramp(add=i) for i in range(3)}
    scan = load(write(tmp_path / "s", pictures, {**WHOLE, "order": "head_to_foot"}))
    assert [piece.file for piece in scan.slices] == ["2.png", "1.png", "0.png"]
    assert [piece.z_mm for piece in scan.slices] == [0, 5, 10]


def test_the_side_car_s_list_gives_the_order(tmp_path: Path) -> None:
    pictures = {name: ramp(add=index) for index, name in enumerate(("x.png", "y.png", "other.png"))}
    known = {"files": ["y.png", "x.png"], "pixel_mm": 0.5, "z_mm": [1.0, 7.5]}
    scan = load(write(tmp_path / "s", pictures, known))
    assert [piece.file for piece in scan.slices] == ["y.png", "x.png"]
    assert [piece.gap_mm for piece in scan.slices] == [6.5, None]
    assert "order_assumed" not in codes(scan)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_and_mirrored_pictures_are_put_right(tmp_path: Path, turn: int, mirror: bool) -> None:
    right = ramp()
    stored = right[:, ::-1] if mirror else right
    stored = np.ascontiguousarray(np.rot90(stored, k=turn // 90))
    millimetres = [0.5, 0.4] if turn in (0, 180) else [0.4, 0.5]
    known = {**WHOLE, "rotate": turn, "mirror": mirror, "pixel_mm": millimetres}
    scan = load(write(tmp_path / "s", {"1.png": stored}, known))
    np.testing.assert_array_equal(scan.volume.values[0], np.rint(right / 255 * 80))
    assert scan.volume.geometry is not None
    assert scan.volume.geometry.pixel_mm == (0.5, 0.4)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(center=st.integers(-400, 400), width=st.integers(10, 4000), grey=st.integers(0, 255))
def test_a_grey_value_is_its_hounsfield_unit_within_half_a_step(
    tmp_path: Path, center: int, width: int, grey: int
) -> None:
    hu = center - width / 2 + grey / 255 * width
    picture = ramp()
    picture[2, 3] = grey
    scan = load(write(tmp_path / "s", {"1.png": picture}, {"window": {"center": center, "width": width}}))
    assert scan.volume.values[0, 2, 3] == pytest.approx(max(hu, -1024), abs=0.5001)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_pictures_in_a_colour_format_are_read(tmp_path: Path, mode: str) -> None:
    scan = load(write(tmp_path / "s", {"1.png": png_bytes(ramp(), mode)}, WHOLE))
    np.testing.assert_array_equal(scan.volume.values[0], np.rint(ramp() / 255 * 80))


def test_the_same_pictures_are_the_same_scan(tmp_path: Path) -> None:
    one = load(write(tmp_path / "s", {"1.png": ramp()}, WHOLE))
    two = load(write(tmp_path / "t", {"other.png": ramp()}, WHOLE))
    three = load(write(tmp_path / "u", {"1.png": ramp(add=1)}, WHOLE))
    assert one.series == two.series
    assert one.series.series_uid != three.series.series_uid


@pytest.mark.parametrize(
    ("sidecar", "words"),
    [
        ("no json", "JSON"),
        ("[1]", "object"),
        ("[" * 100_000, "JSON"),
        ({"windw": {}}, "did you mean 'window'"),
        ({"window": {"center": 40}}, "center"),
        ({"window": {"center": 40, "width": 0}}, "positive"),
        ({"window": {"center": 40, "width": -80}}, "positive"),
        ({"window": {"center": "40", "width": 80}}, "'40'"),
        ({"window": {"centre": 40, "width": 80}}, "did you mean 'center'"),
        ({"window": [40, 80]}, "object"),
        ({"window": {"center": 40, "width": 80}, "hu": {"offset": 0}}, "both"),
        ({"hu": {"slope": 0}}, "slope"),
        ({"pixel_mm": 0}, "positive"),
        ({"pixel_mm": [0.5, 0.5, 0.5]}, "between rows"),
        ({"pixel_mm": True}, "True"),
        ('{"pixel_mm": NaN}', "nan"),
        ('{"slice_mm": 1e999}', "inf"),
        ({"slice_mm": -5}, "positive"),
        ({"order": "up"}, "foot_to_head"),
        ({"rotate": 45}, "270"),
        ({"rotate": True}, "270"),
        ({"mirror": "yes"}, "true"),
        ({"mirror": 1}, "true"),
        ({"files": "1.png"}, "list"),
        ({"files": [1]}, "text"),
        ({"z_mm": [1.0, 2.0]}, "2 places for 1"),
        ({"modality": 3}, "text"),
        (" " * (2 << 20), "bytes"),
    ],
)
def test_side_cars_that_cannot_be_are_refused(tmp_path: Path, sidecar: Any, words: str) -> None:
    error = refused(write(tmp_path / "s", {"1.png": ramp()}, sidecar))
    assert error.code == "bad_sidecar"
    assert words in error.reason


def test_heights_that_do_not_rise_are_refused(tmp_path: Path) -> None:
    known = {"pixel_mm": 1, "z_mm": [5.0, 0.0]}
    assert refused(write(tmp_path / "s", {"1.png": ramp(), "2.png": ramp()}, known)).code == "bad_sidecar"
    known["order"] = "head_to_foot"
    scan = load(write(tmp_path / "s", {"1.png": ramp(), "2.png": ramp()}, known))
    assert [(piece.file, piece.z_mm) for piece in scan.slices] == [("2.png", 0.0), ("1.png", 5.0)]


@pytest.mark.parametrize("files", [["gone.png"], ["1.png", "1.png"], ["../1.png"], ["/etc/passwd"]])
def test_listed_files_that_are_not_there_are_refused(tmp_path: Path, files: list[str]) -> None:
    assert refused(write(tmp_path / "s", {"1.png": ramp()}, {"files": files})).code == "missing_file"


def test_a_side_car_alone_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "s", {}, WHOLE)).code == "missing_file"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def raw_png(columns: int, rows: int, packed: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def colours() -> np.ndarray:
    return np.stack([ramp(), ramp(add=50), ramp()], axis=-1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_png"),
        (b"\x89PNG\r\n\x1a\n", "bad_png"),
        (b"GIF89a" + b"\0" * 100, "bad_png"),
        (png_bytes(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8))[:900], "bad_png"),
        (png_bytes(ramp())[:-30], "bad_png"),
        (raw_png(6, 8, b"garbage"), "bad_png"),
        (raw_png(6, 8, zlib.compress(b"\0" * 10)), "bad_png"),
        (raw_png(6, 8, zlib.compress(b"\0" * 56), depth=7), "bad_png"),
        (raw_png(0, 8, zlib.compress(b"")), "image_too_large"),
        (raw_png(100_000, 100_000, zlib.compress(b"\0" * 1000)), "image_too_large"),
        (raw_png(2**31, 2, zlib.compress(b"\0" * 1000)), "image_too_large"),
        (png_bytes(colours()), "color_image"),
        (png_bytes((ramp() > 100).astype(np.uint8) * 255), "mask_picture"),
        (png_bytes(ramp() > 100), "mask_picture"),
    ],
)
def test_pictures_that_cannot_be_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert refused(write(tmp_path / "s", {"1.png": content})).code == code


def test_an_animation_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(ramp()).save(stream, "png", save_all=True, append_images=[Image.fromarray(ramp(add=9))])
    assert refused(write(tmp_path / "s", {"1.png": stream.getvalue()})).code == "bad_png"


def test_pictures_of_different_sizes_are_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path / "s", {"1.png": ramp(), "2.png": ramp(6, 8)})).code == "mixed_matrices"


def test_a_blank_picture_is_shown_but_not_read(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "s", {"1.png": np.zeros((8, 6), np.uint8)}, WHOLE))
    assert scan.refusal is not None
    assert scan.refusal.code == "blank_image"


def test_a_stated_modality_is_believed(tmp_path: Path) -> None:
    scan = load(write(tmp_path / "s", {"1.png": ramp()}, {**WHOLE, "modality": "MR"}))
    assert scan.series.modality == "MR"
    assert scan.refusal is not None
    assert scan.refusal.code == "not_ct"
    scan = load(write(tmp_path / "s", {"1.png": ramp()}, {**WHOLE, "modality": "CT"}))
    assert scan.refusal is None
    assert "modality_unknown" not in codes(scan)


def test_a_whole_head_in_pictures_is_wholly_covered(tmp_path: Path) -> None:
    """30 discs, 5 mm apart, shrinking to the top: no slice is missing, and black is not taken for the patient."""
    rows, columns = np.mgrid[:64, :64] - 31.5
    for index in range(30):
        radius = 24 * np.sqrt(max(0.05, 1 - (index / 30) ** 2))
        grey = np.where(rows**2 + columns**2 < radius**2, 120 + index, 0).astype(np.uint8)
        write(tmp_path / "s", {f"{index}.png": grey})
    scan = load(write(tmp_path / "s", {}, {"pixel_mm": 3.5, "slice_mm": 5.0, "modality": "CT"}))
    assert codes(scan) == {"display_values", "order_assumed"}
    assert scan.wholly_covered
    assert scan.refusal is None


def test_names_are_grouped_by_head_and_put_in_natural_order(tmp_path: Path) -> None:
    for name in ("0002_1.png", "0001_10.png", "0001_9.png", "x/0001_1.png", "alone.png", "7.png", "8.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    groups = [[entry.name for entry in group] for group in group_slices(list_entries(tmp_path)[0])]
    expected = [["7.png", "8.PNG"], ["0001_9.png", "0001_10.png"], ["0002_1.png"], ["alone.png"], ["x/0001_1.png"]]
    assert sorted(groups) == sorted(expected)
    assert sorted(["s10", "s9", "s1a", "a"], key=natural_order) == ["a", "s1a", "s9", "s10"]


def names_of(folder: Path) -> list[list[str]]:
    return sorted([entry.name for entry in group] for group in picture_scans(list_entries(folder)[0]))


def test_a_side_car_holds_for_every_head_of_its_folder(tmp_path: Path) -> None:
    pictures: dict[str, Any] = {f"p{patient}_{index}.png": b"x" for patient in (1, 2) for index in (1, 2)}
    write(tmp_path / "many", pictures, WHOLE)
    assert names_of(tmp_path / "many") == [["p1_1.png", "p1_2.png", "scan.json"], ["p2_1.png", "p2_2.png", "scan.json"]]
    write(tmp_path / "listed", pictures, {"files": ["p1_1.png", "p2_2.png"]})
    write(tmp_path / "named", {"base.png": b"x", "top.png": b"x"}, WHOLE)
    write(tmp_path / "broken", pictures, "{")
    for name in ("listed", "named", "broken"):
        assert len(names_of(tmp_path / name)) == 1
    assert len(names_of(tmp_path)) == 5
    write(tmp_path / "bare", {"base.png": b"x", "top.png": b"x"})
    assert names_of(tmp_path / "bare") == [["base.png"], ["top.png"]]


def test_every_key_is_documented_and_the_examples_are_read(tmp_path: Path) -> None:
    from bregma.io.png_sidecar import KEYS

    text = (HERE / "docs" / "how-to" / "png-sidecar.md").read_text()
    for key in KEYS:
        assert f"`{key}`" in text
    examples = [part.split("```")[0] for part in text.split("```json\n")[1:]]
    assert len(examples) >= 2
    for number, example in enumerate(examples):
        known = json.loads(example)
        names = known.get("files") or ["a_1.png", "a_2.png", "a_3.png"]
        pictures: dict[str, Any] = {name: ramp(add=index) for index, name in enumerate(names)}
        load(write(tmp_path / str(number), pictures, example))


@pytest.mark.real_data
def test_real_pictures_are_one_scan_a_patient(real_ct: Path) -> None:
    entries = list_entries(real_ct / "phe_sich" / "images")[0]
    groups = group_slices(entries)
    assert (len(groups), sum(map(len, groups))) == (26, 754)
    scan = load_png_folder(groups[0], None, real_ct / "phe_sich" / "images")
    assert scan.volume.values.shape == (32, 512, 512)
    assert scan.volume.geometry is None
    assert scan.status is Status.WITH_WARNINGS
    assert (scan.volume.values.min(), scan.volume.values.max()) == (0, 80)


@pytest.mark.real_data
def test_real_masks_are_not_taken_for_scans(real_ct: Path) -> None:
    groups = group_slices(list_entries(real_ct / "phe_sich" / "masks")[0])
    for group in groups[:3]:
        with pytest.raises(RefusedError) as caught:
            load_png_folder(group, None, real_ct)
        assert caught.value.code == "mask_picture"
